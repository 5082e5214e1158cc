"""The history checker says yes to what can have happened and no to what cannot."""

import time
from typing import Any

import pytest

from tests.fixtures.history import History, Kind, Operation, Outcome, Wipe
from tests.fixtures.history_checker import violations

HOLD_SECONDS = 10.0
OK, REFUSED, UNKNOWN = Outcome.OK, Outcome.REFUSED, Outcome.UNKNOWN


def hold(
    key: str, begin: float, end: float = 0.0, outcome: Outcome = OK, given: float = 0.0, **facts: Any
) -> Operation:
    """A hold of A1 by the request; `given` when the answer says that it was."""
    end = end or begin + 1
    facts.setdefault("expire", (given or (begin + end) / 2) + HOLD_SECONDS if outcome is OK else 0.0)
    if outcome is REFUSED:
        facts.setdefault("reason", "SEAT_TAKEN")
        facts.setdefault("named_seat_ids", ("A1",))
    return _operation(Kind.HOLD, key, begin, end, outcome, facts)


def release(of: str, begin: float, end: float = 0.0, outcome: Outcome = OK) -> Operation:
    return _operation(Kind.RELEASE, f"release {of}", begin, end, outcome, {"hold": of})


def confirm(
    booking: str, of: str, begin: float, end: float = 0.0, outcome: Outcome = OK, **facts: Any
) -> Operation:
    if outcome is REFUSED:
        facts.setdefault("named_seat_ids", ("A1",))
    return _operation(Kind.CONFIRM, booking, begin, end, outcome, {"hold": of} | facts)


def cancel(booking: str, begin: float, end: float = 0.0, outcome: Outcome = OK) -> Operation:
    return _operation(Kind.CANCEL, booking, begin, end, outcome, {})


def look(state: str, begin: float, end: float = 0.0) -> Operation:
    return _operation(Kind.LOOK, f"look {begin}", begin, end, OK, {"states": {"A1": state}})


def _operation(
    kind: Kind, key: str, begin: float, end: float, outcome: Outcome, facts: dict[str, Any]
) -> Operation:
    facts.setdefault("seat_ids", ("A1",))
    return Operation(kind=kind, key=key, begin=begin, end=end or begin + 1, outcome=outcome, **facts)


def fits(*operations: Operation, sold_to: str = "", wipes: tuple[Wipe, ...] = ()) -> bool:
    history = History(
        HOLD_SECONDS, list(operations), list(wipes), {"A1": sold_to} if sold_to else {}, end=1000.0
    )
    return not violations(history, ["A1"])


def test_a_seat_may_be_held_sold_cancelled_and_sold_again() -> None:
    assert fits(
        hold("r1", 0),
        hold("r2", 2, outcome=REFUSED),
        confirm("b1", "r1", 4),
        hold("r3", 6, outcome=REFUSED),
        look("SOLD", 8),
        cancel("b1", 10),
        hold("r4", 12),
        confirm("b2", "r4", 14),
        sold_to="b2",
    )


@pytest.mark.parametrize(
    "second", [confirm("b2", "r2", 4), confirm("b2", "r2", 2.5, 3.5)], ids=["later", "at the same time"]
)
def test_a_seat_sold_twice_is_seen(second: Operation) -> None:
    first = (hold("r1", 0), confirm("b1", "r1", 2, 4))
    assert fits(*first, sold_to="b1")
    assert not fits(*first, second, sold_to="b1")
    assert not fits(*first, second, sold_to="b2")


def test_a_seat_held_twice_is_seen() -> None:
    assert not fits(hold("r1", 0), hold("r2", 2))
    assert not fits(hold("r1", 0, 3), hold("r2", 1, 4))


def test_holds_may_follow_each_other_where_the_first_was_released_or_ran_out() -> None:
    assert fits(hold("r1", 0), release("r1", 2), hold("r2", 4))
    assert fits(hold("r1", 0, given=0.5), hold("r2", 10, 12, given=10.6))


def test_a_hold_that_is_given_before_the_first_one_is_over_is_seen() -> None:
    assert not fits(hold("r1", 0, given=0.5), hold("r2", 10, 12, given=10.3))


def test_a_hold_that_outlives_its_time_is_seen() -> None:
    given = hold("r1", 0, given=0.5)
    assert fits(given, hold("r2", 9, outcome=REFUSED))
    assert fits(given, hold("r2", 10, 11, outcome=REFUSED))
    assert not fits(given, hold("r2", 11, 12, outcome=REFUSED))
    assert not fits(given, look("HELD", 11))


