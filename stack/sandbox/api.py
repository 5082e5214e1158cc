"""The merchant's JSON API, under `/v1`, with the API key as a bearer token."""

import hmac
import json
from typing import Any, Final, Literal

from aiohttp import web
from aiohttp.typedefs import Handler
from pydantic import BaseModel, ConfigDict, Field, HttpUrl, ValidationError

from stack.sandbox.payments import Payments, RefundTooLarge, UnknownObject
from stack.sandbox.records import Order
from stack.sandbox.store import KeyReused, Store

_LONGEST_KEY: Final = 255
_PAGE: Final = 100


class _NewSession(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    amount: int = Field(ge=1, le=10**12)
    currency: str = Field(pattern=r"^[A-Z]{3}$")
    method: Literal["credit_card", "debit_card", "internet_banking"]
    return_url: str = Field(max_length=2000)
    cancel_url: str = Field(max_length=2000)
    reference: str = Field(min_length=1, max_length=100)
    description: str = Field(default="", max_length=300)
    metadata: dict[str, str] = Field(default_factory=dict, max_length=20)
    expires_at: float = Field(ge=0, le=1e11)


class _NewRefund(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    session: str = Field(min_length=1, max_length=100)
    amount: int = Field(ge=1, le=10**12)
    reference: str = Field(default="", max_length=100)


def _problem(status: int, code: str, message: str) -> web.Response:
    return web.json_response({"error": {"code": code, "message": message}}, status=status)


@web.middleware
async def problems_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    """What goes wrong under `/v1` is answered as `{"error": {"code", "message"}}`."""
    if not request.path.startswith("/v1/"):
        return await handler(request)
    try:
        return await handler(request)
    except UnknownObject:
        return _problem(404, "unknown_object", "there is no such object")
    except RefundTooLarge:
        return _problem(400, "refund_too_large", "more than was captured cannot be refunded")
    except KeyReused:
        return _problem(409, "idempotency_key_reused", "this key was used with other content")
    except ValidationError as error:
        fields = ", ".join(sorted({".".join(map(str, problem["loc"])) for problem in error.errors()}))
        return _problem(400, "invalid_field", f"wrong: {fields or 'body'}")
    except web.HTTPException as error:
        return _problem(error.status, "refused", error.reason)


class Api:
    """The handlers."""

    def __init__(self, payments: Payments, store: Store, api_key: str, public_url: str) -> None:
        self._payments = payments
        self._store = store
        self._expected = f"Bearer {api_key}".encode()
        self.public_url = public_url

    def routes(self) -> list[web.RouteDef]:
        """What it answers."""
        return [
            web.post("/v1/sessions", self.create_session),
            web.get("/v1/sessions/{id}", self.get_session),
            web.post("/v1/sessions/{id}/expire", self.expire_session),
            web.post("/v1/refunds", self.create_refund),
            web.get("/v1/refunds/{id}", self.get_refund),
            web.get("/v1/events", self.list_events),
            web.get("/v1/ledger", self.list_ledger),
        ]

    async def create_session(self, request: web.Request) -> web.Response:
        """Opens a session; needs an `Idempotency-Key`."""
        self._require_key(request)
        key, content = _idempotency_key(request), await request.text()
        wanted = _NewSession.model_validate_json(content)
        for url in (wanted.return_url, wanted.cancel_url):
            HttpUrl(url)
        session = self._payments.create(Order(**wanted.model_dump()), key, _canonical(content))
        return web.json_response(session.as_json(self.public_url))

    async def get_session(self, request: web.Request) -> web.Response:
        """A session as it stands."""
        self._require_key(request)
        session = self._payments.session(request.match_info["id"])
        return web.json_response(session.as_json(self.public_url))

    async def expire_session(self, request: web.Request) -> web.Response:
        """Ends a session if it is open; answers with it as it stands then, which may be paid."""
        self._require_key(request)
        session = self._payments.expire(request.match_info["id"])
        return web.json_response(session.as_json(self.public_url))

    async def create_refund(self, request: web.Request) -> web.Response:
        """Refunds all or part of a session; needs an `Idempotency-Key`."""
        self._require_key(request)
        key, content = _idempotency_key(request), await request.text()
        wanted = _NewRefund.model_validate_json(content)
        refund = self._payments.refund(
            wanted.session, wanted.amount, wanted.reference, key, _canonical(content)
        )
        return web.json_response(refund.as_json())

    async def get_refund(self, request: web.Request) -> web.Response:
        """A refund as it stands."""
        self._require_key(request)
        return web.json_response(self._payments.find_refund(request.match_info["id"]).as_json())

    async def list_events(self, request: web.Request) -> web.Response:
        """Events in order, `?after=` a sequence number; also those whose posting was lost."""
        self._require_key(request)
        return _page(self._store.events(_after(request), _PAGE + 1))

    async def list_ledger(self, request: web.Request) -> web.Response:
        """Every movement of money in order, `?after=` a sequence number."""
        self._require_key(request)
        return _page(self._store.ledger(_after(request), _PAGE + 1))

    def _require_key(self, request: web.Request) -> None:
        given = request.headers.get("Authorization", "").encode("utf-8", "surrogateescape")
        if not hmac.compare_digest(given, self._expected):
            raise web.HTTPUnauthorized(reason="a valid API key is needed")


def _page(rows: list[dict[str, Any]]) -> web.Response:
    return web.json_response({"data": rows[:_PAGE], "has_more": len(rows) > _PAGE})


def _after(request: web.Request) -> int:
    text = request.query.get("after", "0")
    if not (text.isascii() and text.isdigit() and len(text) <= 15):
        raise web.HTTPBadRequest(reason="after must be a sequence number")
    return int(text)


def _idempotency_key(request: web.Request) -> str:
    key = request.headers.get("Idempotency-Key", "")
    if not 1 <= len(key) <= _LONGEST_KEY:
        raise web.HTTPBadRequest(reason="an Idempotency-Key of 1 to 255 characters is needed")
    return key


def _canonical(content: str) -> str:
    return json.dumps(json.loads(content), sort_keys=True)
