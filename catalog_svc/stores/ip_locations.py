"""Where internet addresses are, by a MaxMind DB file that the operator supplies."""

from pathlib import Path
from types import TracebackType
from typing import Any, Self

import maxminddb

from catalog_svc.domain.places import GeoPoint
from catalog_svc.ports import IpAddress


class NoIpLocations:
    """See `CityLocator`; used where no database is configured."""

    def locate(self, address: IpAddress) -> GeoPoint | None:
        """Nothing is known."""
        del address
        return None


class MaxMindLocations:
    """See `CityLocator`. Close it after use, or enter it as a context."""

    def __init__(self, path: Path) -> None:
        self._reader = maxminddb.open_database(path)

    def locate(self, address: IpAddress) -> GeoPoint | None:
        """Where the address is; reads memory only, in microseconds."""
        try:
            found = self._reader.get(address)
        except ValueError:
            # An IPv6 address, and a database of IPv4 addresses only.
            return None
        return _point_in(found) if isinstance(found, dict) else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._reader.close()


def _point_in(found: dict[str, Any]) -> GeoPoint | None:
    """MaxMind's own files keep the point under `location`; others keep it flat."""
    location = found.get("location", found)
    if not isinstance(location, dict):
        return None
    latitude, longitude = location.get("latitude"), location.get("longitude")
    if isinstance(latitude, int | float) and isinstance(longitude, int | float):
        return GeoPoint(float(latitude), float(longitude))
    return None
