"""Connecting to Redis (or Valkey)."""

from typing import TypeAlias

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

Client: TypeAlias = "Redis"

TIMEOUT_SECONDS = 2.0
MAX_CONNECTIONS = 64


def open_client(url: str, client_name: str) -> Client:
    """A client that connects when first used; close it with `.aclose()`.

    It repeats nothing by itself: a command whose answer was lost may have
    taken effect, and only the caller knows whether it may be sent again.
    """
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=MAX_CONNECTIONS,
        timeout=TIMEOUT_SECONDS,
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 0),
        client_name=client_name,
        health_check_interval=0,
    )
    return Redis.from_pool(pool)
