"""Rules between the provider's movements of money and the bookings' payments and refunds."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from mesh.money import Money
from stack.books.records import COMPLETED, Booking, Books, Finding, Kind, Movement, Payment, Refund

_Movements = Mapping[tuple[str, str], Sequence[Movement]]


def money_faults(books: Books) -> Iterator[Finding]:
    """Every movement belongs to a payment or refund of the same amount, and the reverse, once."""
    captures, refunds, disputes = (_by_payment(books, kind) for kind in Kind)
    yield from _unknown(books)
    unread = dict.fromkeys(books.unread, 0)
    for booking, payment in books.payments():
        if payment.provider not in books.providers:
            unread[payment.provider] = unread.get(payment.provider, 0) + 1
            continue
        key = (payment.provider, payment.payment_id)
        yield from _of_capture(booking, payment, captures.get(key, ()))
        yield from _of_refunds(booking, payment, refunds.get(key, ()))
        yield from _of_disputes(booking, payment, disputes.get(key, ()))
    for provider, count in unread.items():
        why = books.unread.get(provider, "it is not configured here")
        told = f"{count} payments were not compared: {why}"
        yield Finding("provider-unread", {"provider": provider}, told, certain=True)


def _of_capture(booking: Booking, payment: Payment, captures: Sequence[Movement]) -> Iterator[Finding]:
    ids = {"booking": booking.booking_id, "payment": payment.payment_id}
    if len(captures) > 1:
        yield Finding("captured-twice", ids, f"the provider captured {_list(captures)}")
    if payment.captured is None:
        if captures:
            told = f"the provider captured {_list(captures)}, the {booking.state} booking has not heard of it"
            yield Finding("capture-unheard", ids, told, under_way_since=captures[0].time)
        return
    if not captures:
        if payment.captured.minor_units:
            told = f"the booking has {_text(payment.captured)} captured, the provider has nothing"
            yield Finding("capture-missing", ids, told)
    elif captures[0].amount != payment.captured:
        told = f"the provider captured {_list(captures)}, the booking has {_text(payment.captured)}"
        yield Finding("capture-amount", ids, told)


def _of_refunds(booking: Booking, payment: Payment, movements: Sequence[Movement]) -> Iterator[Finding]:
    ids = {"booking": booking.booking_id, "payment": payment.payment_id}
    booked = [refund for refund in booking.refunds if refund.payment_id == payment.payment_id]
    unclaimed = list(movements)
    for refund in booked:
        if refund.state == COMPLETED:
            yield from _of_completed(ids, refund, unclaimed)
    waiting = [refund for refund in booked if refund.state != COMPLETED]
    for movement in unclaimed:
        owed = next((refund for refund in waiting if refund.amount == movement.amount), None)
        about = {**ids, "provider_refund": movement.movement_id}
        if owed is None:
            told = f"the provider sent {_text(movement.amount)} back, which the booking has no refund for"
            yield Finding("refund-unknown", about, told)
            continue
        waiting.remove(owed)
        told = f"the provider sent {_text(movement.amount)} back, the booking has it {owed.state}"
        yield Finding("refund-unheard", about, told, under_way_since=movement.time)
    yield from _of_too_much(ids, payment, booked)


def _of_completed(ids: Mapping[str, str], refund: Refund, unclaimed: list[Movement]) -> Iterator[Finding]:
    """Takes the refund's movement out of those that nobody has claimed."""
    about = {**ids, "refund": refund.refund_id}
    found = next((each for each in unclaimed if each.movement_id == refund.provider_refund_id), None)
    if found is None:
        told = f"the booking has {_text(refund.amount)} refunded, the provider has no such refund"
        yield Finding("refund-missing", about, told)
        return
    unclaimed.remove(found)
    if found.amount != refund.amount:
        told = f"the provider sent {_text(found.amount)} back, the booking has {_text(refund.amount)}"
        yield Finding("refund-amount", about, told)


def _of_disputes(booking: Booking, payment: Payment, disputes: Sequence[Movement]) -> Iterator[Finding]:
    """Nobody here asked for it, and whether tickets stay good is for people to say."""
    for dispute in disputes:
        ids = {"booking": booking.booking_id, "payment": payment.payment_id, "dispute": dispute.movement_id}
        told = f"the buyer's bank took {_text(dispute.amount)} back, the booking is {booking.state}"
        yield Finding("payment-disputed", ids, told)


def _of_too_much(ids: Mapping[str, str], payment: Payment, booked: Sequence[Refund]) -> Iterator[Finding]:
    captured = payment.captured.minor_units if payment.captured else 0
    owed = sum(refund.amount.minor_units for refund in booked)
    if owed > captured:
        told = f"refunds of {owed} minor units, for {captured} that were captured"
        yield Finding("refunds-exceed", ids, told)


def _unknown(books: Books) -> Iterator[Finding]:
    for movement in books.movements:
        if (movement.provider, movement.payment_id) in books.booking_of_payment:
            continue
        ids = {"payment": movement.payment_id, movement.provider: movement.movement_id}
        told = f"the provider has a {movement.kind.value} of {_text(movement.amount)}, no booking knows of it"
        yield Finding(f"{movement.kind.value}-of-nobody", ids, told)


def _by_payment(books: Books, kind: Kind) -> _Movements:
    found: dict[tuple[str, str], list[Movement]] = defaultdict(list)
    for movement in books.movements:
        if movement.kind is kind:
            found[movement.provider, movement.payment_id].append(movement)
    return found


def _list(movements: Sequence[Movement]) -> str:
    return " and ".join(_text(movement.amount) for movement in movements)


def _text(amount: Money) -> str:
    return f"{amount.minor_units} {amount.currency_code} (minor units)"
