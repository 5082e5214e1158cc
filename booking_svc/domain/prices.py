"""What seats cost: the price rules as data, and the quote that they make.

A seat's category price comes first; then each rule in its order, each discount
a line of its own with its reason. The *discount* is rounded half up to the
minor unit, line by line, so that the lines always add up to the total.

A quote remembers the rules that it was made by: when single seats are cancelled
the others are priced by these again, whatever has become of the rules since.
"""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Final

from booking_svc.domain.show import ShowOnSale
from booking_svc.errors import UnknownSeat
from mesh.money import Money, zero

BASE_RULE_ID: Final = "base"
PAID_RULE_ID: Final = "never-more-than-paid"


@dataclass(frozen=True, slots=True)
class PriceRule:
    """A discount and when it applies; every condition must hold.

    `local_start` is a half-open stretch of the theatre's day that the show must
    start in; `party` the least number of tickets; `nth_dearest` the one ticket
    that it is for, counted from 1 by price descending (None: every ticket).
    """

    rule_id: str
    description: str
    discount: Fraction
    local_start: tuple[dt.time, dt.time] | None = None
    party: int = 1
    nth_dearest: int | None = None


RULES: Final = (
    PriceRule(
        "afternoon-20",
        "Afternoon show: 20 % off",
        Fraction(1, 5),
        local_start=(dt.time(12), dt.time(17)),
    ),
    PriceRule("third-ticket-50", "Third ticket: 50 % off", Fraction(1, 2), party=3, nth_dearest=3),
)


@dataclass(frozen=True, slots=True)
class PriceLine:
    """One line of a quote; a discount's amount is negative or zero."""

    seat_id: str
    rule_id: str
    description: str
    amount: Money


@dataclass(frozen=True, slots=True)
class SeatPrice:
    """What a seat costs after discounts."""

    seat_id: str
    amount: Money


@dataclass(frozen=True, slots=True)
class Quote:
    """The price of a booking: the lines add up to the total, and so do the seat prices.

    `rules` are those that were in force for the show, in their order, with no condition on its time:
    that one was met.
    """

    lines: tuple[PriceLine, ...]
    total: Money
    seat_prices: tuple[SeatPrice, ...]
    rules: tuple[PriceRule, ...] = ()


def quote(show: ShowOnSale, seat_ids: Sequence[str], rules: Sequence[PriceRule] = RULES) -> Quote:
    """Prices the seats, in their order; which order does not change what any of them costs.

    Raises `UnknownSeat` for seats that the show does not have.
    """
    unknown = [seat_id for seat_id in seat_ids if seat_id not in show.seat_prices]
    if unknown:
        raise UnknownSeat(unknown)
    in_force = tuple(replace(rule, local_start=None) for rule in rules if _in_force(rule, show))
    return _priced({seat_id: show.seat_prices[seat_id] for seat_id in seat_ids}, in_force)


def priced_again(former: Quote, seat_ids: Collection[str], at_most: Money) -> Quote:
    """What these of its seats cost by the quote's own rules, but never more than `at_most`.

    Cancelling a seat may cost the others a discount. Where that would be more than is paid for them, the
    dearest ones are reduced, in lines of their own.
    """
    full = {
        line.seat_id: line.amount
        for line in former.lines
        if line.rule_id == BASE_RULE_ID and line.seat_id in seat_ids
    }
    again = _priced(full, former.rules, at_most.currency_code)
    over = again.total - at_most
    if over.minor_units <= 0:
        return again
    reductions = []
    for price in sorted(again.seat_prices, key=lambda each: (-each.amount.minor_units, each.seat_id)):
        off = Money(over.currency_code, min(over.minor_units, price.amount.minor_units))
        over -= off
        if off.minor_units:
            reductions.append(PriceLine(price.seat_id, PAID_RULE_ID, "Never more than you paid", -off))
    return _with_lines(again, reductions)


def _priced(full: Mapping[str, Money], rules: Sequence[PriceRule], currency_code: str = "") -> Quote:
    lines = {
        seat_id: [PriceLine(seat_id, BASE_RULE_ID, "Ticket", amount)] for seat_id, amount in full.items()
    }
    for rule in rules:
        if len(lines) >= rule.party:
            costs = {seat_id: _sum(of_seat) for seat_id, of_seat in lines.items()}
            for seat_id in _discounted(rule, costs):
                off = -costs[seat_id].share(rule.discount)
                lines[seat_id].append(PriceLine(seat_id, rule.rule_id, rule.description, off))
    seat_prices = tuple(SeatPrice(seat_id, _sum(of_seat)) for seat_id, of_seat in lines.items())
    all_lines = tuple(line for of_seat in lines.values() for line in of_seat)
    return Quote(all_lines, _sum(all_lines, currency_code), seat_prices, tuple(rules))


def _with_lines(priced: Quote, more: Sequence[PriceLine]) -> Quote:
    off = {line.seat_id: line.amount for line in more}
    seat_prices = tuple(
        replace(each, amount=each.amount + off.get(each.seat_id, zero(each.amount.currency_code)))
        for each in priced.seat_prices
    )
    lines = (*priced.lines, *more)
    return Quote(lines, _sum(lines), seat_prices, priced.rules)


def _in_force(rule: PriceRule, show: ShowOnSale) -> bool:
    if rule.rule_id in show.disabled_rule_ids:
        return False
    if rule.local_start is None:
        return True
    begins, ends = rule.local_start
    return begins <= show.facts.local_start.time() < ends


def _discounted(rule: PriceRule, costs: Mapping[str, Money]) -> list[str]:
    if rule.nth_dearest is None:
        return list(costs)
    # Equal prices are told apart by seat id, so that the order of the seats changes nothing.
    by_price = sorted(costs, key=lambda seat_id: (-costs[seat_id].minor_units, seat_id))
    return by_price[rule.nth_dearest - 1 : rule.nth_dearest]


def _sum(lines: Sequence[PriceLine], currency_code: str = "") -> Money:
    code = currency_code or lines[0].amount.currency_code
    return sum((line.amount for line in lines), start=zero(code))
