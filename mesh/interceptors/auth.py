"""Refuses callers that the method's proto does not let in."""

import hmac
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass

from mesh.errors import MatineeError
from mesh.interceptors.access import Access
from mesh.interceptors.call import Call, Step

_SCHEME = "Bearer "


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: a process of this installation, or a partner by name."""

    partner: str = ""


_caller: ContextVar[Caller | None] = ContextVar("caller", default=None)


class Unauthenticated(MatineeError):
    """The call carries no token that the method accepts."""

    code = "UNAUTHENTICATED"
    reason = "TOKEN_REQUIRED"


def caller() -> Caller | None:
    """Who made the current call; None for a public method."""
    return _caller.get()


def authorised(mesh_token: str, partner_tokens: Mapping[str, str]) -> Step:
    """Lets a call in by its token, as the method's access option says."""
    mesh = (_SCHEME + mesh_token).encode()
    partners = {(_SCHEME + token).encode(): Caller(partner=name) for name, token in partner_tokens.items()}
    if not mesh_token or any(not token for token in partner_tokens.values()):
        raise ValueError("an empty token would let everybody in")

    def identified(call: Call) -> Caller | None:
        given = call.metadata.get("authorization", "")
        proof = given.encode() if isinstance(given, str) else given
        match call.method.access:
            case Access.PUBLIC:
                return None
            case Access.MESH if hmac.compare_digest(proof, mesh):
                return Caller()
            case Access.PARTNER:
                # Every token is compared, so that the time taken tells nothing.
                matches = [known for token, known in partners.items() if hmac.compare_digest(proof, token)]
                if matches:
                    return matches[0]
        raise Unauthenticated("this call needs a valid token")

    def guard(call: Call) -> None:
        _caller.set(identified(call))

    return guard
