"""Cities and points on the earth."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

_EARTH_RADIUS_KM = 6371.0088
"""Mean radius of WGS 84 (IUGG)."""


@dataclass(frozen=True, slots=True)
class GeoPoint:
    """Degrees north and east, WGS 84."""

    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True)
class City:
    """A city where movies are shown; its theatres price in its currency."""

    city_id: str
    display_name: str
    country_code: str
    location: GeoPoint
    time_zone: str
    currency_code: str


def great_circle_km(one: GeoPoint, other: GeoPoint) -> float:
    """Distance along the surface in kilometres, on a sphere: at most 0.6 % off the ellipsoid's."""
    latitude, other_latitude = math.radians(one.latitude), math.radians(other.latitude)
    across = math.radians(other.longitude - one.longitude)
    haversine = (
        math.sin((other_latitude - latitude) / 2) ** 2
        + math.cos(latitude) * math.cos(other_latitude) * math.sin(across / 2) ** 2
    )
    # Opposite points may come out as 1 + 2e-16, of which there is no arc sine.
    return 2 * _EARTH_RADIUS_KM * math.asin(math.sqrt(min(1.0, haversine)))


def nearest_city(point: GeoPoint, cities: Iterable[City]) -> tuple[City, float] | None:
    """The city whose centre is nearest and its distance in kilometres; None without cities."""
    distances = ((great_circle_km(point, city.location), city.city_id, city) for city in cities)
    nearest = min(distances, default=None)
    return None if nearest is None else (nearest[2], nearest[0])
