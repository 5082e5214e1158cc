"""`./matinee books`: each rule catches the contradiction that it is for, and nothing else."""

import ast
import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mesh.money import Money
from stack.books.comparing import Patience, compare, still_there
from stack.books.reading import compare_books
from stack.books.records import (
    Booking,
    Books,
    Comparison,
    Kind,
    Movement,
    PartialCancellation,
    Payment,
    Refund,
    Sale,
    Ticket,
)
from stack.books.report import as_json, lines
from stack.errors import StackError
from tests.fixtures.books import (
    JUST_NOW,
    LONG_AGO,
    NOW,
    a_booking,
    balanced,
    movement,
    usd,
    with_booking,
    with_sale,
)

RULES = Path(__file__).parents[2] / "stack" / "books"


def _money(
    kind: Kind, payment_id: str, movement_id: str, units: int, **changes: object
) -> Callable[[Books], Books]:
    extra = replace(movement(kind, payment_id, movement_id, units), **changes)  # type: ignore[arg-type]
    return lambda books: replace(books, movements=[*books.movements, extra])


def _without(kind: Kind, payment_id: str) -> Callable[[Books], Books]:
    return lambda books: replace(
        books,
        movements=[each for each in books.movements if (each.kind, each.payment_id) != (kind, payment_id)],
    )


def _moved(kind: Kind, payment_id: str, **changes: object) -> Callable[[Books], Books]:
    def change(each: Movement) -> Movement:
        chosen = (each.kind, each.payment_id) == (kind, payment_id)
        return replace(each, **changes) if chosen else each  # type: ignore[arg-type]

    return lambda books: replace(books, movements=[change(each) for each in books.movements])


def _booking(name: str, **changes: object) -> Callable[[Books], Books]:
    return lambda books: with_booking(books, name, lambda each: replace(each, **changes))  # type: ignore[arg-type]


def _sold(name: str, **changes: object) -> Callable[[Books], Books]:
    return lambda books: with_sale(books, name, lambda each: replace(each, **changes))  # type: ignore[arg-type]


def _all(*changes: Callable[[Books], Books]) -> Callable[[Books], Books]:
    def change(books: Books) -> Books:
        for each in changes:
            books = each(books)
        return books

    return change


def _more(*bookings: Booking) -> Callable[[Books], Books]:
    return lambda books: replace(books, bookings=[*books.bookings, *bookings])


def _without_sale(name: str) -> Callable[[Books], Books]:
    return lambda books: replace(books, sales=[each for each in books.sales if each.sale_id != name])


def _copied_sale(name: str, **changes: object) -> Callable[[Books], Books]:
    def change(books: Books) -> Books:
        found = next(each for each in books.sales if each.sale_id == name)
        return replace(books, sales=[*books.sales, replace(found, **changes)])  # type: ignore[arg-type]

    return change


LIVE_T3 = (Ticket("T3", "A3"),)
BACK = Refund("r-back", "p-back", usd(1000), "COMPLETED", "ref-back")
OWED = replace(BACK, state="OWED", provider_refund_id="")
SECOND = replace(BACK, refund_id="r-2", provider_refund_id="ref-2")
PAYMENT = Payment("p-bought", "sandbox", usd(2000), usd(2000))

BOTH = (Ticket("T1", "A1"), Ticket("T2", "A2"))
A2_CANCELLED = (Ticket("T1", "A1"), Ticket("T2", "A2", cancelled=True))
A2_GONE = {"tickets": A2_CANCELLED, "guarded_seat_ids": frozenset({"A1"})}
PARTIAL = PartialCancellation("cancel-A2", ("A2",), usd(1000), usd(1000), {"A1": usd(1000)})
DEARER = PartialCancellation("cancel-A2", ("A2",), usd(500), usd(1500), {"A1": usd(1500)})
"""The seat that is kept loses a discount."""
DEARER_SALE = _sold("bought", **A2_GONE, paid={"A1": usd(1500), "A2": usd(1000)})
DEARER_BACK = (
    _booking(
        "bought",
        tickets=A2_CANCELLED,
        partial_cancellations=(DEARER,),
        refunds=(Refund("r-A2", "p-bought", usd(500), "COMPLETED", "ref-A2"),),
    ),
    _money(Kind.REFUND, "p-bought", "ref-A2", 500),
    DEARER_SALE,
)
BOTH_SOLD = {"tickets": BOTH, "guarded_seat_ids": frozenset({"A1", "A2"})}
LOST = replace(PARTIAL, kept=usd(1001))
A2_BACK = (
    _booking("bought", tickets=A2_CANCELLED, partial_cancellations=(PARTIAL,)),
    _sold("bought", **A2_GONE),
)
A2_REFUND = (
    _booking("bought", refunds=(Refund("r-A2", "p-bought", usd(1000), "COMPLETED", "ref-A2"),)),
    _money(Kind.REFUND, "p-bought", "ref-A2", 1000),
)

