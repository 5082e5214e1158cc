"""A cluster of Valkey servers without replicas, to try out that shows are spread over several."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Final, Self

from stack.engines.valkey import ValkeyEngine
from stack.errors import ProcessFailed
from stack.ports import LOOPBACK, free_port

SLOTS: Final = 16_384
_NODE_TIMEOUT_MS: Final = 2_000
"""A machine that pauses for longer makes the servers take each other for dead, and refuse for as long."""
_FORM_SECONDS: Final = 30.0
_ANSWER_SECONDS: Final = 2.0
_PROBE_PAUSE_SECONDS: Final = 0.05


class ValkeyNode(ValkeyEngine):
    """One server of a cluster. It joins no cluster by itself."""

    name: ClassVar[str] = "valkey-node"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        # The usual place, the port plus 10,000, may be taken or beyond the last port.
        self.bus_port = free_port()

    def _settings(self) -> dict[str, str]:
        return super()._settings() | {
            "cluster-enabled": "yes",
            "cluster-port": str(self.bus_port),
            "cluster-node-timeout": str(_NODE_TIMEOUT_MS),
            # The shows of a server that is away must not take the others' with them.
            "cluster-require-full-coverage": "no",
        }

    async def ask(self, *words: str) -> str:
        """The answer to one command: a status, a number, or text. Raises `ProcessFailed`."""
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                reader, writer = await asyncio.open_connection(LOOPBACK, self.port)
                try:
                    writer.write(" ".join(words).encode() + b"\r\n")
                    first = (await reader.readline()).decode().rstrip()
                    if first.startswith("$"):
                        return (await reader.readexactly(int(first[1:]))).decode()
                finally:
                    writer.close()
        except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
            raise ProcessFailed(f"{self.name} does not answer {words[:2]}") from error
        if not first.startswith(("+", ":")):
            raise ProcessFailed(f"{self.name} answered {first!r} to {words[:2]}")
        return first[1:]


class ValkeyCluster:
    """Three servers that have a third of the slots each; `url` names all of them."""

    def __init__(self, folder: Path, nodes: int = 3) -> None:
        self.nodes: Sequence[ValkeyNode] = [ValkeyNode(folder / f"node-{number}") for number in range(nodes)]
        self._resources = AsyncExitStack()

    @property
    def url(self) -> str:
        """Where clients connect, once it has started."""
        return "redis+cluster://" + ",".join(f"{LOOPBACK}:{node.port}" for node in self.nodes)

    async def start(self) -> None:
        """Starts all servers and returns when each knows all others and all slots."""
        for node in self.nodes:
            await self._resources.enter_async_context(node)
        share = -(-SLOTS // len(self.nodes))
        for number, node in enumerate(self.nodes):
            last = min(share * (number + 1), SLOTS) - 1
            await node.ask("CLUSTER", "ADDSLOTSRANGE", str(share * number), str(last))
            await node.ask("CLUSTER", "SET-CONFIG-EPOCH", str(number + 1))
        first, *others = self.nodes
        for node in others:
            await first.ask("CLUSTER", "MEET", LOOPBACK, str(node.port), str(node.bus_port))
        await self.until_formed()

    async def until_formed(self) -> None:
        """Returns when all servers agree that all slots are served; also after a restart of one."""
        try:
            async with asyncio.timeout(_FORM_SECONDS):
                for node in self.nodes:
                    while not await self._is_formed(node):  # noqa: ASYNC110 - what is waited for is elsewhere
                        await asyncio.sleep(_PROBE_PAUSE_SECONDS)
        except TimeoutError:
            raise ProcessFailed(f"the cluster was not formed after {_FORM_SECONDS:.0f} s") from None

    async def stop(self) -> None:
        """Ends all servers."""
        await self._resources.aclose()

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    async def _is_formed(self, node: ValkeyNode) -> bool:
        try:
            told = await node.ask("CLUSTER", "INFO")
        except ProcessFailed:  # it is only slow: who asks has a time of their own
            return False
        facts = dict(line.split(":", 1) for line in told.split("\r\n") if line)
        return (
            facts["cluster_state"] == "ok"
            and facts["cluster_slots_ok"] == str(SLOTS)
            and facts["cluster_known_nodes"] == str(len(self.nodes))
        )
