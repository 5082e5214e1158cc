"""The base of every error that crosses a process border.

Imports no grpc, so that domain code may raise these. On the server
`mesh.interceptors.errors` turns them into a status with
`google.rpc.ErrorInfo{reason, domain, metadata}` (AIP-193); the client side
(`mesh.channel`) turns such a status back into a `RemoteError`. Callers branch
on `reason`, never on the text.
"""

from collections.abc import Mapping
from typing import ClassVar

ERROR_DOMAIN = "matinee"


class MatineeError(Exception):
    """An error with a gRPC code name, a stable reason and facts.

    Subclasses set `code` (a `grpc.StatusCode` name) and `reason`
    (UPPER_SNAKE_CASE). The message is for people; `facts` are sent as the
    ErrorInfo's metadata and must hold nothing sensitive.
    """

    code: ClassVar[str] = "INTERNAL"
    reason: ClassVar[str] = "INTERNAL"
    retry_seconds: float | None = None
    """When it makes sense to come again, seconds from now; sent as `google.rpc.RetryInfo`."""

    def __init__(self, message: str, **facts: str) -> None:
        super().__init__(message)
        self.message = message
        self.facts: Mapping[str, str] = facts


class InvalidField(MatineeError):
    """A request's field is wrong; nothing was changed."""

    code = "INVALID_ARGUMENT"
    reason = "INVALID_FIELD"

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}", field=field)
        self.field = field
        self.problem = problem


class RequestIdReused(MatineeError):
    """A request id came again with other content; the first one's effect stands."""

    code = "ALREADY_EXISTS"
    reason = "REQUEST_ID_REUSED"

    def __init__(self) -> None:
        super().__init__("this request_id was used for another request")


class StoreUnavailable(MatineeError):
    """A store did not answer in time; whether a change happened is unknown."""

    code = "UNAVAILABLE"
    reason = "STORE_UNAVAILABLE"

    def __init__(self, store: str) -> None:
        super().__init__(f"{store} is not answering", store=store)


class Overloaded(MatineeError):
    """More calls come than can be answered; nothing was done. Come again when it says."""

    code = "RESOURCE_EXHAUSTED"
    reason = "OVERLOADED"

    def __init__(self, retry_seconds: float) -> None:
        super().__init__("too much is asked at this moment; try again a little later")
        self.retry_seconds = retry_seconds


class RemoteError(Exception):
    """What another process answered instead of a result.

    `code` is the gRPC code's name; `reason` is empty when the answer carried
    no ErrorInfo of ours (the process was away, or the deadline passed);
    `retry_seconds` is when to come again, if that was told.
    """

    def __init__(
        self,
        code: str,
        reason: str,
        message: str,
        facts: Mapping[str, str],
        method: str,
        retry_seconds: float | None = None,
    ) -> None:
        super().__init__(f"{method}: {code} {reason}: {message}")
        self.retry_seconds = retry_seconds
        self.code = code
        self.reason = reason
        self.message = message
        self.facts = facts
        self.method = method

    @property
    def outcome_unknown(self) -> bool:
        """Whether the call may have taken effect all the same."""
        return self.code in {"UNAVAILABLE", "DEADLINE_EXCEEDED", "CANCELLED", "UNKNOWN", "INTERNAL"}
