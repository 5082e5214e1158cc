"""The sandbox's environment."""

from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict


class WrongSettings(Exception):
    """The environment does not hold what the sandbox needs; a line for each problem, without values."""


class SandboxSettings(BaseSettings):
    """Read once at start."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True)

    listen: str = Field(default="127.0.0.1:0", pattern=r"^[^\s:]+:\d{1,5}$")
    """`host:port`; port 0 takes a free one."""
    sandbox_data: Path
    """The SQLite file of sessions, refunds and events; made when it is not there."""
    sandbox_api_key: SecretStr = Field(min_length=8)
    """What a merchant's server shows as a bearer token."""
    sandbox_webhook_secret: SecretStr = Field(min_length=8)
    """What events are signed with."""
    webhook_url: str = ""
    """Where events are posted; empty posts none (they can still be listed)."""
    sandbox_public_url: str = ""
    """How browsers reach the hosted pages; empty means the address it listens on."""
    late_seconds: float = Field(default=3.0, ge=0, le=3600)
    """How long after its session ended a late payment arrives, and a pending refund takes."""
    delay_seconds: float = Field(default=3.0, ge=0, le=3600)
    """How late a delayed webhook is sent."""
    first_retry_seconds: float = Field(default=0.5, gt=0, le=60)
    """Pause before an event that was not accepted is posted again; doubles each time, up to 30 s."""

    @classmethod
    def from_environment(cls) -> Self:
        """The settings, or `WrongSettings`."""
        try:
            return cls.model_validate({})  # which reads the environment
        except ValidationError as error:
            lines = [
                f"{'.'.join(str(part) for part in problem['loc']).upper()}: {problem['msg']}"
                for problem in error.errors(include_url=False, include_input=False, include_context=False)
            ]
            raise WrongSettings("\n".join(lines)) from None
