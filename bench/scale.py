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
_ROUNDS: Final = 3
_IN_FLIGHT: Final = 32
_ASKED: Final = 10
_LOOKING_AT_ONCE: Final = 16
_COPY_BATCH: Final = 5_000
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
    """Adds rows, the ratio of most to few shows, and the memory of a show to the report.

    Begins with Redis emptied, which the inventory must be able to bear: it loads shows anew. The same ten
    shows are asked for whatever the number known; then a thousand among the most.
    """
    windows = Windows(place)
    asked = shows[:_ASKED]
    async with Redis.from_url(place.valkey.url, socket_timeout=30) as redis:
        await redis.flushall()
        await place.warm(server, [*asked, shows[-1]])
        loaded, full = await _memory(place, server, redis, asked[0], shows[-1])
        report.facts["redis_bytes_per_show"] = {"loaded": loaded, "all seats held": full}
        copies = _Copies(redis, asked[0])
        for turn in range(rounds_of(_ROUNDS, seconds)):
            for number in NUMBERS if turn % 2 == 0 else reversed(NUMBERS):
                await copies.be(number - _ASKED)
                job = Job("hold_and_release", server.target, place.token, _IN_FLIGHT, seconds, _picks(asked))
                await windows.run(_name(number), job, [server])
        await copies.be(NUMBERS[-1] - _ASKED)
        first_looks = await _first_looks(place, server, shows[_ASKED:], report)
        job = Job("hold_and_release", server.target, place.token, _IN_FLIGHT, seconds, _picks(shows[:-1]))
        await windows.run(f"{_name(NUMBERS[-1])}, 1,000 asked", job, [server])
    report.rows += [*windows.rows(), first_looks]
    few, most = (windows.series(_name(number), _IN_FLIGHT).rates for number in (NUMBERS[0], NUMBERS[-1]))
    report.ratios["100,000 shows/10 shows"] = median_ratio(most, few)
    report.notes.append(
        f"memory of a show of 300 seats: {loaded:,} bytes in Redis once loaded, {full:,} with all "
        f"seats held; {report.facts['process_bytes_per_show']:,} in the process, which keeps 20,000 at most"
    )


def _name(number: int) -> str:
    return f"hold and release, {number:,} shows"


def _picks(asked: list[str]) -> list[Pick]:
    """Different pairs for every place in flight, whatever the number of shows."""
    if len(asked) >= _IN_FLIGHT:
        return [pairs_of(show_id)[0] for show_id in asked]
    return [pairs_of(asked[place % len(asked)])[place] for place in range(_IN_FLIGHT)]


async def _first_looks(place: Place, server: Server, shows: list[str], report: Report) -> Row:
    """Has all these shows loaded: the catalogue is asked, MongoDB is read, Redis is filled."""
    before = server.process.memory_info().rss
    picks: list[Pick] = [(show_id, ()) for show_id in shows]
    job = Job("first_look", server.target, place.token, _LOOKING_AT_ONCE, 60.0, picks)
    outcome = await place.client.do(job)
    grown = server.process.memory_info().rss - before
    report.facts["process_bytes_per_show"] = max(round(grown / len(shows)), 0)
    return Row.of("first look at a show", _LOOKING_AT_ONCE, outcome.per_second, outcome.latencies_ms)


async def _memory(place: Place, server: Server, redis: Redis, loaded: str, fresh: str) -> tuple[int, int]:
    """Bytes in Redis of a show that is only loaded, and of one whose seats are all held, two by two."""
    only_loaded = await _bytes_of(redis, loaded)
    await place.client.do(Job("prepare", server.target, place.token, 1, 30.0, pairs_of(fresh)))
    return only_loaded, await _bytes_of(redis, fresh)


async def _bytes_of(redis: Redis, show_id: str) -> int:
    """What Redis says of each key of the show, all of their elements counted."""
    keys = await _keys_of(redis, show_id)
    return sum([await redis.memory_usage(key, samples=0) or 0 for key in keys])


async def _keys_of(redis: Redis, show_id: str) -> list[bytes]:
    keys = [key async for key in redis.scan_iter(f"*{{{show_id}}}*", count=10_000)]
    if not keys:
        raise NoShowInRedis(f"{show_id} has no keys in Redis")
    return keys


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
            self._keys = await _keys_of(self._redis, self._show_id)
        step = "fill" if count > self._count else "clear"
        low, high = sorted((count, self._count))
        for begin in range(low, high, _COPY_BATCH):
            await self._run(begin, min(begin + _COPY_BATCH, high), step)
        self._count = count

    async def _run(self, first: int, last: int, step: str) -> None:
        pattern = self._show_id.replace("-", "%-")
        answer: Any = self._redis.eval(_FILL, len(self._keys), *self._keys, pattern, first, last, step)
        await answer
