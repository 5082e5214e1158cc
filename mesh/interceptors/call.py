"""What the concerns know of an RPC."""

from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

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
    """One RPC under way."""

    method: Method
    context: "aio.ServicerContext[Any, Any]"
    code: str = "OK"
    reason: str = ""
    metadata: dict[str, str | bytes] = field(init=False)

    def __post_init__(self) -> None:
        self.metadata = dict(self.context.invocation_metadata() or ())


class Concern(Protocol):
    """Enters before the handler and leaves after it; refuses a call by raising on entry."""

    def __call__(self, call: Call) -> AbstractContextManager[None]:
        """The context around one call."""
        ...
