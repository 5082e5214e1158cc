"""Everything that the ledger promises, on a cluster of three servers."""

import pytest_asyncio

from tests.contract.test_seat_ledger import *  # noqa: F403


@pytest_asyncio.fixture(loop_scope="session")
async def redis_url(cluster_url: str) -> str:
    """In place of the one server that these tests usually run on."""
    return cluster_url
