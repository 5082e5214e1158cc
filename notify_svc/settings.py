"""What the service reads from the environment."""

import datetime as dt
import re
from dataclasses import dataclass, field
from email.utils import parseaddr
from typing import Annotated, Final, Literal
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, Field, SecretStr, model_validator

from mesh.amqp import DEFAULT_DELAYS_MS, AmqpUrl
from mesh.mongo import STEP_SECONDS
from mesh.settings import StoreSettings

_ADDRESS: Final = re.compile(r"[!-?A-~]+@[!-?A-~]+")
_WEB_ADDRESS: Final = re.compile(r"https?://[\x21-\x2e\x30-\x7e][\x21-\x7e]*")


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Where mails are handed over."""

    host: str
    port: int
    tls: bool
    """TLS from the first byte; otherwise STARTTLS where the server offers it."""
    username: str = ""
    password: SecretStr = field(default_factory=lambda: SecretStr(""))

    @classmethod
    def from_url(cls, url: SecretStr) -> "SmtpServer":
        """Reads `smtp://user:password@host:port` or `smtps://…`; raises ValueError, without the password."""
        try:
            parts = urlsplit(url.get_secret_value())
            tls = {"smtp": False, "smtps": True}[parts.scheme]
            port = parts.port or (465 if tls else 25)
            if parts.hostname:
                password = SecretStr(unquote(parts.password or ""))
                return cls(parts.hostname, port, tls, unquote(parts.username or ""), password)
        except (ValueError, KeyError):
            pass
        raise ValueError("must be smtp://user:password@host:port or smtps://…")


def _checked_smtp_url(url: SecretStr) -> SecretStr:
    SmtpServer.from_url(url)
    return url


def _checked_sender(text: str) -> str:
    # The address becomes a header and the envelope's sender as it is; only the name is encoded.
    if not _ADDRESS.fullmatch(parseaddr(text)[1]):
        raise ValueError("must be an e-mail address in ASCII, perhaps with a name before it")
    return text


def _checked_public_url(url: str) -> str:
    if not _WEB_ADDRESS.fullmatch(url):
        raise ValueError("must be an http or https address in ASCII")
    return url.rstrip("/")


def _checked_gateway_url(url: str) -> str:
    if url:
        _checked_public_url(url)
    return url


def _checked_token(token: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[\x21-\x7e]*", token.get_secret_value()):
        raise ValueError("must be printable ASCII without spaces")
    return token


class Settings(StoreSettings):
    """The notification service's settings."""

    role: Literal["all", "server", "worker"] = "all"
    """Answers calls, sends messages, or both. Each serves health checks."""
    mongo_database: str = Field(default="notify", pattern="^[A-Za-z0-9_-]{1,60}$")
    amqp_url: AmqpUrl
    public_url: Annotated[str, AfterValidator(_checked_public_url)]
    """Where browsers reach the site; links in messages begin with it."""
    smtp_url: Annotated[SecretStr, AfterValidator(_checked_smtp_url)]
    """`smtp://user:password@host:port`, which uses STARTTLS where offered, or `smtps://…`."""
    mail_from: Annotated[str, AfterValidator(_checked_sender)]
    """`tickets@example.com` or `Name <tickets@example.com>`."""
    unsubscribe_secret: SecretStr = Field(min_length=16)
    """Signs the links in messages that switch off what they tell; the same on every replica."""
    previous_unsubscribe_secret: SecretStr | None = None
    """Its links still work, new ones are not made with it: for changing the secret."""
    sms_gateway_url: Annotated[str, AfterValidator(_checked_gateway_url)] = ""
    """Where text messages are posted (see `channels.sms.gateway`); without it there are none."""
    sms_gateway_token: Annotated[SecretStr, AfterValidator(_checked_token)] = SecretStr("")
    """Sent to the gateway as a bearer token."""
    sms_seconds: float = Field(default=15.0, ge=1, le=300)
    """How long handing a text message over may take in all."""
    smtp_seconds: float = Field(default=30.0, ge=1, le=300)
    """How long handing a mail over may take in all."""
    lease_seconds: float = Field(default=120.0, ge=1, le=3600)
    """How long a worker that claimed a message is left alone; longer than to claim it and hand it over."""
    hourly_unpaid: int = Field(default=6, ge=1, le=1000)
    """How many messages about unpaid bookings an address gets on one channel within an hour."""
    prefetch: int = Field(default=8, ge=1, le=1000)
    """How many messages a worker sends at once."""
    retry_delays_ms: tuple[Annotated[int, Field(ge=1, le=86_400_000)], ...] = Field(
        default=DEFAULT_DELAYS_MS, min_length=1, max_length=10
    )
    """Pauses between tries, as a JSON list; each different list makes queues of its own."""

    @model_validator(mode="after")
    def _lease_outlasts_sending(self) -> "Settings":
        # A claim begins when it is asked for: a store that was slow to grant it has used it up in part.
        left = self.lease_seconds - STEP_SECONDS
        if left <= self.smtp_seconds:
            raise ValueError(
                f"LEASE_SECONDS must be more than SMTP_SECONDS and {STEP_SECONDS:g} for the store"
            )
        if self.sms_gateway_url and left <= self.sms_seconds:
            raise ValueError(
                f"LEASE_SECONDS must be more than SMS_SECONDS and {STEP_SECONDS:g} for the store"
            )
        return self

    @property
    def smtp_server(self) -> SmtpServer:
        """Where mails are handed over."""
        return SmtpServer.from_url(self.smtp_url)

    @property
    def unsubscribe_secrets(self) -> list[bytes]:
        """The one that signs first, then what else is taken."""
        previous = self.previous_unsubscribe_secret
        secrets = [self.unsubscribe_secret, *([previous] if previous else [])]
        return [secret.get_secret_value().encode() for secret in secrets]

    @property
    def lease(self) -> dt.timedelta:
        """The same as a duration."""
        return dt.timedelta(seconds=self.lease_seconds)
