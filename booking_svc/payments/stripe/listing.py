"""Reading Stripe's lists, which begin with the newest.

The cursor of the events is one of

- ``""``: never read. Reading begins now: what was before is not ours.
- ``since:SECONDS``: no event was seen yet; wanted is everything from that time on.
- an event's id: wanted is what came after it, which Stripe calls `ending_before`.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import structlog

from booking_svc.domain.booking import Payment
from booking_svc.payments.stripe.answers import EVENTS, Shown
from booking_svc.payments.stripe.calls import Refused, StripeCalls
from booking_svc.payments.stripe.opening import expires_at

log = structlog.get_logger()

_PAGE: Final = 100
_MOST_PAGES: Final = 5
_SINCE: Final = "since:"
_SKEW_SECONDS: Final = 60
_SETTLING_SECONDS: Final = 30
"""Events are in order of their time, in seconds; one that is younger than this may still get
company before it, so the cursor stays behind it. Reading it again does no harm."""
_KEPT_SECONDS: Final = 30 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Page:
    """Events as Stripe shows them, the oldest first."""

    rows: Sequence[Shown]
    cursor: str
    more: bool


async def read_on(calls: StripeCalls, cursor: str, now: dt.datetime) -> Page:
    """What came after the cursor."""
    if not cursor:
        return Page((), f"{_SINCE}{int(now.timestamp()) - _SKEW_SECONDS}", more=False)
    if cursor.startswith(_SINCE):
        return await _since(calls, cursor, now)
    params: Any = {"types": list(EVENTS), "limit": _PAGE, "ending_before": cursor}
    try:
        newest_first, more = await calls.rows(calls.v1.events.list_async(params))
    except Refused as refused:
        # Stripe keeps events for 30 days: this one is gone, and what followed on it begins anew.
        log.warning("stripe_events_begun_anew", problem=str(refused))
        return Page((), f"{_SINCE}{int(now.timestamp()) - _KEPT_SECONDS}", more=True)
    return _page(newest_first[::-1], cursor, now, more=more)


async def session_of_payment(calls: StripeCalls, payment: Payment) -> tuple[dict[str, Any] | None, bool]:
    """The session that was opened for a payment whose answer was lost; and, when there is none, whether
    that is sure."""
    params: Any = {
        "created": {
            "gte": int(payment.start_time.timestamp()) - _SKEW_SECONDS,
            "lte": expires_at(payment),
        },
        "limit": _PAGE,
    }
    for _ in range(_MOST_PAGES):
        rows, more = await calls.rows(calls.v1.checkout.sessions.list_async(params))
        for row in rows:
            if row.get("client_reference_id") == payment.payment_id:
                return row, True
        if not more or not rows:
            return None, True
        params = {**params, "starting_after": rows[-1]["id"]}
    return None, False


async def _since(calls: StripeCalls, cursor: str, now: dt.datetime) -> Page:
    """All from that time on. Begins at the newest, so it has to be read to its end before any is acted on."""
    params: Any = {
        "types": list(EVENTS),
        "limit": _PAGE,
        "created": {"gte": int(cursor.removeprefix(_SINCE))},
    }
    rows: list[Shown] = []
    for _ in range(_MOST_PAGES):
        page, more = await calls.rows(calls.v1.events.list_async(params))
        rows += page
        if not more or not page:
            break
        params = {**params, "starting_after": page[-1]["id"]}
    else:
        # Each open payment is asked about besides, so nothing hangs on the ones that are left out.
        log.error("stripe_events_left_out", before=rows[-1]["id"])
    rows.reverse()
    return _page(rows, cursor, now, more=False)


def _page(rows: Sequence[Shown], cursor: str, now: dt.datetime, *, more: bool) -> Page:
    settled = now.timestamp() - _SETTLING_SECONDS
    old = rows if more else [row for row in rows if row.get("created", settled) <= settled]
    return Page(rows, old[-1]["id"] if old else cursor, more)
