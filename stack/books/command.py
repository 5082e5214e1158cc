"""``./matinee books [--data DIR] [--json FILE] [--patience SECONDS]``."""

import asyncio
import datetime as dt
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from stack.books.comparing import Patience
from stack.books.mongo import MongoStores
from stack.books.reading import ProviderLedger, compare_books
from stack.books.records import Comparison
from stack.books.report import lines, write_json
from stack.books.sandbox import SandboxLedger, StoredSandboxLedger
from stack.books.stripe import API_BASE, StripeLedger
from stack.engines import MongoEngine
from stack.errors import StackError
from stack.external import check_answers
from stack.folder import DataFolder

_DIFFERS: Final = 1


def books(data: Path, json_file: Path | None, patience_seconds: float) -> int:
    """Compare and print; 0 when nothing differs, else 1. Raises `StackError` for what cannot be read."""
    patience = Patience(patience_seconds)
    comparison = asyncio.run(_compared(DataFolder(data), os.environ, patience))
    now = _now()
    for line in lines(comparison, now):
        print(line)
    if json_file is not None:
        write_json(json_file, comparison, now)
    return _DIFFERS if comparison.differences else 0


async def _compared(folder: DataFolder, environment: Mapping[str, str], patience: Patience) -> Comparison:
    names = (environment.get("BOOKINGS_DATABASE", "bookings"), environment.get("SEATS_DATABASE", "seats"))
    async with _mongo(folder, environment) as url:
        with MongoStores(url, *names) as stores:
            return await compare_books(stores, ledgers(folder, environment), _now, patience)


@asynccontextmanager
async def _mongo(folder: DataFolder, environment: Mapping[str, str]) -> AsyncIterator[str]:
    """Where the databases are: by the environment, of the running `up`, or started for the moment."""
    url = environment.get("MONGO_URL") or folder.announced().get("MONGO_URL")
    if url:
        await check_answers("mongo", url)
        yield url
        return
    engine = MongoEngine(folder.engine(MongoEngine.name), log_file=folder.log(MongoEngine.name))
    if not engine.folder.is_dir():
        raise StackError(f"there are no books in {folder.path}: choose with --data, or set MONGO_URL")
    with folder.locked():
        async with engine:
            yield engine.url


def ledgers(folder: DataFolder, environment: Mapping[str, str]) -> list[ProviderLedger]:
    """The providers' ledgers that are known of; payments at any other are reported as not compared."""
    return [*_sandbox(folder, environment), *_stripe(environment)]


def _stripe(environment: Mapping[str, str]) -> list[ProviderLedger]:
    key = environment.get("STRIPE_API_KEY")
    return [StripeLedger(key, environment.get("STRIPE_API_BASE") or API_BASE)] if key else []


def _sandbox(folder: DataFolder, environment: Mapping[str, str]) -> list[ProviderLedger]:
    url, key = environment.get("SANDBOX_URL"), environment.get("SANDBOX_API_KEY")
    if url and key:
        return [SandboxLedger(url, key)]
    address = folder.announced().get("sandbox")
    if address:
        return [SandboxLedger(f"http://{address}", folder.secrets()["SANDBOX_API_KEY"])]
    file = folder.process("sandbox") / "sandbox.sqlite"
    return [StoredSandboxLedger(file)] if file.exists() else []


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