PLANTED: dict[str, tuple[Callable[[Books], Books], set[str]]] = {
    "money of nobody": (_money(Kind.CAPTURE, "p-x", "ses-x", 5), {"capture-of-nobody"}),
    "a refund of nobody": (_money(Kind.REFUND, "p-x", "ref-x", 5), {"refund-of-nobody"}),
    "a dispute of nobody": (_money(Kind.DISPUTE, "p-x", "du-x", 5), {"dispute-of-nobody"}),
    "money that the buyer's bank took back": (
        _money(Kind.DISPUTE, "p-bought", "du-1", 2000),
        {"payment-disputed"},
    ),
    "money that the buyer's bank took back after a refund": (
        _money(Kind.DISPUTE, "p-back", "du-1", 1000),
        {"payment-disputed"},
    ),
    "money that a booking never heard of": (
        _money(Kind.CAPTURE, "p-never", "ses-never", 2000),
        {"capture-unheard"},
    ),
    "captured twice": (_money(Kind.CAPTURE, "p-bought", "ses-2", 2000), {"captured-twice"}),
    "captured one unit less than the booking thinks": (
        _moved(Kind.CAPTURE, "p-bought", amount=usd(1999)),
        {"capture-amount"},
    ),
    "captured in another currency than the booking thinks": (
        _moved(Kind.CAPTURE, "p-bought", amount=Money("EUR", 2000)),
        {"capture-amount"},
    ),
    "tickets for money that the provider never took": (
        _without(Kind.CAPTURE, "p-bought"),
        {"capture-missing"},
    ),
    "tickets for less than their price": (
        _all(
            _moved(Kind.CAPTURE, "p-bought", amount=usd(1999)),
            _booking("bought", payments=(replace(PAYMENT, captured=usd(1999)),)),
        ),
        {"kept-money"},
    ),
    "tickets paid in another currency": (
        _all(
            _moved(Kind.CAPTURE, "p-bought", amount=Money("EUR", 2000)),
            _booking("bought", payments=(replace(PAYMENT, captured=Money("EUR", 2000)),)),
        ),
        {"kept-money"},
    ),
    "paid twice, and only once for tickets": (
        _all(
            _money(Kind.CAPTURE, "p-2", "ses-2", 2000),
            _booking("bought", payments=(PAYMENT, replace(PAYMENT, payment_id="p-2"))),
        ),
        {"kept-money"},
    ),
    "a payment at a provider that nobody reads": (
        _booking("bought", payments=(replace(PAYMENT, provider="other"),)),
        {"provider-unread", "capture-of-nobody"},
    ),
    "a refund that no booking has": (
        _money(Kind.REFUND, "p-bought", "ref-x", 2000),
        {"refund-unknown"},
    ),
    "a refund that was sent twice": (
        _money(Kind.REFUND, "p-back", "ref-back-again", 1000),
        {"refund-unknown"},
    ),
    "a refund that is refused for ever": (
        _all(
            _booking(
                "given-back", state="REFUNDING", refunds=(replace(OWED, tries=8),), update_time=JUST_NOW
            ),
            _without(Kind.REFUND, "p-back"),
        ),
        {"refund-refused"},
    ),
    "a refund that arrived, and a booking that does not know": (
        _booking("given-back", state="REFUNDING", refunds=(OWED,)),
        {"refund-unheard", "refund-under-way"},
    ),
    "one refund that is owed, and two that arrived": (
        _all(
            _booking("given-back", state="REFUNDING", refunds=(OWED,)),
            _money(Kind.REFUND, "p-back", "ref-back-again", 1000),
        ),
        {"refund-unheard", "refund-under-way", "refund-unknown"},
    ),
    "a refund that the provider never sent": (_without(Kind.REFUND, "p-back"), {"refund-missing"}),
    "a refund of another amount": (_moved(Kind.REFUND, "p-back", amount=usd(999)), {"refund-amount"}),
    "refunds of more than was captured": (
        _all(
            _booking("given-back", refunds=(BACK, SECOND)),
            _money(Kind.REFUND, "p-back", "ref-2", 1000),
        ),
        {"refunds-exceed", "kept-money"},
    ),
    "a refund that two refunds of the booking claim": (
        _booking("given-back", refunds=(BACK, replace(BACK, refund_id="r-2"))),
        {"refund-missing", "refunds-exceed", "kept-money"},
    ),
    "no tickets, and the money was kept": (
        _all(_booking("given-back", refunds=()), _without(Kind.REFUND, "p-back")),
        {"kept-money"},
    ),
    "a refund that rests": (
        _all(
            _booking("given-back", state="REFUNDING", refunds=(replace(BACK, state="OWED"),)),
            _without(Kind.REFUND, "p-back"),
        ),
        {"refund-under-way"},
    ),
    "a refunding booking without a refund to wait for": (
        _booking("given-back", state="REFUNDING"),
        {"booking-under-way"},
    ),
    "a paid booking that rests": (
        _booking("bought", state="PAID", tickets=()),
        {"booking-under-way"},
    ),
    "a cancelled booking that rests": (_booking("bought", state="CANCELLED"), {"booking-under-way"}),
    "a hold that never ends": (_more(a_booking("held", "HELD", ("B1",))), {"booking-under-way"}),
    "a quote whose lines come to something else": (
        _booking("bought", lines=(usd(1000), usd(999))),
        {"quote-sums"},
    ),
    "a quote of two currencies": (
        _booking("bought", lines=(usd(1000), Money("EUR", 1000))),
        {"quote-sums"},
    ),
    "a quote for other seats": (
        _booking("never-paid", seat_ids=("A1", "A9")),
        {"quote-seats"},
    ),
    "a ticket too few": (
        _booking("bought", tickets=(Ticket("T1", "A1"),)),
        {"tickets-incomplete", "ticket-differs"},
    ),
    "tickets without a sale": (_without_sale("bought"), {"sale-missing"}),
    "another ticket id in the sale": (
        _sold("bought", tickets=(Ticket("T1", "A1"), Ticket("T8", "A2"))),
        {"ticket-differs"},
    ),
    "a ticket that only the sale has cancelled": (
        _sold(
            "bought",
            tickets=(Ticket("T1", "A1"), Ticket("T2", "A2", cancelled=True)),
            guarded_seat_ids=frozenset({"A1"}),
        ),
        {"ticket-differs"},
    ),
    "a ticket that only the refunded booking holds good": (
        _booking("given-back", tickets=LIVE_T3),
        {"ticket-differs"},
    ),
    "a cancelled ticket that nobody gave back": (
        _all(_booking("bought", tickets=A2_CANCELLED), _sold("bought", **A2_GONE)),
        {"cancelled-tickets"},
    ),
    "a seat given back, and its money was kept": (_all(*A2_BACK), {"kept-money"}),
    "a seat given back of whose price a unit is lost": (
        _all(*A2_BACK, *A2_REFUND, _booking("bought", partial_cancellations=(LOST,))),
        {"partial-sums"},
    ),
    "a seat given back that is still good": (
        _all(*A2_BACK, *A2_REFUND, _booking("bought", tickets=BOTH), _sold("bought", **BOTH_SOLD)),
        {"cancelled-tickets"},
    ),
    "a seat given back, and prices of the rest that are not its price": (
        _all(
            *A2_BACK,
            *A2_REFUND,
            _booking("bought", partial_cancellations=(replace(PARTIAL, kept_prices={"A1": usd(999)}),)),
            _sold("bought", paid={"A1": usd(999), "A2": usd(1000)}),
        ),
        {"partial-seats"},
    ),
    "a seat given back, and a price for it": (
        _all(
            *A2_BACK,
            *A2_REFUND,
            _booking("bought", partial_cancellations=(replace(PARTIAL, kept_prices={"A2": usd(1000)}),)),
        ),
        {"partial-seats"},
    ),
    "a kept seat that lost a discount of which the theatre was not told": (
        _all(*DEARER_BACK, _sold("bought", paid={"A1": usd(1000), "A2": usd(1000)})),
        {"sale-prices"},
    ),
    "a kept seat that the theatre thinks is dearer, and has the other one not back": (
        _all(
            _booking("bought", partial_cancellations=(replace(DEARER, done=False),)),
            DEARER_SALE,
            _sold("bought", **BOTH_SOLD),
        ),
        {"sale-prices", "seats-under-way"},
    ),
    "a seat that never gets back": (
        _booking("bought", partial_cancellations=(replace(PARTIAL, done=False),)),
        {"seats-under-way"},
    ),
    "a sale of another show": (_sold("bought", show_id="show-2"), {"sale-of-another-show"}),
    "a sale at other prices": (
        _sold("bought", paid={"A1": usd(1000), "A2": usd(999)}),
        {"sale-prices"},
    ),
    "a live sale of a refunded booking": (
        _all(
            _sold("given-back", tickets=LIVE_T3, guarded_seat_ids=frozenset({"A3"})),
            _without_sale("kiosk/kiosk-1"),
        ),
        {"sale-still-live"},
    ),
    "a sale that no booking knows of": (
        _copied_sale("bought", sale_id="lost", booking_id="lost", tickets=(Ticket("T7", "A7"),),
                     guarded_seat_ids=frozenset({"A7"})),
        {"sale-of-nobody"},
    ),
    "a sale whose seats are free for others": (
        _sold("bought", guarded_seat_ids=frozenset({"A1"})),
        {"sale-guard"},
    ),
    "a seat that a partner sold as well": (
        _sold("kiosk/kiosk-1", tickets=(Ticket("T9", "A1"),), guarded_seat_ids=frozenset({"A1"})),
        {"seat-sold-twice"},
    ),
    "a ticket id that was issued twice": (
        _sold("kiosk/kiosk-1", tickets=(Ticket("T1", "A3"),)),
        {"ticket-issued-twice"},
    ),
}  # fmt: skip


