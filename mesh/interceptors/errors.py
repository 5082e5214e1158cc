"""Turns what a handler raised into a status that clients can branch on."""

import asyncio
from dataclasses import dataclass
from typing import Any

import grpc
import structlog
from google.protobuf import any_pb2
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc import aio
from grpc_status import rpc_status

from mesh import deadlines
from mesh.errors import ERROR_DOMAIN, MatineeError, RemoteError

log = structlog.get_logger()

_PASSED_ON = frozenset(
    {
        "INVALID_ARGUMENT", "NOT_FOUND", "ALREADY_EXISTS", "FAILED_PRECONDITION", "ABORTED",
        "OUT_OF_RANGE", "RESOURCE_EXHAUSTED", "UNAVAILABLE",
    }
)  # fmt: skip
"""Codes of a callee that mean the same to our own caller, when they carry a reason."""


_LONGEST_TEXT = 500
"""Bytes of UTF-8; in the status each that is not ASCII takes three."""
_MORE = "…"


@dataclass(frozen=True, slots=True)
class Failure:
    """How a call ends when it does not end well."""

    code: str
    reason: str
    message: str
    facts: dict[str, str]
    retry_seconds: float | None = None


INTERNAL = Failure("INTERNAL", "INTERNAL", "something went wrong on our side", {})
CUT_OFF = Failure("DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED", "the answer did not come in time", {})


def client_went_away(error: BaseException) -> bool:
    """Whether the call was cancelled from outside: nobody waits for a status.

    A CancelledError of the handler's own making (an inner task was cancelled)
    leaves `cancelling()` at 0. gRPC would send no status for it, and the
    client would wait out its deadline (grpc/grpc#29248).
    """
    task = asyncio.current_task()
    return isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling() > 0


def failure_of(error: BaseException) -> Failure:
    """What the client is told; unknown errors are logged here, once, and told without detail."""
    match error:
        case MatineeError():
            return Failure(error.code, error.reason, error.message, dict(error.facts), error.retry_seconds)
        case RemoteError(code=code, reason=reason) if reason and code in _PASSED_ON:
            return Failure(code, reason, error.message, dict(error.facts), error.retry_seconds)
        case RemoteError(code="UNAVAILABLE" | "DEADLINE_EXCEEDED"):
            log.warning("dependency_unavailable", method=error.method, code=error.code)
            return Failure(
                "UNAVAILABLE", "DEPENDENCY_UNAVAILABLE", "a part of the system is not answering", {}
            )
        case TimeoutError() if (left := deadlines.remaining()) is not None and left <= 0:
            return CUT_OFF
    log.error("call_failed", exc_info=error)
    return INTERNAL


async def abort(context: "aio.ServicerContext[Any, Any]", failure: Failure) -> None:
    """Ends the call with the failure's status and its ErrorInfo; always raises."""
    facts = {name: _shortened(value) for name, value in failure.facts.items()}
    details: list[Message] = [
        error_details_pb2.ErrorInfo(reason=failure.reason, domain=ERROR_DOMAIN, metadata=facts)
    ]
    if failure.retry_seconds is not None:
        delay = Duration()
        delay.FromMilliseconds(round(failure.retry_seconds * 1000))
        details.append(error_details_pb2.RetryInfo(retry_delay=delay))
    status = status_pb2.Status(
        code=code_pb2.Code.Value(failure.code),
        message=_shortened(failure.message),
        details=[_packed(detail) for detail in details],
    )
    await context.abort_with_status(rpc_status.to_status(status))


def _packed(detail: Message) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(detail)
    return packed


def _shortened(text: str) -> str:
    # A status travels in header metadata, which clients refuse from 8 KiB on: an error that
    # repeats a huge field would arrive as RESOURCE_EXHAUSTED without a reason.
    encoded = text.encode()
    if len(encoded) <= _LONGEST_TEXT:
        return text
    return encoded[: _LONGEST_TEXT - len(_MORE.encode())].decode(errors="ignore") + _MORE


def failure_in(error: aio.AioRpcError) -> Failure:
    """The reverse, on the client's side: code, reason and facts of a status that was received."""
    info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
    told_when = False
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin" and isinstance(value, bytes):
            for detail in status_pb2.Status.FromString(value).details:
                detail.Unpack(info)
                told_when = detail.Unpack(retry) or told_when
    code, text = error.code().name, error.details() or ""
    if info.domain != ERROR_DOMAIN:
        return Failure(code, "", text, {})
    seconds = retry.retry_delay.ToMilliseconds() / 1000 if told_when else None
    return Failure(code, info.reason, text, dict(info.metadata), seconds)


def code_name(code: "int | grpc.StatusCode") -> str:
    """The name of a code as grpc.aio's context gives it back, which is a bare number."""
    number = code.value[0] if isinstance(code, grpc.StatusCode) else code
    return str(code_pb2.Code.Name(number))


def aborted_by_handler(error: BaseException) -> bool:
    """Whether a handler already ended the call itself, as gRPC's own services do."""
    return isinstance(error, grpc.aio.AbortError)
