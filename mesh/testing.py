"""Parts for tests: real servers on free ports, a clock to move, conditions to wait for."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from pydantic import SecretStr

from mesh.channel import MeshChannel, open_channel
from mesh.run import Build, Resources
from mesh.settings import ServiceSettings

S = TypeVar("S", bound=ServiceSettings)
T = TypeVar("T")

MESH_TOKEN = "a-mesh-token-for-tests"  # noqa: S105 - guards nothing


class FakeClock:
    """A clock that stands still until it is moved."""

    def __init__(self, now: dt.datetime = dt.datetime(2026, 6, 1, 12, 0, tzinfo=dt.UTC)) -> None:
        self._now = now

    def now(self) -> dt.datetime:
        """The instant it was set to."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Moves it, also backwards."""
        self._now += dt.timedelta(seconds=seconds)


@asynccontextmanager
async def serving(settings: S, build: Build[S]) -> AsyncIterator[str]:
    """Runs a service as `mesh.run` does, without signals; yields the address it took."""
    async with Resources() as resources:
        process = await build(settings, resources)
        address = await process.start()
        try:
            yield address
        finally:
            await process.drain(0, 1)
            await resources.background.close(1)


@asynccontextmanager
async def calling(
    address: str, token: str = MESH_TOKEN, timeout_seconds: float = 5.0
) -> AsyncIterator[MeshChannel]:
    """A channel to the address."""
    async with open_channel(address, token, timeout_seconds=timeout_seconds) as channel:
        yield channel


async def eventually(
    condition: Callable[[], Awaitable[T]], within_seconds: float = 15.0, every_seconds: float = 0.02
) -> T:
    """Asks until the answer is true and returns it; fails with the last answer when time is up.

    The time is there to end a test that has failed, on the slowest machine: it says nothing of how soon.
    """
    answer: T | None = None
    try:
        async with asyncio.timeout(within_seconds):
            while not (answer := await condition()):  # noqa: ASYNC110 - what is waited for is elsewhere
                await asyncio.sleep(every_seconds)
            return answer
    except TimeoutError:
        raise AssertionError(f"not within {within_seconds} s; the last answer was {answer!r}") from None


def mesh_secret() -> SecretStr:
    """The token that `calling` uses, for the settings of the service under test."""
    return SecretStr(MESH_TOKEN)
