"""Typed environment, checked once at start.

Every name is an environment variable in capitals, without a prefix. All that
is wrong is told at once, without values, because a value may be a secret.
"""

from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

S = TypeVar("S", bound="ProcessSettings")


class SettingsInvalid(Exception):
    """The environment does not hold what the process needs; a line for each problem, without values."""


def _checked_address(value: str) -> str:
    host, separator, port = value.rpartition(":")
    if not separator or not host or not port.isdigit() or int(port) > 65535:
        raise ValueError("must be host:port")
    return value


Address = Annotated[str, AfterValidator(_checked_address)]
"""`host:port`; port 0 takes a free one."""


class ProcessSettings(BaseSettings):
    """What every process reads."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True)

    listen: Address = "127.0.0.1:0"
    metrics_listen: Address | None = None
    log_format: Literal["console", "json"] = "console"
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    drain_seconds: float = Field(default=5.0, ge=0, le=300)
    """How long calls in flight may take to end after SIGTERM."""
    drain_notice_seconds: float = Field(default=0.0, ge=0, le=60)
    """How long it goes on answering once it reported itself not serving, so that balancers move on."""


class ServiceSettings(ProcessSettings):
    """What every gRPC service reads."""

    mesh_token: SecretStr
    """Shared by the processes of one installation; proves that a caller is one of them."""
    partner_tokens: dict[str, SecretStr] = Field(default_factory=dict)
    """Partner name → token, as JSON."""
    reflection: bool = False
    max_concurrent_rpcs: int = Field(default=1000, ge=1, le=100_000)
    """Calls in flight, streams too, beyond which new ones are refused at once."""
    queue_target_seconds: float = Field(default=0.5, gt=0, le=60)
    """A call that waited no longer than this before it was taken up was taken up in good time."""
    queue_interval_seconds: float = Field(default=1.0, gt=0, le=60)
    """When not one call was taken up in good time for so long, those that wait longer are refused."""
    reuse_port: bool = False
    """Lets several processes share the port, the kernel spreading the connections."""


class StoreSettings(ServiceSettings):
    """What every gRPC service with data of its own reads."""

    mongo_url: str
    mongo_driver: Literal["pymongo", "motor"] = "pymongo"
    """See docs/decisions/0001-motor.md."""


def load_settings(kind: type[S]) -> S:
    """Reads the settings from the environment or raises `SettingsInvalid`."""
    try:
        return kind()
    except ValidationError as error:
        lines = [
            f"{'.'.join(str(part) for part in problem['loc']).upper()}: {problem['msg']}"
            for problem in error.errors(include_url=False, include_input=False, include_context=False)
        ]
        raise SettingsInvalid("\n".join(lines)) from None
