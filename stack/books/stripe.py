"""Stripe's own account of what it took and sent back: charges, refunds, disputes, by its official library.

A charge is money taken, a refund money that went back, a dispute money that the buyer's bank took back, all
in the currency that the buyer paid in; balance transactions are in the account's own. Ours are known by the
metadata that booking_svc gives them, which Stripe copies from the PaymentIntent to its charges. Disputes, and
refunds that somebody makes in the Dashboard, have none and are known by their charge.
"""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from typing import Any, Final

import aiohttp
import stripe

from mesh.money import Money
from stack.books.records import Kind, Movement
from stack.errors import StackError

PROVIDER: Final = "stripe"
API_BASE: Final = "https://api.stripe.com"
API_VERSION: Final = "2026-10-28.endive"
"""The version that this code was written for; an account's own default plays no part."""

_PAGE: Final = 100
_MOST_PAGES: Final = 5_000
_CALL_SECONDS: Final = 10.0
_RETRIES: Final = 2
"""Unlike a payment, a page may be asked for again at once."""
_HUNDREDTHS: Final = frozenset({"ISK", "UGX"})
"""Stripe writes them with two decimals that they do not have (https://docs.stripe.com/currencies)."""
_SUCCEEDED: Final = "succeeded"
_BOOKING, _PAYMENT, _REFUND = "booking_id", "payment_id", "refund_key"
"""Keys of booking_svc's metadata."""

_Object = Mapping[str, Any]
_List = Callable[[Any], Awaitable[stripe.StripeObject]]


class StripeLedger:
    """The `ProviderLedger` port. Each look reads everything: refunds and disputes change."""

    provider: Final = PROVIDER

    def __init__(
        self,
        api_key: str,
        api_base: str = API_BASE,
        most_pages: int = _MOST_PAGES,
        call_seconds: float = _CALL_SECONDS,
    ) -> None:
        if "_live_" in api_key and not api_base.startswith("https:"):
            raise StackError("STRIPE_API_BASE must be an https address for a live STRIPE_API_KEY")
        self._api_key = api_key
        self._api_base = api_base.rstrip("/")
        self._most_pages = most_pages
        self._call_seconds = call_seconds
        self.passed_over = 0

    async def movements(self) -> list[Movement]:
        """See `ProviderLedger.movements`."""
        async with aiohttp.ClientSession() as session:
            v1 = self._client(session).v1
            try:
                # First, so that the charges of all of them are among those that are read then.
                disputes = [each async for each in self._all(v1.disputes.list_async)]
                refunds = [each async for each in self._all(v1.refunds.list_async)]
                captures = await self._captures(self._all(v1.charges.list_async))
                return [*captures.values(), *_refunds(refunds, captures), *_disputes(disputes, captures)]
            except (AttributeError, KeyError, TypeError, ValueError, OverflowError):
                raise _unreadable() from None

    async def _captures(self, charges: AsyncIterator[_Object]) -> dict[str, Movement]:
        """Our captures by charge."""
        found: dict[str, Movement] = {}
        passed_over = 0
        async for charge in charges:
            if charge["status"] != _SUCCEEDED or not charge["amount_captured"]:
                continue  # an amount that is only reserved
            marks = charge["metadata"] or {}
            if _BOOKING in marks or _PAYMENT in marks:
                amount = _money(charge["currency"], charge["amount_captured"])
                found[charge["id"]] = _movement(Kind.CAPTURE, marks.get(_PAYMENT, ""), charge, amount)
            else:
                passed_over += 1
        self.passed_over = passed_over
        return found

    def _client(self, session: aiohttp.ClientSession) -> stripe.StripeClient:
        stripe.enable_telemetry = False
        return stripe.StripeClient(
            self._api_key,
            stripe_version=API_VERSION,
            base_addresses={"api": self._api_base},
            max_network_retries=_RETRIES,
            http_client=stripe.AIOHTTPClient(
                timeout=aiohttp.ClientTimeout(total=self._call_seconds), session=session
            ),
        )

    async def _all(self, list_page: _List) -> AsyncIterator[_Object]:
        params: dict[str, Any] = {"limit": _PAGE}
        for _ in range(self._most_pages):
            rows, more = await self._page(list_page(params))
            for row in rows:
                yield row
            if not more:
                return
            params = {"limit": _PAGE, "starting_after": rows[-1]["id"]}
        raise StackError(f"Stripe's lists are longer than {self._most_pages * _PAGE:,} objects")

    async def _page(self, call: Awaitable[stripe.StripeObject]) -> tuple[list[dict[str, Any]], bool]:
        try:
            async with asyncio.timeout(self._call_seconds * (1 + _RETRIES)):
                page = (await call).to_dict()
            rows, more = page["data"], page["has_more"]
            if not all(isinstance(row, dict) and row["id"] for row in rows) or (more and not rows):
                raise _unreadable()
        except stripe.StripeError as error:
            # The library's text may show a part of the key.
            raise StackError(_problem(error.http_status)) from None
        except (aiohttp.ClientError, TimeoutError):
            raise StackError(_problem(None)) from None
        except (AttributeError, KeyError, TypeError, ValueError, RecursionError):
            # The library takes for granted that whoever answers is Stripe.
            raise _unreadable() from None
        return rows, bool(more)


def _refunds(refunds: Iterable[_Object], captures: Mapping[str, Movement]) -> Iterator[Movement]:
    for refund in refunds:
        of = captures.get(refund["charge"])
        if refund["status"] == _SUCCEEDED and (of is not None or _REFUND in (refund["metadata"] or {})):
            amount = _money(refund["currency"], refund["amount"])
            yield _movement(Kind.REFUND, of.payment_id if of else "", refund, amount)


def _disputes(disputes: Iterable[_Object], captures: Mapping[str, Movement]) -> Iterator[Movement]:
    """Those whose money is away: not inquiries, nor what was won."""
    for dispute in disputes:
        of = captures.get(dispute["charge"])
        if of is not None and sum(each["amount"] for each in dispute["balance_transactions"]) < 0:
            amount = _money(dispute["currency"], dispute["amount"])
            yield _movement(Kind.DISPUTE, of.payment_id, dispute, amount)


def _problem(status: int | None) -> str:
    if status is None:
        return "Stripe does not answer"
    if status in {401, 403}:
        return f"Stripe answered {status}: STRIPE_API_KEY may not read charges, refunds and disputes"
    return f"Stripe answered {status}"


def _unreadable() -> StackError:
    return StackError("Stripe's answer cannot be read")


def _movement(kind: Kind, payment_id: str, shown: _Object, amount: Money) -> Movement:
    return Movement(
        provider=PROVIDER,
        kind=kind,
        payment_id=payment_id,
        movement_id=shown["id"],
        amount=amount,
        time=dt.datetime.fromtimestamp(shown["created"], dt.UTC),
    )


def _money(currency: str, number: Any) -> Money:
    """Of Stripe's own writing. By itself: a wrong factor at booking_svc must show."""
    if type(number) is not int:
        raise TypeError("an amount is an integer")
    code = currency.upper()
    if code not in _HUNDREDTHS:
        return Money(code, number)
    whole, rest = divmod(number, 100)
    if rest:
        raise ValueError(f"{code} has no hundredths")
    return Money(code, whole)
