"""Connections to a cluster: each command goes to the server that has its show; see docs/decisions."""

import asyncio
import random
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

import structlog
from redis.crc import key_slot

from mesh.errors import StoreUnavailable
from mesh.redis import Client, open_client
from seat_svc.stores.connection import Argument, CommandRefused, SharedConnection

log = structlog.get_logger()

_SLOTS: Final = 16_384
_REDIRECTIONS: Final = 5
_LEARN_PAUSE_SECONDS: Final = 0.5
_UNTOLD_HOSTS: Final = (None, b"", b"?")
_SCRIPTS: Final = ("EVALSHA", "EVAL")


class ClusterConnections:
    """`Servers` that are a cluster: a shared connection to each, made when first needed.

    What a server refuses because it does not have the slot was not carried
    out, and goes to the server that it names. Nothing else is sent twice. A
    server that is away fails its own shows alone.
    """

    def __init__(self, urls: Sequence[str], client_name: str) -> None:
        """`urls` are servers to begin with; the others are found by asking."""
        first = urlsplit(urls[0])
        self._prefix = f"{first.scheme}://{first.netloc.rpartition('@')[0]}{'@' * ('@' in first.netloc)}"
        self._client_name = client_name
        self._begin_with = frozenset(urlsplit(url).netloc.rpartition("@")[2] for url in urls)
        self._nodes: dict[str, _Node] = {}
        self._addresses: list[str] = []
        self._learning: asyncio.Task[None] | None = None
        self._learned_at = 0.0
        self._closed = False

    async def run(self, *command: Argument) -> Any:
        """See `Servers.run`."""
        if not self._addresses:
            await self._learn()
        slot = _slot_of(command)
        address = self._addresses[slot]
        for _ in range(_REDIRECTIONS):
            try:
                return await self._node(address).connection.run(*command)
            except StoreUnavailable:
                self._learn_soon()
                raise
            except CommandRefused as refusal:
                if refusal.code != "MOVED":
                    raise
                address = _named_address(str(refusal).split()[2], address)
                self._addresses[slot] = address
                self._learn_soon()
        raise StoreUnavailable("redis")

    async def run_everywhere(self, *command: Argument) -> Mapping[str, Any]:
        """See `Servers.run_everywhere`."""
        if not self._addresses:
            await self._learn()
        addresses = sorted(filter(None, set(self._addresses)))
        answers = await asyncio.gather(
            *(self._node(address).connection.run(*command) for address in addresses), return_exceptions=True
        )
        return {
            address: None if isinstance(answer, BaseException) else answer
            for address, answer in zip(addresses, answers, strict=True)
        }

    def address_of(self, key: str) -> str:
        """See `Servers.address_of`."""
        return self._addresses[key_slot(key.encode())] if self._addresses else ""

    def any_client(self) -> Client:
        """Any will do: what is published at one server of a cluster is passed on to all."""
        known = sorted(self._begin_with | set(filter(None, self._addresses)))
        return self._node(random.choice(known)).client  # noqa: S311 - spreads load

    async def ping(self) -> None:
        """Returns when a server answers: the shows of the others are another matter."""
        await self._first_answer("PING")

    async def aclose(self) -> None:
        """See `Servers.aclose`."""
        self._closed = True
        if self._learning is not None:
            self._learning.cancel()
        await self._forget(list(self._nodes))

    def _node(self, address: str) -> "_Node":
        if self._closed or not address:  # nobody serves this slot
            self._learn_soon()
            raise StoreUnavailable("redis")
        node = self._nodes.get(address)
        if node is None:
            node = self._nodes[address] = _Node(open_client(self._prefix + address, self._client_name))
        return node

    def _learn_soon(self) -> None:
        """Asks again who has which slot, but not with every failure."""
        waited = asyncio.get_running_loop().time() - self._learned_at
        if self._learning is None and waited > _LEARN_PAUSE_SECONDS and not self._closed:
            self._learning = asyncio.create_task(self._ask_for_slots(), name="redis-cluster-slots")
            self._learning.add_done_callback(_note_failure)

    async def _learn(self) -> None:
        """Returns when it is known; all who wait for it share one attempt."""
        if self._learning is None:
            self._learning = asyncio.create_task(self._ask_for_slots(), name="redis-cluster-slots")
            self._learning.add_done_callback(_note_failure)
        await asyncio.shield(self._learning)

    async def _ask_for_slots(self) -> None:
        try:
            asked, slots = await self._first_answer("CLUSTER", "SLOTS")
            addresses = [""] * _SLOTS
            for first, last, (host, port, *_), *_replicas in slots:
                named = f":{port}" if host in _UNTOLD_HOSTS else _address(host.decode(), port)
                addresses[first : last + 1] = [_named_address(named, asked)] * (last + 1 - first)
            self._addresses = addresses
            await self._forget(self._nodes.keys() - self._begin_with - set(addresses))
        finally:
            self._learned_at = asyncio.get_running_loop().time()
            self._learning = None

    async def _first_answer(self, *command: Argument) -> tuple[str, Any]:
        """What the first server to answer says, and its address; asks all that are known at once."""
        addresses = sorted(self._begin_with | set(filter(None, self._addresses)))

        async def ask(address: str) -> tuple[str, Any]:
            return address, await self._node(address).connection.run(*command)

        asking = [asyncio.ensure_future(ask(address)) for address in addresses]
        try:
            for answer in asyncio.as_completed(asking):
                try:
                    return await answer
                except (StoreUnavailable, CommandRefused) as error:
                    log.info("cluster_server_silent", error=type(error).__name__)
        finally:
            for task in asking:
                task.cancel()
        raise StoreUnavailable("redis")

    async def _forget(self, addresses: Iterable[str]) -> None:
        for address in addresses:
            await self._nodes.pop(address).aclose()


class _Node:
    """A server's client and connection."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.connection = SharedConnection(client)

    async def aclose(self) -> None:
        await self.connection.aclose()
        await self.client.aclose()


def _slot_of(command: tuple[Argument, ...]) -> int:
    """That of a script's first key: all keys of a show share their hash tag."""
    assert command[0] in _SCRIPTS, "only scripts say which keys they use"
    return int(key_slot(str(command[3]).encode()))


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _named_address(named: str, by: str) -> str:
    """An address without a host means the host that named it."""
    host, _, port = named.rpartition(":")
    if not host:
        return f"{by.rpartition(':')[0]}:{port}"
    return named if host.startswith("[") else _address(host, int(port))


def _note_failure(learning: asyncio.Task[None]) -> None:
    if not learning.cancelled() and (error := learning.exception()) is not None:
        log.warning("cluster_slots_unknown", error=type(error).__name__)