def test_books_that_balance_have_no_finding() -> None:
    comparison = compare(balanced(), NOW)
    assert comparison.differences == ()
    assert comparison.under_way == ()
    assert comparison.figures["bookings"] == 3
    assert comparison.sums["USD"]["kept by providers"] == 2000
    assert comparison.sums["USD"]["price of tickets"] == 2000


def test_single_seats_that_were_given_back_balance() -> None:
    done = compare(_all(*A2_BACK, *A2_REFUND)(balanced()), NOW)
    assert (done.differences, done.under_way) == ((), ())
    assert done.sums["USD"]["price of tickets"] == 1000
    under_way = _all(
        _booking("bought", partial_cancellations=(replace(PARTIAL, done=False),), update_time=JUST_NOW),
        _sold("bought", **A2_GONE),
    )(balanced())
    assert compare(under_way, NOW).differences == (), "the theatre knows before the booking does"
    assert [finding.rule for finding in compare(under_way, NOW).under_way] == ["seats-under-way"]


def test_what_kept_seats_cost_balances_before_and_after_the_theatre_has_the_others_back() -> None:
    done = compare(_all(*DEARER_BACK)(balanced()), NOW)
    assert (done.differences, done.under_way) == ((), ())
    assert done.sums["USD"]["sold at theatres"] == 1500
    asked = _booking("bought", partial_cancellations=(replace(DEARER, done=False),), update_time=JUST_NOW)
    for theatre in (_all(), DEARER_SALE):
        under_way = compare(_all(asked, theatre)(balanced()), NOW)
        assert under_way.differences == ()
        assert [finding.rule for finding in under_way.under_way] == ["seats-under-way"]


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_contradiction_is_found_under_its_own_rule(name: str) -> None:
    plant, rules = PLANTED[name]
    comparison = compare(plant(balanced()), NOW)
    assert {finding.rule for finding in comparison.differences} == rules
    assert comparison.under_way == ()


