"""Where the broker is and how patient to be with it."""

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlsplit

import pika
from pydantic import AfterValidator, SecretStr


def _checked_url(url: SecretStr) -> SecretStr:
    try:
        parts = urlsplit(url.get_secret_value())
        usable = parts.scheme in {"amqp", "amqps"} and bool(pika.URLParameters(url.get_secret_value()).host)
    except (ValueError, TypeError, SyntaxError):  # the last two by its `ssl_options`
        usable = False
    if not usable:
        raise ValueError("must be amqp://user:password@host:port/virtual-host")
    return url


AmqpUrl = Annotated[SecretStr, AfterValidator(_checked_url)]
"""`amqp://user:password@host:port/virtual-host`, for settings; never shown, as it holds a password."""


@dataclass(frozen=True, slots=True)
class Broker:
    """A RabbitMQ and the times after which it counts as away, in seconds."""

    url: SecretStr
    heartbeat_seconds: int = 10
    """A silent connection counts as lost after this plus 5 s, at the latest after twice that."""
    blocked_seconds: float = 30.0
    """How long a broker out of memory or disk may hold a connection up before it counts as lost."""
    connect_seconds: float = 5.0

    def parameters(self, connection_name: str) -> pika.URLParameters:
        """pika's form of it, for one connection; holds the password."""
        parameters = pika.URLParameters(self.url.get_secret_value())
        parameters.heartbeat = self.heartbeat_seconds
        parameters.blocked_connection_timeout = self.blocked_seconds
        parameters.socket_timeout = self.connect_seconds
        parameters.stack_timeout = self.connect_seconds
        parameters.connection_attempts = 1
        parameters.client_properties = {"connection_name": connection_name}
        return parameters
