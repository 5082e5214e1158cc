"""Work that outlives a call."""

import asyncio

import pytest
from structlog.testing import capture_logs

from mesh import deadlines
from mesh.background import Background
from mesh.testing import eventually


async def test_a_step_ends_although_its_caller_went_away() -> None:
    background = Background()
    go, ended = asyncio.Event(), asyncio.Event()

    async def step() -> None:
        await go.wait()
        ended.set()

    caller = asyncio.create_task(background.finish(step()))
    await asyncio.sleep(0)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    go.set()
    await background.close(grace_seconds=30)
    assert ended.is_set()


async def test_a_step_that_nobody_waits_for_is_waited_for_at_the_end() -> None:
    background = Background()
    ended = asyncio.Event()

    async def step() -> float | None:
        await asyncio.sleep(0.05)
        ended.set()
        return deadlines.remaining()

    deadlines.set_remaining(0.01)
    begun = background.begin(step())
    deadlines.set_remaining(None)
    await background.close(grace_seconds=30)
    assert ended.is_set()
    assert await begun is None, "it is free of its caller's deadline"


async def test_closing_waits_for_steps_only_so_long() -> None:
    background = Background()
    cancelled = asyncio.Event()

    async def endless() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    caller = asyncio.create_task(background.finish(endless()))
    await asyncio.sleep(0)
    await background.close(grace_seconds=0.05)
    assert cancelled.is_set()
    with pytest.raises(asyncio.CancelledError):
        await caller


async def test_a_loop_goes_on_after_a_step_that_raised() -> None:
    background = Background()
    taken = 0

    async def step() -> None:
        nonlocal taken
        taken += 1
        if taken == 1:
            raise OSError("once")

    background.every("test", 0.01, step)

    async def taken_again() -> bool:
        return taken >= 3

    await eventually(taken_again)
    await background.close(1)
    after_close = taken
    await asyncio.sleep(0.05)
    assert taken == after_close


async def test_a_loop_goes_on_after_a_step_that_waited_for_somebody_who_was_cancelled() -> None:
    background = Background()
    taken = 0

    async def step() -> None:
        nonlocal taken
        taken += 1
        other = asyncio.ensure_future(asyncio.sleep(3600))
        asyncio.get_running_loop().call_soon(other.cancel)
        await other

    async def taken_again() -> bool:
        return taken >= 2

    with capture_logs() as lines:
        background.every("test", 0.01, step)
        await eventually(taken_again)
        await background.close(1)
    assert lines[0]["event"] == "background_step_failed"
    after_close = taken
    await asyncio.sleep(0.5)
    assert taken == after_close


async def test_a_loop_is_woken_before_its_time() -> None:
    background = Background()
    wake, steps = asyncio.Event(), asyncio.Semaphore(0)

    async def step() -> None:
        steps.release()

    background.every("test", 3600, step, wake)
    async with asyncio.timeout(10):
        await steps.acquire()
        wake.set()
        await steps.acquire()
    await background.close(1)


async def test_a_step_is_free_of_its_callers_deadline() -> None:
    background = Background()

    async def step() -> float | None:
        return deadlines.remaining()

    deadlines.set_remaining(0.01)
    try:
        assert await background.finish(step()) is None
        assert deadlines.remaining() is not None
    finally:
        deadlines.set_remaining(None)


async def test_a_budget_is_the_lesser_of_the_step_and_what_is_left() -> None:
    assert deadlines.budget(90.0) == 90.0
    deadlines.set_remaining(60.0)
    try:
        assert 30.0 < deadlines.budget(90.0) < 60.0
        assert deadlines.budget(0.2) == 0.2
        deadlines.set_remaining(-5)
        assert deadlines.budget(3.0) == 0.0
    finally:
        deadlines.set_remaining(None)


async def test_a_step_that_another_begins_while_it_closes_comes_to_its_end_too() -> None:
    background = Background()
    done: list[str] = []

    async def second() -> None:
        await asyncio.sleep(0.05)
        done.append("second")

    async def first() -> None:
        await asyncio.sleep(0.05)
        background.begin(second())
        done.append("first")

    background.begin(first())
    await background.close(30)
    assert done == ["first", "second"]