def test_every_rule_has_a_planted_contradiction() -> None:
    written: set[str] = set()
    for module in RULES.glob("*.py"):
        for node in ast.walk(ast.parse(module.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Finding":
                rule = node.args[0]
                if isinstance(rule, ast.Constant):
                    written.add(str(rule.value))
                else:
                    assert ast.unparse(rule) == "f'{movement.kind.value}-of-nobody'"
                    written |= {f"{kind.value}-of-nobody" for kind in Kind}
    planted = {rule for _, rules in PLANTED.values() for rule in rules}
    assert written - planted == {"sums-differ"}, "which has a test of its own"


def test_sums_are_taken_by_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    """With every other rule blind, the currency's sums still tell that a unit is missing."""
    for rule in ("booking_faults", "money_faults", "seat_faults"):
        monkeypatch.setattr(f"stack.books.comparing.{rule}", lambda _: ())
    assert compare(balanced(), NOW).differences == ()
    short = _moved(Kind.CAPTURE, "p-bought", amount=usd(1999))(balanced())
    found = compare(short, NOW).differences
    assert {finding.rule for finding in found} == {"sums-differ"}
    assert found[0].ids["currency"] == "USD"
    cheaper = _sold("bought", paid={"A1": usd(1000), "A2": usd(999)})
    not_told = _all(*DEARER_BACK, _sold("bought", paid={"A1": usd(1000), "A2": usd(1000)}))
    for sold in (cheaper, not_told):
        assert {finding.rule for finding in compare(sold(balanced()), NOW).differences} == {"sums-differ"}


@pytest.mark.parametrize("seconds", [5, 59])
def test_what_the_system_puts_right_by_itself_is_under_way_for_a_while(seconds: float) -> None:
    since = NOW - dt.timedelta(seconds=seconds)
    late = _money(Kind.CAPTURE, "p-never", "ses-never", 2000, time=since)(balanced())
    rests = _booking("bought", state="PAID", tickets=(), update_time=since)(balanced())
    voided = _all(
        _sold("given-back", tickets=LIVE_T3, guarded_seat_ids=frozenset({"A3"}), change_time=since),
        _without_sale("kiosk/kiosk-1"),
    )(balanced())
    for books, rule in ((late, "capture-unheard"), (rests, "booking-under-way"), (voided, "sale-still-live")):
        comparison = compare(books, NOW)
        assert comparison.differences == ()
        assert [finding.rule for finding in comparison.under_way] == [rule]
        later = compare(books, NOW + dt.timedelta(seconds=60.5 - seconds))
        assert [finding.rule for finding in later.differences] == [rule]


def test_a_buyer_may_take_until_the_end_of_the_hold() -> None:
    held = replace(
        a_booking("held", "AWAITING_PAYMENT", ("B1",)),
        pay_until=NOW - dt.timedelta(seconds=30),
        update_time=LONG_AGO,
    )
    books = _more(held)(balanced())
    assert compare(books, NOW).differences == ()
    assert compare(books, NOW + dt.timedelta(seconds=31)).differences != ()


def test_a_refund_that_the_provider_has_accepted_may_take_days() -> None:
    accepted = _all(
        _booking("given-back", state="REFUNDING", refunds=(replace(BACK, state="ACCEPTED"),)),
        _without(Kind.REFUND, "p-back"),
    )(balanced())
    assert compare(accepted, NOW).differences == ()
    assert [finding.rule for finding in compare(accepted, NOW).under_way] == ["refund-under-way"]
    assert compare(accepted, NOW + dt.timedelta(days=10)).differences != ()
    assert compare(accepted, NOW, Patience(60, provider_days=0.5)).differences != ()


def test_a_booking_that_costs_nothing_needs_no_capture() -> None:
    free = replace(
        a_booking("free", "EXPIRED", ("B1",)),
        total=usd(0),
        lines=(usd(0),),
        seat_prices={"B1": usd(0)},
        payments=(Payment("p-free", "sandbox", usd(0), usd(0)),),
    )
    assert compare(_more(free)(balanced()), NOW).differences == ()


class _Moving:
    """Stores that are different at each look."""

    def __init__(self, *looks: Books) -> None:
        self.looks = list(looks)
        self.order: list[str] = []

    async def bookings(self) -> list[Booking]:
        self.order.append("bookings")
        return list(self.looks[0].bookings)

    async def sales(self) -> list[Sale]:
        self.order.append("sales")
        return list(self.looks[0].sales)

    provider = "sandbox"
    passed_over = 0

    async def movements(self) -> list[Movement]:
        self.order.append("movements")
        return list((self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]).movements)


async def _compared(*looks: Books) -> tuple[Comparison, list[str]]:
    moving = _Moving(*looks)
    return await compare_books(moving, [moving], lambda: NOW, second_look_seconds=0), moving.order


async def test_a_difference_counts_only_when_a_second_look_has_it_too() -> None:
    wrong = PLANTED["tickets without a sale"][0](balanced())
    otherwise = PLANTED["captured twice"][0](balanced())
    assert (await _compared(wrong, balanced()))[0].differences == ()
    assert (await _compared(wrong, otherwise))[0].differences == (), "another one is only seen once"
    both, order = await _compared(wrong, wrong)
    assert [finding.rule for finding in both.differences] == ["sale-missing"]
    assert order == ["bookings", "sales", "movements"] * 2
    assert (await _compared(balanced()))[1] == ["bookings", "sales", "movements"], "one look is enough"


@pytest.mark.parametrize("unread_first", [True, False])
async def test_books_never_balance_when_one_look_lacks_a_provider(unread_first: bool) -> None:
    """Whatever the other look has found is not in the one that had nothing to compare with."""
    wrong = PLANTED["captured twice"][0](balanced())
    away = _Moving(wrong)

    async def movements() -> list[Movement]:
        looks.append(None)
        if (len(looks) == 1) is unread_first:
            raise StackError("the sandbox does not answer")
        return list(wrong.movements)

    looks: list[None] = []
    away.movements = movements  # type: ignore[method-assign]
    found = await compare_books(away, [away], lambda: NOW, second_look_seconds=0)
    assert [(each.rule, each.ids) for each in found.differences] == [
        ("provider-unread", {"provider": "sandbox"})
    ]
    assert found.differences[0].told == "3 payments were not compared: the sandbox does not answer"


def test_the_report_names_ids_and_sums() -> None:
    wrong = PLANTED["tickets without a sale"][0](balanced())
    text = list(lines(compare(wrong, NOW), NOW))
    assert text[0].startswith("compared: 3 bookings, 1 bookings CONFIRMED, ")
    assert any(line.startswith("  USD: captured by providers 30.00, ") for line in text)
    assert text[-2:] == [
        "differences: 1",
        "  sale-missing booking=bought show=show-1: the booking has tickets, the inventory has no sale",
    ]
    assert list(lines(compare(balanced(), NOW), NOW))[-1] == "differences: none"
    told = as_json(compare(wrong, NOW), NOW)
    assert told["balanced"] is False
    assert told["differences"][0]["ids"] == {"booking": "bought", "show": "show-1"}
    assert told["sums"]["USD"]["captured by providers"] == 3000


def test_the_report_shows_what_is_under_way_and_how_long_and_not_all_of_too_much() -> None:
    held = [
        replace(a_booking(f"held-{number}", "HELD", ()), total=usd(0), update_time=JUST_NOW)
        for number in range(25)
    ]
    text = list(lines(compare(_more(*held)(balanced()), NOW), NOW))
    assert "under way: 25" in text
    assert "  booking-under-way booking=held-0: HELD (for 5 s)" in text
    assert "  and 5 more" in text
    assert text[-1] == "differences: none"


def test_two_looks_keep_the_figures_of_the_second() -> None:
    first, second = Comparison(figures={"bookings": 1}), Comparison(figures={"bookings": 2})
    assert still_there(first, second).figures == {"bookings": 2}
