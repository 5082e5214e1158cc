"""Fixtures of the fault tests."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
import pytest_asyncio

from stack.engines import MongoEngine, ValkeyEngine
from tests.fixtures.fault_figures import fault_figures
from tests.fixtures.history_replicas import Replicas, seat_replicas

__all__ = ["fault_figures", "replicas"]


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def replicas(
    mongo: MongoEngine, valkey: ValkeyEngine, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Replicas]:
    """Two processes of seat_svc that live as long as the tests of this folder."""
    folder = tmp_path_factory.mktemp("replicas")
    async with seat_replicas(mongo, valkey, f"test_{uuid4().hex}", folder) as opened:
        yield opened
