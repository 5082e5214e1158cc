"""What the seat inventory reads from the environment."""

import datetime as dt

from pydantic import Field, field_validator

from mesh.redis import is_cluster, node_urls
from mesh.settings import StoreSettings
from seat_svc.domain.orders import InventoryRules


class Settings(StoreSettings):
    """The inventory's settings."""

    mongo_database: str = Field(default="seats", pattern="^[A-Za-z0-9_-]{1,60}$")
    redis_url: str
    """One server, or `redis+cluster://host:port,host:port,…`."""
    catalog_target: str
    hold_seconds: int = Field(default=300, ge=1, le=3600)
    seats_per_hold: int = Field(default=10, ge=1, le=100)
    seats_per_holder: int = Field(default=10, ge=1, le=1000)
    """Live seats of one holder in one show."""
    sales_end_seconds: int = Field(default=600, ge=0, le=86_400)
    """How long after its start a show is still sold; the same as catalog_svc's."""
    partner_theatres: dict[str, list[str]] = Field(default_factory=dict)
    """Partner name → ids of the theatres that it may sell and see the books of, as JSON."""
    max_concurrent_rpcs: int = Field(default=5000, ge=1, le=100_000)
    """Watchers count, each for as long as it watches."""

    @field_validator("redis_url")
    @classmethod
    def _names_servers(cls, url: str) -> str:
        if is_cluster(url):
            node_urls(url)
        return url

    @property
    def rules(self) -> InventoryRules:
        """The limits and times."""
        return InventoryRules(
            hold_for=dt.timedelta(seconds=self.hold_seconds),
            seats_per_hold=self.seats_per_hold,
            seats_per_holder=self.seats_per_holder,
            sales_end_after_start=dt.timedelta(seconds=self.sales_end_seconds),
        )
