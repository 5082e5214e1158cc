"""Cities, as a visitor chooses among them."""

from collections.abc import Sequence
from dataclasses import dataclass

from matinee.catalog.v1 import catalog_pb2

from bff.texts import Texts


@dataclass(frozen=True, slots=True)
class CityChoice:
    """One city to go to."""

    slug: str
    name: str
    url: str


@dataclass(frozen=True, slots=True)
class CountryGroup:
    """A country's cities."""

    name: str
    cities: tuple[CityChoice, ...]


@dataclass(frozen=True, slots=True)
class LandingView:
    """The first page."""

    countries: tuple[CountryGroup, ...]
    query: str
    remembered: CityChoice | None
    guessed: CityChoice | None


def present_city(city: catalog_pb2.City) -> CityChoice:
    """One city."""
    return CityChoice(slug=city.city_id, name=city.display_name, url=f"/{city.city_id}")


def present_landing(
    cities: Sequence[catalog_pb2.City],
    texts: Texts,
    query: str = "",
    remembered_slug: str = "",
    guessed_slug: str = "",
) -> LandingView:
    """Cities by country, only those that match the query; the remembered one apart."""
    wanted = query.strip().casefold()
    by_country: dict[str, list[CityChoice]] = {}
    known = {city.city_id: present_city(city) for city in cities}
    for city in cities:
        country = texts.country(city.country_code)
        if wanted and wanted not in city.display_name.casefold() and wanted not in country.casefold():
            continue
        by_country.setdefault(country, []).append(known[city.city_id])
    return LandingView(
        countries=tuple(CountryGroup(name, tuple(by_country[name])) for name in sorted(by_country)),
        query=query,
        remembered=known.get(remembered_slug),
        guessed=known.get(guessed_slug) if guessed_slug != remembered_slug else None,
    )
