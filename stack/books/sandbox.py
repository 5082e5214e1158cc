"""The sandbox's ledger: over its API while it runs, else from the file that it left."""

import asyncio
import datetime as dt
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import aiohttp

from mesh.money import Money
from stack.books.records import Kind, Movement
from stack.errors import StackError

PROVIDER: Final = "sandbox"
_CALL_SECONDS: Final = 10.0


class SandboxLedger:
    """The `ProviderLedger` port over HTTP. A second look reads only what has come since."""

    provider: Final = PROVIDER
    passed_over: Final = 0

    def __init__(self, url: str, api_key: str) -> None:
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {api_key}"}
        self._known: list[Movement] = []
        self._after = 0

    async def movements(self) -> list[Movement]:
        """See `ProviderLedger.movements`."""
        timeout = aiohttp.ClientTimeout(total=_CALL_SECONDS)
        try:
            async with aiohttp.ClientSession(headers=self._headers, timeout=timeout) as client:
                while await self._read_page(client):
                    pass
        except (aiohttp.ClientError, TimeoutError, ValueError, KeyError) as error:
            raise StackError(f"the sandbox's ledger cannot be read ({type(error).__name__})") from None
        return list(self._known)

    async def _read_page(self, client: aiohttp.ClientSession) -> bool:
        async with client.get(f"{self._url}/v1/ledger", params={"after": self._after}) as response:
            response.raise_for_status()
            page = await response.json()
        for row in page["data"]:
            self._known.append(_movement(row))
            self._after = row["sequence"]
        return bool(page["has_more"])


class StoredSandboxLedger:
    """The same, from the file of a sandbox that does not run."""

    provider: Final = PROVIDER
    passed_over: Final = 0

    def __init__(self, file: Path) -> None:
        self._file = file

    async def movements(self) -> list[Movement]:
        """See `ProviderLedger.movements`."""
        return await asyncio.to_thread(self._read)

    def _read(self) -> list[Movement]:
        try:
            with closing(sqlite3.connect(f"{self._file.as_uri()}?mode=ro", uri=True)) as database:
                database.row_factory = sqlite3.Row
                rows = database.execute("SELECT * FROM ledger ORDER BY sequence").fetchall()
        except sqlite3.Error as error:
            raise StackError(f"the sandbox's ledger in {self._file} cannot be read: {error}") from None
        return [_movement(dict(row)) for row in rows]


def _movement(row: Mapping[str, Any]) -> Movement:
    return Movement(
        provider=PROVIDER,
        kind=Kind(row["kind"]),
        payment_id=row["reference"],
        movement_id=row["refund_id"] or row["session_id"],
        amount=Money(row["currency"], row["amount"]),
        time=dt.datetime.fromtimestamp(row["created"], dt.UTC),
    )
