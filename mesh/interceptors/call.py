"""What the concerns know of an RPC."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from grpc import aio

from mesh.interceptors.access import Access


@dataclass(frozen=True, slots=True)
class Method:
    """A method of a service; made once, when it is first called."""

    path: str
    """`/package.Service/Method`."""
    access: Access


@dataclass(slots=True)
class Call:
    """One RPC under way.

    `streams` when its answer is a stream, which may be long; `started` is a
    `time.perf_counter()`; `code` and `reason` say how it ended.
    """

    method: Method
    context: "aio.ServicerContext[Any, Any]"
    streams: bool = False
    code: str = "OK"
    reason: str = ""
    started: float = field(default_factory=time.perf_counter)
    metadata: dict[str, str | bytes] = field(init=False)

    def __post_init__(self) -> None:
        self.metadata = dict(self.context.invocation_metadata() or ())


Step: TypeAlias = Callable[[Call], None]
"""What one concern does with a call at one point: before it, as a guard that refuses by raising, or after."""
