"""Distances."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog_svc.domain.places import City, GeoPoint, great_circle_km, nearest_city

LONDON, PARIS = GeoPoint(51.5074, -0.1278), GeoPoint(48.8566, 2.3522)


def _city(city_id: str, latitude: float, longitude: float) -> City:
    return City(city_id, city_id, "XX", GeoPoint(latitude, longitude), "UTC", "EUR")


@pytest.mark.parametrize(
    ("one", "other", "kilometres"),
    [
        (LONDON, PARIS, 343.6),
        (GeoPoint(0, 0), GeoPoint(0, 180), 20015.1),
        (GeoPoint(90, 0), GeoPoint(-90, 0), 20015.1),
        (GeoPoint(10, 179.5), GeoPoint(10, -179.5), 109.5),
    ],
)
def test_distances_go_the_short_way_round(one: GeoPoint, other: GeoPoint, kilometres: float) -> None:
    assert great_circle_km(one, other) == pytest.approx(kilometres, rel=0.001)


_POINTS = st.builds(GeoPoint, st.floats(-90, 90), st.floats(-180, 180))


@given(_POINTS, _POINTS)
def test_distance_is_symmetric_and_never_more_than_half_way_round(one: GeoPoint, other: GeoPoint) -> None:
    assert great_circle_km(one, other) == pytest.approx(great_circle_km(other, one), abs=1e-6)
    assert 0 <= great_circle_km(one, other) <= 20015.2


def test_the_nearest_city_may_lie_across_the_date_line() -> None:
    cities = [_city("suva", -18.1, 178.4), _city("honolulu", 21.3, -157.9)]
    nearest = nearest_city(GeoPoint(-14.3, -170.7), cities)
    assert nearest is not None
    assert nearest[0].city_id == "suva"


def test_without_cities_none_is_near() -> None:
    assert nearest_city(LONDON, []) is None
