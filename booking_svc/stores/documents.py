"""A booking as a MongoDB document and back; pure."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from enum import Enum
from fractions import Fraction
from typing import Any, Final

from booking_svc.domain.booking import (
    AcceptedRequest,
    Booking,
    BookingState,
    Cancellation,
    Hold,
    PartialCancellation,
    Payment,
    PaymentMethod,
    PaymentState,
    Refund,
    RefundState,
    Refusal,
    SeatStanding,
    ShowCancellation,
    ShowMove,
    Ticket,
)
from booking_svc.domain.contact import Contact
from booking_svc.domain.people import addresses_of
from booking_svc.domain.prices import RULES, PriceLine, PriceRule, Quote, SeatPrice
from booking_svc.domain.show import ShowFacts
from mesh.money import Money
from mesh.mongo import Document

_Stored = Mapping[str, Any]


def document_of(booking: Booking) -> Document:
    """All fields of the booking but its id, and what it is found by."""
    return _written(booking, _FIELDS)


def changes_of(before: Booking, after: Booking) -> Document:
    """As `document_of`, but only the fields that are other objects than before.

    A part that was made anew with the same value is written once more, which is harmless: parts are
    never changed in place, so the same object has the same value.
    """
    return _written(after, [name for name in _FIELDS if getattr(after, name) is not getattr(before, name)])


def _written(booking: Booking, names: Collection[str]) -> Document:
    document = {name: _FIELDS[name](getattr(booking, name)) for name in names}
    if "contact" in document:
        document["contact_keys"] = [address.key for address in addresses_of(booking.contact)]
    return document


def booking_of(stored: _Stored) -> Booking:
    """The booking that the document tells of."""
    return Booking(
        booking_id=stored["_id"],
        version=stored["version"],
        state=BookingState(stored["state"]),
        buyer_id=stored["buyer_id"],
        access_key=stored["access_key"],
        request=AcceptedRequest(**stored["request"]),
        show=ShowFacts(**{**stored["show"], "formats": tuple(stored["show"]["formats"])}),
        seat_ids=tuple(stored["seat_ids"]),
        quote=_quote_of(stored["quote"]),
        cancel_until=stored["cancel_until"],
        create_time=stored["create_time"],
        update_time=stored["update_time"],
        seats=SeatStanding(stored["seats"]),
        hold=Hold(**stored["hold"]) if stored["hold"] else None,
        refusal=_refusal_of(stored["refusal"]) if stored["refusal"] else None,
        contact=Contact(**stored["contact"]) if stored["contact"] else None,
        payments=tuple(_payment_of(payment) for payment in stored["payments"]),
        paid_by=stored["paid_by"],
        tickets=tuple(Ticket(**ticket) for ticket in stored["tickets"]),
        cancellation=Cancellation(**stored["cancellation"]) if stored["cancellation"] else None,
        # Bookings that were stored by a version before have none of what is asked for by `get`.
        partial_cancellations=tuple(_partial_of(each) for each in stored.get("partial_cancellations", ())),
        show_sequence=stored.get("show_sequence", 0),
        show_cancellation=ShowCancellation(**called_off)
        if (called_off := stored.get("show_cancellation"))
        else None,
        show_move=ShowMove(**move) if (move := stored.get("show_move")) else None,
        refunds=tuple(_refund_of(refund) for refund in stored["refunds"]),
        accepted=tuple(AcceptedRequest(**request) for request in stored["accepted"]),
        heard=tuple(stored.get("heard", ())),
    )


def money_document(amount: Money) -> Document:
    """An amount of money."""
    return {"currency_code": amount.currency_code, "minor_units": amount.minor_units}


def money_of(stored: _Stored) -> Money:
    """An amount of money."""
    return Money(stored["currency_code"], stored["minor_units"])


def _fields(part: Any) -> Document:
    """The fields of a dataclass whose values MongoDB knows."""
    return {name: getattr(part, name) for name in part.__slots__}


def _request(request: AcceptedRequest) -> Document:
    return _fields(request)


def _refusal(refusal: Refusal) -> Document:
    # Facts are told by others: as pairs, for a key may hold what a field name may not.
    return {
        "reason": refusal.reason,
        "message": refusal.message,
        "facts": [list(f) for f in refusal.facts.items()],
    }


def _refusal_of(stored: _Stored) -> Refusal:
    return Refusal(stored["reason"], stored["message"], dict(stored["facts"]))


def _quote(quote: Quote) -> Document:
    return {
        "lines": [_fields(line) | {"amount": money_document(line.amount)} for line in quote.lines],
        "total": money_document(quote.total),
        "seat_prices": [
            {"seat_id": each.seat_id, "amount": money_document(each.amount)} for each in quote.seat_prices
        ],
        "rules": [_rule(rule) for rule in quote.rules],
    }


def _quote_of(stored: _Stored) -> Quote:
    return Quote(
        lines=tuple(PriceLine(**{**line, "amount": money_of(line["amount"])}) for line in stored["lines"]),
        total=money_of(stored["total"]),
        seat_prices=tuple(
            SeatPrice(each["seat_id"], money_of(each["amount"])) for each in stored["seat_prices"]
        ),
        rules=tuple(_rule_of(rule) for rule in stored["rules"])
        if "rules" in stored
        else _rules_of_lines({line["rule_id"] for line in stored["lines"]}),
    )


def _rule(rule: PriceRule) -> Document:
    return {
        "rule_id": rule.rule_id,
        "description": rule.description,
        "discount": str(rule.discount),
        "party": rule.party,
        "nth_dearest": rule.nth_dearest,
    }


def _rule_of(stored: _Stored) -> PriceRule:
    return PriceRule(**{**stored, "discount": Fraction(stored["discount"])})


def _rules_of_lines(rule_ids: Collection[str]) -> tuple[PriceRule, ...]:
    """The rules of a quote that was stored before quotes remembered theirs: these made its lines."""
    return tuple(replace(rule, local_start=None) for rule in RULES if rule.rule_id in rule_ids)


def _partial(partial: PartialCancellation) -> Document:
    return _fields(partial) | {
        "seat_ids": list(partial.seat_ids),
        "kept": _quote(partial.kept),
        "refund": money_document(partial.refund),
    }


def _partial_of(stored: _Stored) -> PartialCancellation:
    return PartialCancellation(
        **{
            **stored,
            "seat_ids": tuple(stored["seat_ids"]),
            "kept": _quote_of(stored["kept"]),
            "refund": money_of(stored["refund"]),
        }
    )


def _payment(payment: Payment) -> Document:
    return _fields(payment) | {
        "request": _request(payment.request),
        "method": payment.method.value,
        "amount": money_document(payment.amount),
        "state": payment.state.value,
        "captured": money_document(payment.captured) if payment.captured else None,
    }


def _payment_of(stored: _Stored) -> Payment:
    return Payment(
        **{
            **stored,
            "request": AcceptedRequest(**stored["request"]),
            "method": PaymentMethod(stored["method"]),
            "amount": money_of(stored["amount"]),
            "state": PaymentState(stored["state"]),
            "captured": money_of(stored["captured"]) if stored["captured"] else None,
        }
    )


def _refund(refund: Refund) -> Document:
    return _fields(refund) | {"amount": money_document(refund.amount), "state": refund.state.value}


def _refund_of(stored: _Stored) -> Refund:
    return Refund(**{**stored, "amount": money_of(stored["amount"]), "state": RefundState(stored["state"])})


def _show(show: ShowFacts) -> Document:
    return _fields(show) | {"formats": list(show.formats)}


def _as_is(value: Any) -> Any:
    return value


def _value(value: Enum) -> Any:
    return value.value


def _or_none(written: Callable[[Any], Document]) -> Callable[[Any], Document | None]:
    return lambda part: None if part is None else written(part)


def _each(written: Callable[[Any], Any]) -> Callable[[Any], list[Any]]:
    return lambda parts: [written(part) for part in parts]


_FIELDS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "version": _as_is,
    "state": _value,
    "buyer_id": _as_is,
    "access_key": _as_is,
    "request": _request,
    "show": _show,
    "seat_ids": list,
    "quote": _quote,
    "cancel_until": _as_is,
    "create_time": _as_is,
    "update_time": _as_is,
    "seats": _value,
    "hold": _or_none(_fields),
    "refusal": _or_none(_refusal),
    "contact": _or_none(_fields),
    "payments": _each(_payment),
    "paid_by": _as_is,
    "tickets": _each(_fields),
    "cancellation": _or_none(_fields),
    "partial_cancellations": _each(_partial),
    "show_sequence": _as_is,
    "show_cancellation": _or_none(_fields),
    "show_move": _or_none(_fields),
    "refunds": _each(_refund),
    "accepted": _each(_request),
    "heard": list,
}
"""How each field of a booking is written, but for its id."""
