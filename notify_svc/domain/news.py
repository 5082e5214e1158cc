"""Kinds of news, and which of them may be switched off."""

from collections.abc import Mapping, Set
from enum import Enum
from typing import Final


class NewsKind(Enum):
    """What people choose by; one kind holds the events that they would not tell apart."""

    SIGN_IN = "sign_in"
    TICKETS = "tickets"
    REFUNDS = "refunds"
    SHOW_CHANGES = "show_changes"
    """The theatre cancelled or moved the show."""
    PAYMENTS = "payments"
    """A payment that did not go through, or seats that were released unpaid."""
    CANCELLATIONS = "cancellations"
    """What the buyer cancelled."""
    REMINDERS = "reminders"


ALWAYS_TOLD: Set[NewsKind] = frozenset({NewsKind.SIGN_IN, NewsKind.REFUNDS, NewsKind.SHOW_CHANGES})
"""Without the first nobody gets in; the others are about money, and a show that is not what was sold."""
ONCE_AT_LEAST: Set[NewsKind] = frozenset({NewsKind.TICKETS})
"""May be switched off on one channel as long as another one tells it."""

UNPAID: Final = NewsKind.PAYMENTS
"""What nobody has paid for: anybody may have it sent to any address. So it is limited, and greets nobody by
the name that was typed in."""

KIND_OF: Mapping[str, NewsKind] = {
    "sign_in_code": NewsKind.SIGN_IN,
    "booking_confirmed": NewsKind.TICKETS,
    "refund_issued": NewsKind.REFUNDS,
    "show_cancelled": NewsKind.SHOW_CHANGES,
    "show_rescheduled": NewsKind.SHOW_CHANGES,
    "payment_failed": NewsKind.PAYMENTS,
    "booking_expired": NewsKind.PAYMENTS,
    "booking_cancelled": NewsKind.CANCELLATIONS,
    "show_reminder": NewsKind.REMINDERS,
}
"""By the name of the event or of the text."""
