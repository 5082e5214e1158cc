"""Prices with their reasons."""

from collections.abc import Sequence
from dataclasses import dataclass

from matinee.booking.v1 import booking_pb2

from bff.texts import Texts


@dataclass(frozen=True, slots=True)
class QuoteLine:
    """One line: what it is for, and how much."""

    label: str
    seat_id: str
    amount: str
    discount: bool


@dataclass(frozen=True, slots=True)
class QuoteView:
    """All lines and their sum."""

    lines: tuple[QuoteLine, ...]
    total: str
    seats: str
    seat_count: int


def present_quote(quote: booking_pb2.Quote, seat_ids: Sequence[str], texts: Texts) -> QuoteView:
    """The quote as it was made; nothing is added up here."""
    return QuoteView(
        lines=tuple(
            QuoteLine(
                label=_line_label(line, texts),
                seat_id=line.seat_id,
                amount=texts.money(line.amount),
                discount=line.amount.minor_units < 0,
            )
            for line in quote.lines
        ),
        total=texts.money(quote.total),
        seats=texts.listed(seat_ids),
        seat_count=len(seat_ids),
    )


def _line_label(line: booking_pb2.PriceLine, texts: Texts) -> str:
    """The rule's own words where the catalogue has them, else what the line says."""
    known = {
        "base": texts.gettext("Ticket"),
        "afternoon-20": texts.gettext("Afternoon show, 20 % off"),
        "third-ticket-50": texts.gettext("Third ticket, 50 % off"),
        "never-more-than-paid": texts.gettext("Never more than you paid"),
    }
    return known.get(line.rule_id, line.description)
