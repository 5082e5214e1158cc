"""Which processes ``./matinee up`` runs: data only.

In the environment, ``{name}`` stands for the address host:port of that process, ``{own.metrics}``
and ``{inbox.smtp}`` for other ports, ``{mongo}``, ``{valkey}`` and ``{rabbitmq}`` for an engine's
URL, ``{site}`` for the site's URL, ``{data}`` for the process's own folder, and ``{MESH_TOKEN}`` and
its like for this installation's secrets.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal


@dataclass(frozen=True, slots=True)
class Process:
    """One process: ``python -m module``, started when all of `after` are ready."""

    name: str
    module: str
    probe: Literal["grpc", "http"]
    after: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    other_ports: tuple[str, ...] = ("metrics",)
    stop_round: int = 0
    """Rounds of stopping go from 0 up: callers before those that they call."""


BFF: Final = "bff"

_CATALOG: Final = {"CATALOG_TARGET": "{catalog_svc}"}
_SEAT: Final = {"SEAT_TARGET": "{seat_svc}"}
_BOOKING: Final = {"BOOKING_TARGET": "{booking_svc}"}
_NOTIFY: Final = {"NOTIFY_TARGET": "{notify_svc}"}
_MONGO: Final = {"MONGO_URL": "{mongo}"}
_VALKEY: Final = {"REDIS_URL": "{valkey}"}
_RABBITMQ: Final = {"AMQP_URL": "{rabbitmq}"}
_EVERYWHERE: Final = {
    "METRICS_LISTEN": "{own.metrics}",
    "MESH_TOKEN": "{MESH_TOKEN}",
    "PUBLIC_URL": "{site}",
    # All of them have to be gone within 10 s of Ctrl-C.
    "DRAIN_SECONDS": "2",
}

PROCESSES: Final = (
    Process(
        name="catalog_svc",
        module="catalog_svc",
        probe="grpc",
        after=("mongo",),
        environment=_EVERYWHERE | _MONGO | {"MONGO_DATABASE": "catalog"},
        stop_round=3,
    ),
    Process(
        name="seat_svc",
        module="seat_svc",
        probe="grpc",
        after=("mongo", "valkey"),
        environment=_EVERYWHERE | _CATALOG | _MONGO | _VALKEY | {"MONGO_DATABASE": "seats"},
        stop_round=2,
    ),
    Process(
        name="booking_svc",
        module="booking_svc",
        probe="grpc",
        after=("mongo", "rabbitmq"),
        environment=_EVERYWHERE
        | _CATALOG
        | _SEAT
        | _NOTIFY
        | _MONGO
        | _RABBITMQ
        | {
            "MONGO_DATABASE": "bookings",
            "SIGN_IN_SECRET": "{SIGN_IN_SECRET}",
            "PAYMENT_PROVIDER": "sandbox",
            "SANDBOX_URL": "http://{sandbox}",
            "SANDBOX_API_KEY": "{SANDBOX_API_KEY}",
            "SANDBOX_WEBHOOK_SECRET": "{SANDBOX_WEBHOOK_SECRET}",
        },
        stop_round=1,
    ),
    Process(
        name="notify_svc",
        module="notify_svc",
        probe="grpc",
        after=("mongo", "rabbitmq"),
        environment=_EVERYWHERE
        | _MONGO
        | _RABBITMQ
        | {
            "MONGO_DATABASE": "notify",
            "SMTP_URL": "smtp://{inbox.smtp}",
            "MAIL_FROM": "tickets@matinee.example",
            "SMS_GATEWAY_URL": "http://{inbox}/texts",
            "UNSUBSCRIBE_SECRET": "{UNSUBSCRIBE_SECRET}",
        },
        stop_round=2,
    ),
    Process(
        name="sandbox",
        module="stack.sandbox",
        probe="http",
        after=(),
        environment={
            "SANDBOX_PUBLIC_URL": "http://{sandbox}",
            "WEBHOOK_URL": "{site}/webhooks/payments/sandbox",
            "SANDBOX_API_KEY": "{SANDBOX_API_KEY}",
            "SANDBOX_WEBHOOK_SECRET": "{SANDBOX_WEBHOOK_SECRET}",
            "SANDBOX_DATA": "{data}/sandbox.sqlite",
        },
        other_ports=(),
        stop_round=3,
    ),
    Process(
        name="inbox",
        module="stack.inbox",
        probe="http",
        after=(),
        environment={
            "METRICS_LISTEN": "{own.metrics}",
            "SMTP_LISTEN": "{inbox.smtp}",
            "INBOX_DATA": "{data}",
        },
        other_ports=("metrics", "smtp"),
        stop_round=3,
    ),
    Process(
        name=BFF,
        module="bff",
        probe="http",
        after=(),
        environment=_EVERYWHERE
        | _CATALOG
        | _SEAT
        | _BOOKING
        | _NOTIFY
        | {"SESSION_SECRET": "{SESSION_SECRET}", "INBOX_URL": "http://{inbox}"},
    ),
)