def test_a_hold_that_says_it_was_given_before_it_was_asked_for_is_seen() -> None:
    assert not fits(hold("r1", 5, 6, given=4.5))


def test_a_refusal_needs_somebody_who_has_the_seat() -> None:
    assert not fits(hold("r1", 0, outcome=REFUSED))
    assert not fits(hold("r1", 0), release("r1", 2), hold("r2", 4, outcome=REFUSED))
    assert fits(hold("r1", 0), release("r1", 2, 5), hold("r2", 4, outcome=REFUSED))


def test_a_refusal_for_another_seat_needs_this_one_to_be_free() -> None:
    spared = hold("r2", 2, outcome=REFUSED, named_seat_ids=("A2",))
    assert fits(spared)
    assert not fits(hold("r1", 0), spared)


def test_a_refusal_about_the_holder_says_nothing_of_the_seat() -> None:
    refused = hold("r2", 2, outcome=REFUSED, reason="HOLD_LIMIT", named_seat_ids=())
    assert fits(refused)
    assert fits(hold("r1", 0), refused)


def test_a_call_of_unknown_outcome_may_take_effect_late_or_never() -> None:
    lost = hold("r1", 0, outcome=UNKNOWN)
    assert fits(lost)
    assert fits(lost, hold("r2", 2), release("r2", 4), hold("r3", 6, outcome=REFUSED))
    assert fits(hold("r1", 0), confirm("b1", "r1", 2, outcome=UNKNOWN), sold_to="b1")
    assert fits(hold("r1", 0), confirm("b1", "r1", 2, outcome=UNKNOWN))


def test_a_call_of_unknown_outcome_takes_effect_once() -> None:
    lost = hold("r1", 0, outcome=UNKNOWN)
    taken_twice = (look("HELD", 2), look("AVAILABLE", 4), look("HELD", 6))
    assert not fits(lost, *taken_twice)
    assert not fits(
        hold("r1", 0), confirm("b1", "r1", 2, outcome=UNKNOWN), confirm("b2", "r2", 4), sold_to="b1"
    )


def test_an_unknown_hold_does_not_end_before_its_time() -> None:
    lost = hold("r1", 0, outcome=UNKNOWN)
    assert not fits(lost, look("HELD", 2), look("AVAILABLE", 4))
    assert fits(lost, look("HELD", 2), look("AVAILABLE", 10))


def test_a_repeat_is_the_same_hold() -> None:
    attempts = (hold("r1", 0, outcome=UNKNOWN), hold("r1", 4, given=0.5))
    assert fits(*attempts, look("HELD", 2))
    assert not fits(*attempts, look("AVAILABLE", 2))
    assert not fits(*attempts, release("r1", 6), look("HELD", 8))


def test_a_repeated_confirm_has_one_effect() -> None:
    attempts = (hold("r1", 0), confirm("b1", "r1", 2, outcome=UNKNOWN), confirm("b1", "r1", 4))
    assert fits(*attempts, sold_to="b1")
    assert fits(*attempts, cancel("b1", 6), hold("r2", 8))
    assert not fits(*attempts, cancel("b1", 6), look("SOLD", 8))


def test_a_refused_confirm_is_never_a_sale() -> None:
    lost = (hold("r1", 0), confirm("b2", "r2", 2, outcome=REFUSED))
    assert fits(*lost)
    assert not fits(*lost, release("r1", 4), look("SOLD", 6), sold_to="b2")
    unknown_before = confirm("b2", "r2", 1, outcome=UNKNOWN)
    assert not fits(unknown_before, *lost, release("r1", 4), sold_to="b2")


def test_a_refusal_is_final_and_may_be_repeated_when_the_seat_is_free_again() -> None:
    refused = confirm("b2", "r2", 2, outcome=REFUSED)
    assert fits(hold("r1", 0), refused, release("r1", 4), confirm("b2", "r2", 6, outcome=REFUSED))
    assert not fits(hold("r1", 0), release("r1", 4), confirm("b2", "r2", 6, outcome=REFUSED))


