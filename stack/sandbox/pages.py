"""The hosted pages: where the payer's browser is sent. They work without scripts.

A card number is read from the form, matched against the test cards and
forgotten: only its last four digits are kept.
"""

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import jinja2
from aiohttp import web

from mesh.currencies import plain
from stack.sandbox import cards, records
from stack.sandbox.payments import Payments, UnknownObject
from stack.sandbox.records import Session

_FOLDER: Final = Path(__file__).parent
CODE: Final = "123456"
HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


def open_templates() -> jinja2.Environment:
    """The sandbox's templates."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )


class Pages:
    """The handlers."""

    def __init__(self, payments: Payments) -> None:
        self._payments = payments
        self._templates = open_templates()
        self._test_cards = cards.listed()

    def routes(self) -> list[web.AbstractRouteDef]:
        """What it answers."""
        return [
            web.get("/pay/{id}", self.show),
            web.post("/pay/{id}", self.pay),
            web.post("/pay/{id}/code", self.enter_code),
            web.post("/pay/{id}/cancel", self.cancel),
            web.static("/static", _FOLDER / "static"),
        ]

    async def show(self, request: web.Request) -> web.Response:
        """The page of a session: a card form, a bank's sign-in, a code, or how it ended."""
        return self._page(self._session(request))

    async def pay(self, request: web.Request) -> web.Response:
        """The card or bank form was sent."""
        session = self._session(request)
        form = await request.post()
        try:
            if session.order.method == "internet_banking":
                card, last4 = self._bank(form), ""
            else:
                card, last4 = self._card(form)
        except cards.CardRefused as refused:
            return self._page(session, refused, status=422)
        return self._onward(self._payments.pay(session.session_id, card, last4))

    async def enter_code(self, request: web.Request) -> web.Response:
        """The code of the authentication step was sent; a wrong one is a declined payment."""
        session = self._session(request)
        code = str((await request.post()).get("code", "")).strip()
        return self._onward(self._payments.authenticate(session.session_id, passed=code == CODE))

    async def cancel(self, request: web.Request) -> web.Response:
        """The payer goes back without paying."""
        session = self._payments.cancel(self._session(request).session_id)
        url = session.order.cancel_url if session.status == records.CANCELED else session.order.return_url
        raise web.HTTPSeeOther(url, headers=HEADERS)

    def _session(self, request: web.Request) -> Session:
        try:
            return self._payments.session(request.match_info["id"])
        except UnknownObject:
            raise web.HTTPNotFound(text="There is no such payment.") from None

    def _onward(self, session: Session) -> web.Response:
        if session.status == records.OPEN:
            return self._page(session)
        raise web.HTTPSeeOther(session.order.return_url, headers=HEADERS)

    def _page(
        self, session: Session, refused: cards.CardRefused | None = None, status: int = 200
    ) -> web.Response:
        text = self._templates.get_template(_template(session)).render(
            session=session,
            order=session.order,
            amount=amount_text(session.order.amount, session.order.currency),
            refused=refused,
            test_cards=self._test_cards,
            banks=cards.BANK_NAMES,
            decline_text=cards.DECLINE_TEXTS.get(session.decline_reason, ""),
            code=CODE,
            expires=dt.datetime.fromtimestamp(session.order.expires_at, dt.UTC),
        )
        return web.Response(text=text, content_type="text/html", status=status, headers=HEADERS)

    def _card(self, form: Mapping[str, Any]) -> tuple[cards.Behaviour, str]:
        number = _text(form, "number")
        card = cards.behaviour_of_card(number)
        _check_expiry(_text(form, "expiry"))
        cvc = _text(form, "cvc")
        if not (cvc.isascii() and cvc.isdigit() and len(cvc) in {3, 4}):
            raise cards.CardRefused("cvc", "Enter the 3 or 4 digits beside the signature.")
        return card, number.replace(" ", "").replace("-", "")[-4:]

    def _bank(self, form: Mapping[str, Any]) -> cards.Behaviour:
        chosen = cards.behaviour_of_bank(_text(form, "bank"))
        return cards.DECLINED if _text(form, "decision") == "refuse" else chosen


def _template(session: Session) -> str:
    if session.status != records.OPEN:
        return "ended.html"
    if session.behaviour:
        return "code.html"
    return "bank.html" if session.order.method == "internet_banking" else "card.html"


def _text(form: Mapping[str, Any], name: str) -> str:
    value = form.get(name, "")
    return value.strip()[:100] if isinstance(value, str) else ""


def _check_expiry(text: str) -> None:
    month, separator, year = text.replace(" ", "").partition("/")
    if not (separator and month.isascii() and month.isdigit() and year.isascii() and year.isdigit()):
        raise cards.CardRefused("expiry", "Enter the month and year, such as 12/34.")
    number = int(month[:4])
    full_year = 2000 + int(year[:4]) if len(year) <= 2 else int(year[:4])
    today = dt.datetime.now(dt.UTC).date()
    if not 1 <= number <= 12:
        raise cards.CardRefused("expiry", "The month is a number from 01 to 12.")
    if (full_year, number) < (today.year, today.month):
        raise cards.CardRefused("expiry", "This card has expired.")


def amount_text(minor_units: int, currency: str) -> str:
    """The amount for people, such as `USD 12.50`."""
    return f"{currency} {plain(minor_units, currency)}"
