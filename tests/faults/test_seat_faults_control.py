"""The same buyers and checks must find an inventory without guards out.

The claim is that they can: so they play round after round until they have, with a bound that only an
inventory nobody can catch comes to.
"""

from collections.abc import AsyncIterator, Callable
from time import monotonic
from typing import Any, Final
from uuid import uuid4

import pytest
import pytest_asyncio
from pymongo import AsyncMongoClient

from stack.engines import MongoEngine, ValkeyEngine
from tests.fixtures.history_replicas import Replicas, seat_replicas
from tests.fixtures.history_round import Findings, play

CAUGHT_WITHIN_SECONDS: Final = 120.0
"""It takes a few rounds of a second."""

pytestmark = pytest.mark.timeout(300)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def unguarded(
    mongo: MongoEngine, valkey: ValkeyEngine, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Replicas]:
    """Two processes whose ledger looks first and takes later."""
    folder = tmp_path_factory.mktemp("unguarded")
    module = "tests.fixtures.history_unguarded"
    async with seat_replicas(mongo, valkey, f"test_{uuid4().hex}", folder, module=module) as opened:
        yield opened


async def test_a_ledger_that_looks_first_and_takes_later_is_caught(unguarded: Replicas) -> None:
    findings = await rounds_until(lambda findings: bool(findings.impossible), unguarded)
    assert findings.impossible
    # Its seats are held twice; MongoDB still refuses to sell them twice.
    assert not findings.contradictions


async def test_without_the_last_word_too_seats_are_seen_to_be_sold_twice(unguarded: Replicas) -> None:
    def sold_twice(findings: Findings) -> bool:
        seen = any("live sales" in contradiction for contradiction in findings.contradictions)
        return seen and bool(findings.impossible)

    async with AsyncMongoClient[dict[str, Any]](unguarded.mongo.url) as client:
        await client[unguarded.database]["sales"].drop_index("seat_keys_1")
    findings = await rounds_until(sold_twice, unguarded)
    assert sold_twice(findings), findings


async def rounds_until(enough: Callable[[Findings], bool], replicas: Replicas) -> Findings:
    """Plays until it is seen, or the time is over."""
    total = Findings()
    until = monotonic() + CAUGHT_WITHIN_SECONDS
    while not enough(total) and monotonic() < until:
        # Nobody cancels: what was sold twice is still so when it is looked at.
        total.add(await play(replicas, [], at_least_seconds=1.0, cancels=0.0, settle=False))
    return total
