"""What the catalogue reads from the environment."""

import datetime as dt
from pathlib import Path
from typing import Annotated

import maxminddb
from pydantic import AfterValidator, Field, FilePath

from mesh.settings import StoreSettings


def _readable_database(path: Path) -> Path:
    try:
        maxminddb.open_database(path).close()
    except (maxminddb.InvalidDatabaseError, OSError):
        raise ValueError("is no MaxMind DB") from None
    return path


class Settings(StoreSettings):
    """The catalogue's settings."""

    mongo_database: str = Field(default="catalog", pattern="^[A-Za-z0-9_-]{1,60}$")
    city_database: Annotated[FilePath, AfterValidator(_readable_database)] | None = None
    """A MaxMind DB (.mmdb) with the location of IP addresses; without it LocateCity knows none."""
    sales_end_seconds: int = Field(default=600, ge=0, le=86_400)
    """How long after its start a show is still sold, and so still listed; the same as seat_svc's."""

    @property
    def sales_end_after_start(self) -> dt.timedelta:
        """The same as a duration."""
        return dt.timedelta(seconds=self.sales_end_seconds)
