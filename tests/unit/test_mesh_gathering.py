"""What comes one by one is seen to together."""

import asyncio

from mesh import deadlines
from mesh.gathering import Gathering


class Hands:
    """Keeps what was handed on, each time."""

    def __init__(self) -> None:
        self.all: list[list[int]] = []
        self.error: Exception | None = None
        self.left: float | None = 0.0

    async def __call__(self, things: list[int]) -> None:
        self.left = deadlines.remaining()
        self.all.append(things)
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error


async def test_what_comes_meanwhile_goes_together_and_in_order() -> None:
    hands = Hands()
    gathering = Gathering(hands, seconds=0.05, most=100)
    await asyncio.gather(*(asyncio.shield(gathering.put(number)) for number in range(10)))
    await asyncio.shield(gathering.put(10))
    assert hands.all == [list(range(10)), [10]]


async def test_as_many_as_there_may_be_wait_for_no_time() -> None:
    hands = Hands()
    gathering = Gathering(hands, seconds=60, most=3)
    async with asyncio.timeout(5):
        await asyncio.gather(*(asyncio.shield(gathering.put(number)) for number in range(3)))
        alone = Gathering(hands, seconds=60, most=1)
        await asyncio.shield(alone.put(3))
    assert hands.all == [[0, 1, 2], [3]]


async def test_one_who_goes_away_takes_nothing_with_them() -> None:
    hands = Hands()
    gathering = Gathering(hands, seconds=0.05, most=100)

    async def put(number: int) -> None:
        await asyncio.shield(gathering.put(number))

    first, second = asyncio.create_task(put(1)), asyncio.create_task(put(2))
    await asyncio.sleep(0)
    first.cancel()
    await second
    assert hands.all == [[1, 2]]


async def test_what_went_wrong_is_told_to_all_who_wait_and_to_nobody_later() -> None:
    hands = Hands()
    hands.error = LookupError("away")
    gathering = Gathering(hands, seconds=0.02, most=100)
    waiting = [asyncio.shield(gathering.put(number)) for number in range(3)]
    outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [LookupError] * 3
    hands.error = None
    await asyncio.shield(gathering.put(3))
    assert hands.all[-1] == [3]


async def test_the_first_ones_deadline_is_not_that_of_the_others() -> None:
    hands = Hands()

    async def hurried() -> None:
        deadlines.set_remaining(0.001)
        await asyncio.shield(Gathering(hands, seconds=0.02, most=100).put(1))

    await asyncio.create_task(hurried())
    assert hands.left is None
