"""Pages for people who try things out: the test cards and banks, and where the money went.

They show references and amounts, and no session's address, which is all that it takes to pay it.
"""

import datetime as dt
from typing import Any, Final

from aiohttp import web

from stack.sandbox import cards
from stack.sandbox.pages import CODE, HEADERS, amount_text, open_templates
from stack.sandbox.store import Store

_PAGE: Final = 50
_NEWEST: Final = 2**62
_LONGEST_REFERENCE: Final = 100


class Overview:
    """The handlers."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._templates = open_templates()

    def routes(self) -> list[web.AbstractRouteDef]:
        """What it answers."""
        return [web.get("/", self.show_cards), web.get("/ledger", self.show_ledger)]

    async def show_cards(self, _request: web.Request) -> web.Response:
        """What there is to pay with."""
        return self._page("cards.html", test_cards=cards.listed(), banks=cards.listed_banks(), code=CODE)

    async def show_ledger(self, request: web.Request) -> web.Response:
        """Movements of money, newest first: `?before=` a sequence number, `?reference=` of one order."""
        before = _sequence(request.query.get("before", ""))
        reference = request.query.get("reference", "").strip()[:_LONGEST_REFERENCE]
        rows = self._store.latest_movements(before, _PAGE + 1, reference)
        shown = [_movement(row) for row in rows[:_PAGE]]
        return self._page(
            "ledger.html",
            reference=reference,
            movements=shown,
            older=shown[-1]["sequence"] if len(rows) > _PAGE else None,
            newest=before == _NEWEST,
            sums=[_sum(row) for row in self._store.sums()],
            refunds=[
                {
                    "amount": amount_text(refund.amount, refund.currency),
                    "status": refund.status,
                    "time": _time(refund.created),
                }
                for refund in self._store.unsettled_refunds(_PAGE)
            ],
        )

    def _page(self, template: str, **facts: Any) -> web.Response:
        text = self._templates.get_template(template).render(**facts)
        return web.Response(text=text, content_type="text/html", headers=HEADERS)


def _sequence(text: str) -> int:
    if not text:
        return _NEWEST
    if not (text.isascii() and text.isdigit() and len(text) <= 15):
        raise web.HTTPBadRequest(text="before must be a sequence number")
    return int(text)


def _movement(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "sequence": row["sequence"],
        "what": "Captured" if row["kind"] == "capture" else "Refunded",
        "amount": amount_text(row["amount"], row["currency"]),
        "reference": row["reference"],
        "time": _time(row["created"]),
    }


def _sum(row: dict[str, Any]) -> dict[str, Any]:
    currency = row["currency"]
    return {
        "currency": currency,
        "movements": row["movements"],
        "captured": amount_text(row["captured"], currency),
        "refunded": amount_text(row["refunded"], currency),
        "kept": amount_text(row["captured"] - row["refunded"], currency),
    }


def _time(seconds: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(seconds, dt.UTC)
