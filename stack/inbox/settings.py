"""The inbox's environment."""

from pathlib import Path

from pydantic import Field

from mesh.settings import Address, ProcessSettings


class InboxSettings(ProcessSettings):
    """Read once at start."""

    smtp_listen: Address = "127.0.0.1:0"
    inbox_data: Path
    """The folder of the mails; made when it is not there."""
    most_mails: int = Field(default=500, ge=1, le=100_000)
    """How many are kept; the oldest go first."""
    most_mail_bytes: int = Field(default=5 * 1024 * 1024, ge=1024, le=100 * 1024 * 1024)
    """A larger mail is refused."""
