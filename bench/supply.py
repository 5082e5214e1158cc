"""Seats to hold: pairs of neighbours of many shows, each used once."""

import itertools
from collections import deque
from typing import Final

from bench.jobs import Pick
from bench.place import Place, Server
from bench.programme import SEAT_IDS
from stack.errors import StackError

_SHOWS_AT_ONCE: Final = 16


class SoldOut(StackError):
    """More seats were asked for than the imported shows have."""


def pairs_of(show_id: str) -> list[Pick]:
    """The show's seats, two by two."""
    return [(show_id, (left, right)) for left, right in zip(SEAT_IDS[::2], SEAT_IDS[1::2], strict=True)]


class Supply:
    """Hands out pairs of fresh shows, which the inventory has loaded before."""

    def __init__(self, place: Place, server: Server, shows: list[str]) -> None:
        self._place = place
        self._server = server
        self._shows = deque(shows)
        self._pairs: deque[Pick] = deque()

    async def take(self, count: int) -> list[Pick]:
        """That many pairs, spread over shows."""
        while len(self._pairs) < count:
            await self._open_shows()
        return [self._pairs.popleft() for _ in range(count)]

    def give_back(self, pairs: list[Pick]) -> None:
        """Pairs that were not used."""
        self._pairs.extendleft(reversed(pairs))

    async def _open_shows(self) -> None:
        shows = [self._shows.popleft() for _ in range(min(_SHOWS_AT_ONCE, len(self._shows)))]
        if not shows:
            raise SoldOut("all imported shows are used up: ask for fewer seconds")
        await self._place.warm(self._server, shows)
        by_show = [pairs_of(show_id) for show_id in shows]
        self._pairs.extend(itertools.chain.from_iterable(zip(*by_show, strict=True)))
