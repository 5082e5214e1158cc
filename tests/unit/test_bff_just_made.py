"""A booking that was made a moment ago is shown once, to its buyer, by the time that it is."""

import datetime as dt

from bff.justmade import JustMade
from bff.presenters.bookings import present_booking
from bff.texts import TextsByLanguage
from tests.fixtures.bff import held_booking


class Monotonic:
    """Seconds that the test lets pass."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_it_is_shown_once() -> None:
    made = JustMade(Monotonic())
    made.keep(held_booking("b", ["A1"]), "buyer")
    shown = made.take("b", "buyer")
    assert shown is not None
    assert shown == held_booking("b", ["A1"])
    assert made.take("b", "buyer") is None


def test_nobody_else_is_shown_it_nor_takes_it_away() -> None:
    made = JustMade(Monotonic())
    made.keep(held_booking("b", ["A1"]), "buyer")
    assert made.take("b", "somebody else") is None
    assert made.take("c", "buyer") is None
    assert made.take("b", "buyer") is not None


def test_after_two_seconds_it_is_asked_for() -> None:
    monotonic = Monotonic()
    made = JustMade(monotonic)
    made.keep(held_booking("b", ["A1"]), "buyer")
    monotonic.now += 2.1
    assert made.take("b", "buyer") is None


def test_its_countdown_goes_on_meanwhile() -> None:
    monotonic = Monotonic()
    made = JustMade(monotonic)
    before = held_booking("b", ["A1"])
    made.keep(held_booking("b", ["A1"]), "buyer")
    monotonic.now += 1.5
    shown = made.take("b", "buyer")
    assert shown is not None
    passed = shown.as_of_time.ToDatetime(dt.UTC) - before.as_of_time.ToDatetime(dt.UTC)
    assert passed == dt.timedelta(seconds=1.5)
    texts = TextsByLanguage().for_header("en")
    left = present_booking(before, texts).seconds_left - present_booking(shown, texts).seconds_left
    assert left in (1, 2)
