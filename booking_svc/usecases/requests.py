"""Repeated requests: the same id and content mean the same thing once more."""

import hashlib
import json

from booking_svc.domain.booking import AcceptedRequest
from mesh.errors import InvalidField, RequestIdReused
from mesh.ids import is_request_id


def accepted(request_id: str, *content: object) -> AcceptedRequest:
    """The request with a digest of what it asks; raises `InvalidField` if its id is no UUID."""
    if not is_request_id(request_id):
        raise InvalidField("request_id", "must be a UUID in lower case")
    digest = hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).hexdigest()
    return AcceptedRequest(request_id, digest[:32])


def require_same(known: AcceptedRequest, again: AcceptedRequest) -> None:
    """Raises `RequestIdReused` when the known request's id came with other content."""
    if known.request_id == again.request_id and known.content != again.content:
        raise RequestIdReused
