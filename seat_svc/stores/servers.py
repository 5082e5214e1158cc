"""Where the ledger is kept: one server, or a cluster of several."""

import asyncio
from collections.abc import Mapping
from typing import Any, Protocol

from mesh.errors import StoreUnavailable
from mesh.redis import Client, is_cluster, node_urls, open_client
from seat_svc.stores.cluster import ClusterConnections
from seat_svc.stores.connection import Argument, SharedConnection


class Servers(Protocol):
    """Runs commands where their keys are."""

    async def run(self, *command: Argument) -> Any:
        """The answer to a script whose keys are all of one show; see `SharedConnection.run`."""
        ...

    async def run_everywhere(self, *command: Argument) -> Mapping[str, Any]:
        """The answer of each server by its address; None for one that gave none."""
        ...

    def address_of(self, key: str) -> str:
        """The server that has the key, as far as is known."""
        ...

    def any_client(self) -> Client:
        """A client of a server that hears what is published at any of them."""
        ...

    async def ping(self) -> None:
        """Returns when a server answers; for health probes."""
        ...

    async def aclose(self) -> None:
        """Ends all connections."""
        ...


class OneServer:
    """`Servers` that is one."""

    def __init__(self, url: str, client_name: str) -> None:
        self._client = open_client(url, client_name)
        self._connection = SharedConnection(self._client)
        self.run = self._connection.run
        self.ping = self._connection.ping

    async def run_everywhere(self, *command: Argument) -> Mapping[str, Any]:
        """See `Servers.run_everywhere`."""
        try:
            return {"": await self._connection.run(*command)}
        except StoreUnavailable:
            return {"": None}

    def address_of(self, _key: str) -> str:
        """See `Servers.address_of`."""
        return ""

    def any_client(self) -> Client:
        """See `Servers.any_client`."""
        return self._client

    async def aclose(self) -> None:
        """See `Servers.aclose`."""
        await self._connection.aclose()
        await asyncio.shield(self._client.aclose())


def open_servers(url: str, client_name: str) -> Servers:
    """Connects when first used. Raises `SettingsInvalid` when the address is none."""
    if is_cluster(url):
        return ClusterConnections(node_urls(url), client_name)
    return OneServer(url, client_name)
