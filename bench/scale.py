"""Whether the number of shows matters: latency from 10 to 100,000 shows, and what a show costs in memory.

Shows that are asked for are loaded through the service; the others are copies of a loaded show's keys,
made inside of Redis: as many keys of the same size, in a fraction of the time.
"""

from typing import Any, Final

from redis.asyncio import Redis

from bench.jobs import Job, Pick
from bench.place import Place, Server
from bench.report import Report, Row, median_ratio
from bench.supply import pairs_of
from bench.windows import Windows, rounds_of
from stack.errors import StackError

NUMBERS: Final = (10, 1_000, 10_000, 100_000)
_ROUNDS: Final = 2
_IN_FLIGHT: Final = 32
_MOST_ASKED: Final = 1_000
_COPY_BATCH: Final = 5_000
_COPIES_FOR_MEMORY: Final = 1_000
_FILL: Final = """
local from, to = tonumber(ARGV[2]), tonumber(ARGV[3])
for number = from, to - 1 do
  for _, key in ipairs(KEYS) do
    local copy = string.gsub(key, ARGV[1], 'copy-' .. number, 1)
    if ARGV[4] == 'fill' then redis.call('COPY', key, copy) else redis.call('UNLINK', copy) end
  end
end
return redis.status_reply('OK')
"""


class NoShowInRedis(StackError):
    """The show to copy has no keys."""


async def measure_scale(
    place: Place, server: Server, shows: list[str], seconds: float, report: Report
) -> None:
    """Adds rows, the ratio of most to few shows, and the memory of a show to the report."""
    report.rows.append(await _first_looks(place, server, shows, report))
    windows = Windows(place)
    async with Redis.from_url(place.valkey.url, socket_timeout=30) as redis:
        copies = _Copies(redis, shows[-1])
        for turn in range(rounds_of(_ROUNDS, seconds)):
            for number in NUMBERS if turn % 2 == 0 else reversed(NUMBERS):
                await copies.be(number - min(number, len(shows)))
                asked = shows[-min(number, len(shows)) :]
                job = Job("hold_and_release", server.target, place.token, _IN_FLIGHT, seconds, _picks(asked))
                await windows.run(f"hold and release, {number:,} shows known", job, [server])
        await copies.be(0)
        # The last show was asked for all along; the first one is held to its last seat now.
        untouched = await _Copies(redis, shows[-1]).bytes_each(_COPIES_FOR_MEMORY)
        held = await _held_show(place, server, shows[0])
        full = await _Copies(redis, held).bytes_each(_COPIES_FOR_MEMORY)
        report.facts["redis_bytes_per_show"] = {"few holds": untouched, "all seats held": full}
    report.rows += windows.rows()
    few, most = (
        windows.series(f"hold and release, {number:,} shows known", _IN_FLIGHT)
        for number in (NUMBERS[0], NUMBERS[-1])
    )
    report.ratios["100,000 shows/10 shows"] = median_ratio(most.rates, few.rates)
    report.notes.append(
        f"memory of a show of 300 seats: {untouched:,} bytes in Redis with a few holds, {full:,} with all "
        f"seats held; {report.facts['process_bytes_per_show']:,} in the process, which keeps 20,000 at most"
    )


def _picks(asked: list[str]) -> list[Pick]:
    """Different pairs for every place in flight, whatever the number of shows."""
    if len(asked) >= _IN_FLIGHT:
        return [pairs_of(show_id)[0] for show_id in asked[:_MOST_ASKED]]
    return [pairs_of(asked[place % len(asked)])[place] for place in range(_IN_FLIGHT)]


async def _first_looks(place: Place, server: Server, shows: list[str], report: Report) -> Row:
    """Has all the shows loaded, and sees what that takes; those that were seen before are few."""
    before = server.process.memory_info().rss
    picks: list[Pick] = [(show_id, ()) for show_id in shows]
    job = Job("first_look", server.target, place.token, 16, 60.0, picks)
    outcome = await place.client.do(job)
    grown = server.process.memory_info().rss - before
    report.facts["process_bytes_per_show"] = max(round(grown / len(shows)), 0)
    return Row.of("first look at a show", 16, outcome.per_second, outcome.latencies_ms)


async def _held_show(place: Place, server: Server, show_id: str) -> str:
    """Has all of a show's seats held, two by two."""
    await place.client.do(Job("prepare", server.target, place.token, 1, 30.0, pairs_of(show_id)))
    return show_id


class _Copies:
    """Copies of one show's keys under other shows' ids."""

    def __init__(self, redis: Redis, show_id: str) -> None:
        self._redis = redis
        self._show_id = show_id
        self._keys: list[bytes] = []
        self._count = 0

    async def be(self, count: int) -> None:
        """Makes or removes copies until there are that many."""
        if not self._keys:
            self._keys = [key async for key in self._redis.scan_iter(f"*{{{self._show_id}}}*", count=10_000)]
            if not self._keys:
                raise NoShowInRedis(f"{self._show_id} has no keys in Redis")
        step = "fill" if count > self._count else "clear"
        low, high = sorted((count, self._count))
        for begin in range(low, high, _COPY_BATCH):
            await self._run(begin, min(begin + _COPY_BATCH, high), step)
        self._count = count

    async def bytes_each(self, count: int) -> int:
        """What one takes, from how much so many more take."""
        await self.be(0)
        before = await self._used()
        await self.be(count)
        each = round((await self._used() - before) / count)
        await self.be(0)
        return each

    async def _run(self, first: int, last: int, step: str) -> None:
        pattern = self._show_id.replace("-", "%-")
        answer: Any = self._redis.eval(_FILL, len(self._keys), *self._keys, pattern, first, last, step)
        await answer

    async def _used(self) -> int:
        return int((await self._redis.info("memory"))["used_memory"])
