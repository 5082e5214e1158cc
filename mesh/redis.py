"""Connecting to Redis (or Valkey)."""

from typing import Final, TypeAlias

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from mesh.settings import SettingsInvalid

Client: TypeAlias = "Redis"

TIMEOUT_SECONDS = 2.0
MAX_CONNECTIONS = 64
_CLUSTER_SCHEMES: Final = {"redis+cluster": "redis", "rediss+cluster": "rediss"}


def open_client(url: str, client_name: str) -> Client:
    """A client of one server that connects when first used; close it with `.aclose()`.

    It repeats nothing by itself: a command whose answer was lost may have
    taken effect, and only the caller knows whether it may be sent again.
    Raises `SettingsInvalid` for what is no address.
    """
    try:
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
    except ValueError:
        # Without what was wrong with it: a password that was not escaped is taken for the port.
        raise SettingsInvalid("REDIS_URL: must be redis://, its password percent-encoded") from None
    return Redis.from_pool(pool)


def is_cluster(url: str) -> bool:
    """Whether the address names servers of a cluster."""
    return url.partition("://")[0] in _CLUSTER_SCHEMES


def node_urls(url: str) -> list[str]:
    """An address for each server named in `redis+cluster://[user:password@]host:port,host:port`.

    `rediss+cluster` is the same over TLS. Raises `ValueError` when a port is missing.
    """
    scheme, _, rest = url.partition("://")
    credentials, at, places = rest.rpartition("@")
    addresses = [place.strip() for place in places.rstrip("/").split(",")]
    for address in addresses:
        host, _, port = address.rpartition(":")
        if not host or not port.isdigit():
            raise ValueError(f"{scheme}:// must name every server as host:port")
    return [f"{_CLUSTER_SCHEMES[scheme]}://{credentials}{at}{address}" for address in addresses]
