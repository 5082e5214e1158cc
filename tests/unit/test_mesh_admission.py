"""When calls are refused because more come than can be answered."""

from typing import Any

import pytest

from mesh.errors import Overloaded
from mesh.interceptors.access import Access
from mesh.interceptors.admission import TIMEOUT_HEADER, Admission
from mesh.interceptors.call import Call, Method

BUDGET_SECONDS = 20.0


class Context:
    """A call of which so much time is left."""

    def __init__(self, left: float | None, budget: str) -> None:
        self._left = left
        self._budget = budget

    def invocation_metadata(self) -> tuple[tuple[str, str], ...]:
        return ((TIMEOUT_HEADER, self._budget),) if self._budget else ()

    def time_remaining(self) -> float | None:
        return self._left


class Desk:
    """An admission, with a clock that the test moves."""

    def __init__(self, most_in_flight: int = 100) -> None:
        self.now = 1000.0
        self.admission = Admission(most_in_flight, 0.5, 1.0, monotonic=lambda: self.now)

    def arrives(self, waited: float, budget: str = str(int(BUDGET_SECONDS * 1000))) -> bool:
        """Whether a call that waited so long is let in."""
        context: Any = Context(BUDGET_SECONDS - waited, budget)
        try:
            self.admission.guard(Call(Method("/s/M", Access.MESH), context))
        except Overloaded:
            return False
        return True

    def stand(self, waited: float, seconds: float) -> list[bool]:
        """A call every tenth of a second, each of which waited so long."""
        answers = []
        for _ in range(round(seconds * 10)):
            self.now += 0.1
            answers.append(self.arrives(waited))
        return answers


def test_a_queue_that_stands_for_the_whole_interval_is_shed() -> None:
    desk = Desk()
    assert desk.arrives(0.0)
    answers = desk.stand(waited=2.0, seconds=2.0)
    assert all(answers[:9])
    assert not any(answers[11:])


def test_who_waited_in_good_time_is_let_in_and_ends_the_overload() -> None:
    desk = Desk()
    desk.stand(waited=2.0, seconds=2.0)
    assert desk.arrives(0.4)
    desk.now += 0.5
    assert desk.arrives(2.0)


def test_calls_that_come_late_all_at_once_are_no_overload() -> None:
    """A server that came back is asked by all who waited for a connection."""
    desk = Desk()
    desk.arrives(0.0)
    desk.now += 60
    assert all(desk.arrives(3.0) for _ in range(500))


@pytest.mark.parametrize("budget", ["", "-1", "1e9", "9" * 40, "²", "soon"])
def test_a_caller_who_does_not_say_how_long_it_waits_is_not_judged_by_it(budget: str) -> None:
    desk = Desk()
    desk.stand(waited=2.0, seconds=2.0)
    assert not desk.arrives(2.0)
    assert desk.arrives(2.0, budget)


@pytest.mark.parametrize(("waited", "retry"), [(0.6, 1.2), (1.0, 2.0), (19.0, 5.0)])
def test_the_time_to_come_again_grows_with_the_wait_and_is_bounded(waited: float, retry: float) -> None:
    desk = Desk()
    desk.stand(waited, seconds=2.0)
    context: Any = Context(BUDGET_SECONDS - waited, str(int(BUDGET_SECONDS * 1000)))
    with pytest.raises(Overloaded) as refused:
        desk.admission.guard(Call(Method("/s/M", Access.MESH), context))
    assert refused.value.retry_seconds == pytest.approx(retry)


def test_calls_in_flight_are_bounded_and_those_that_end_make_place() -> None:
    desk = Desk(most_in_flight=2)
    context: Any = Context(5.0, "")
    calls = [Call(Method("/s/M", Access.MESH), context) for _ in range(3)]
    for call in calls:
        desk.admission.enter(call)
    with pytest.raises(Overloaded):
        desk.admission.guard(calls[2])
    desk.admission.leave(calls[0])
    desk.admission.guard(calls[2])
