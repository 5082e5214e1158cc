"""The Lua scripts beside this file, each under the rules they share."""

import hashlib
from pathlib import Path
from typing import Any, Final

from seat_svc.stores.connection import LIFE_OF_SERVER, Argument, CommandRefused
from seat_svc.stores.servers import Servers

FOLDER: Final = Path(__file__).parent / "scripts"

Answer = list[Any]
"""A script's answer: a word as bytes, then what the script's comments say."""


class Script:
    """One script: its source with the shared rules, known to Redis by its digest."""

    def __init__(self, name: str, clock: str) -> None:
        parts = (clock, *((FOLDER / f"{each}.lua").read_text() for each in ("prelude", name)))
        self.source = "\n".join(parts)
        self.digest = hashlib.sha1(self.source.encode()).hexdigest()  # noqa: S324 - Redis' own choice

    async def run(self, servers: Servers, keys: tuple[str, ...], *arguments: Argument) -> Answer:
        """Runs it on a show's keys; sends the source along when Redis has forgotten it."""
        given = (len(keys), *keys, LIFE_OF_SERVER, *arguments)
        try:
            answer = await servers.run("EVALSHA", self.digest, *given)
        except CommandRefused as refusal:
            if refusal.code != "NOSCRIPT":
                raise
            answer = await servers.run("EVAL", self.source, *given)
        assert isinstance(answer, list)
        return answer


def redis_time() -> str:
    """The clock that production uses: Redis' own."""
    return (FOLDER / "clock.lua").read_text()