def test_a_confirm_is_not_refused_its_own_live_hold_nor_a_free_seat() -> None:
    assert not fits(hold("r1", 0), confirm("b1", "r1", 2, outcome=REFUSED))
    assert not fits(confirm("b1", "r1", 2, outcome=REFUSED))


def test_a_late_confirm_takes_free_seats_again_and_never_anothers_hold() -> None:
    mine = hold("r1", 0, given=0.5)
    assert fits(mine, confirm("b1", "r1", 12), sold_to="b1")
    theirs = hold("r2", 12)
    assert fits(mine, theirs, confirm("b1", "r1", 14, outcome=REFUSED))
    assert not fits(mine, theirs, confirm("b1", "r1", 14), sold_to="b1")


def test_a_confirm_that_loses_its_other_seat_may_keep_this_one_for_a_while() -> None:
    lost = confirm("b1", "r1", 2, 6, REFUSED, named_seat_ids=("A2",), seat_ids=("A1", "A2"))
    assert fits(lost, hold("r2", 3, outcome=REFUSED))
    assert not fits(lost, hold("r2", 7, outcome=REFUSED))


def test_an_answered_confirm_must_be_in_the_books() -> None:
    sold = (hold("r1", 0), confirm("b1", "r1", 2))
    assert not fits(*sold)
    assert not fits(*sold, sold_to="b9")
    assert not fits(hold("r1", 0), sold_to="b1")


def test_a_cancelled_seat_is_free_when_the_answer_comes() -> None:
    sold = (hold("r1", 0), confirm("b1", "r1", 2))
    assert fits(*sold, cancel("b1", 4), look("AVAILABLE", 6))
    assert not fits(*sold, cancel("b1", 4), look("SOLD", 6))
    assert not fits(*sold, look("AVAILABLE", 4), sold_to="b1")


def test_a_wipe_ends_holds_and_nothing_else() -> None:
    wipe = Wipe(2, 3)
    assert fits(hold("r1", 0), hold("r2", 4), wipes=(wipe,))
    assert not fits(hold("r1", 0), look("HELD", 4), wipes=(wipe,))
    sold = (hold("r1", 0), confirm("b1", "r1", 1, 1.9))
    assert fits(*sold, look("SOLD", 4), sold_to="b1", wipes=(wipe,))
    assert not fits(*sold, hold("r2", 4), sold_to="b1", wipes=(wipe,))
    assert not fits(*sold, hold("r2", 4), confirm("b2", "r2", 6), sold_to="b2", wipes=(wipe,))


def test_only_a_confirm_that_was_under_way_at_a_wipe_may_overtake_a_hold() -> None:
    wipe = Wipe(2, 3)
    overtaken = (hold("r1", 0), hold("r2", 4, given=4.5), confirm("b2", "r2", 8, outcome=REFUSED))
    assert fits(*overtaken, confirm("b1", "r1", 1.5, 7), sold_to="b1", wipes=(wipe,))
    assert not fits(*overtaken, confirm("b1", "r1", 5, 7), sold_to="b1", wipes=(wipe,))


def test_a_claim_may_be_seen_and_wiped_before_its_sale_is_made() -> None:
    wipe = Wipe(4, 5)
    seen = hold("r2", 2, 3, REFUSED)
    overtaken = hold("r3", 6, given=6.5)
    released = (hold("r1", 0), release("r1", 0.8, 1.2))
    assert fits(*released, confirm("b1", "r1", 1.5, 8), seen, overtaken, sold_to="b1", wipes=(wipe,))
    assert not fits(*released, confirm("b1", "r1", 1.5, 8), seen, overtaken, sold_to="b1")


def test_a_long_history_with_many_unknown_calls_is_checked_quickly() -> None:
    operations = []
    for number in range(300):
        at = number * 20.0
        operations.append(hold(f"r{number}", at, at + 2))
        operations.append(release(f"r{number}", at + 3))
        operations += [hold(f"n{number}-{each}", at + 3, at + 5, REFUSED) for each in range(8)]
        if number % 10 == 0:
            operations += [hold(f"u{number}-{each}", at + 4, at + 5, UNKNOWN) for each in range(3)]
    history = History(HOLD_SECONDS, operations, end=10_000.0)
    begun = time.thread_time()
    assert not violations(history, ["A1"])
    history.operations.append(look("AVAILABLE", 5982.2, 5982.8))  # held since 5982, released from 5983 on
    assert violations(history, ["A1"])
    assert time.thread_time() - begun < 10
