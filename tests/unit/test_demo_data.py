"""The demo's data files and the programme made from them."""

import datetime as dt
import os
import subprocess
import sys
from collections import Counter
from importlib.resources import files
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from google.protobuf.json_format import Parse
from matinee.catalog.v1 import admin_pb2, catalog_pb2
from matinee.type.v1 import layout_pb2

from catalog_svc.convert import from_proto
from catalog_svc.domain.imports.batch import Line, flaws_in, plan_import
from catalog_svc.domain.imports.known import Known
from catalog_svc.domain.places import GeoPoint, great_circle_km
from catalog_svc.domain.shows import starts_in_afternoon
from stack.demo.facts import DemoTheatre, facts
from stack.demo.halls import layouts
from stack.demo.programme import first_show_id, shows_of_day
from stack.demo.records import dates_from, lasting_records

TODAY = dt.date(2026, 6, 1)
CLOCK_CHANGES = [dt.date(2026, 3, 8), dt.date(2026, 3, 29), dt.date(2026, 10, 25), dt.date(2026, 11, 1)]


def _theatres() -> list[DemoTheatre]:
    return list(facts().theatres)


def _shows(day: dt.date) -> list[catalog_pb2.Show]:
    return [show for theatre in _theatres() for show in shows_of_day(theatre, facts().movies, day)]


def _by_id(values: list[DemoTheatre]) -> dict[str, DemoTheatre]:
    return {theatre.record.theatre_id: theatre for theatre in values}


def _start(show: catalog_pb2.Show) -> dt.datetime:
    return dt.datetime.fromtimestamp(show.start_time.seconds, dt.UTC)


def _around(day: dt.date) -> list[dt.date]:
    return [day + dt.timedelta(days=offset) for offset in (-1, 0, 1)]


@pytest.mark.parametrize("days", [dates_from(TODAY), *map(_around, CLOCK_CHANGES)])
def test_the_whole_catalogue_keeps_the_rules_of_imports(days: list[dt.date]) -> None:
    records = [*lasting_records()]
    records += [admin_pb2.ImportRecord(show=show) for day in days for show in _shows(day)]
    lines = [Line(number, from_proto.record(record)) for number, record in enumerate(records, 1)]
    plan = plan_import(lines, flaws_in(lines), Known())
    assert plan.refusals == ()
    assert len(plan.changes.records) + len(plan.changes.shows) == len(records)


def _zones_of_the_world() -> dict[str, tuple[str, GeoPoint]]:
    """Country and place of each zone, from the time zone database itself."""
    table = files("tzdata").joinpath("zoneinfo", "zone.tab").read_text(encoding="utf-8")
    rows = [line.split("\t") for line in table.splitlines() if not line.startswith("#")]
    return {zone: (country_code, _point(place)) for country_code, place, zone, *_ in rows}


def _point(place: str) -> GeoPoint:
    """`+DDMM+DDDMM` or `+DDMMSS+DDDMMSS` (ISO 6709)."""
    signs = [index for index, sign in enumerate(place) if sign in "+-"]
    latitude, longitude = place[: signs[1]], place[signs[1] :]
    return GeoPoint(_degrees(latitude, 3), _degrees(longitude, 4))


def _degrees(text: str, width: int) -> float:
    minutes, seconds = text[width : width + 2], text[width + 2 :] or "0"
    size = int(text[1:width]) + int(minutes) / 60 + int(seconds) / 3600
    return -size if text[0] == "-" else size


def test_cities_are_real_and_differ_in_money_and_clocks() -> None:
    cities = facts().cities
    assert len(cities) >= 8
    zones = _zones_of_the_world()
    for city in cities:
        country_code, place = zones[city.time_zone]
        assert country_code == city.country_code
        here = GeoPoint(city.location.latitude, city.location.longitude)
        # A zone's place is its largest city: Kolkata for Mumbai, too.
        assert great_circle_km(here, place) < (2000 if country_code == "IN" else 20)
    assert len({city.currency_code for city in cities}) >= 6
    assert {"JPY", "KWD", "EUR"} <= {city.currency_code for city in cities}
    summer, winter = dt.datetime(2026, 7, 1), dt.datetime(2026, 1, 1)  # noqa: DTZ001 - wall times
    changing = [
        city.city_id
        for city in cities
        if ZoneInfo(city.time_zone).utcoffset(summer) != ZoneInfo(city.time_zone).utcoffset(winter)
    ]
    assert {"london", "new-york", "berlin"} <= set(changing)


def test_every_city_has_theatres_with_differing_halls() -> None:
    by_city = Counter(theatre.record.city_id for theatre in _theatres())
    assert by_city.keys() == {city.city_id for city in facts().cities}
    assert all(2 <= count <= 4 for count in by_city.values())
    assert all(len({screen.layout_id for screen in theatre.screens}) >= 2 for theatre in _theatres())
    cities = {city.city_id: city for city in facts().cities}
    for theatre in _theatres():
        city, here = cities[theatre.record.city_id], theatre.record.location
        assert theatre.record.time_zone == city.time_zone
        distance = great_circle_km(
            GeoPoint(here.latitude, here.longitude), GeoPoint(city.location.latitude, city.location.longitude)
        )
        assert distance < 25


def test_every_hall_is_drawn_right() -> None:
    assert len(layouts()) >= 8
    used = {screen.layout_id for theatre in _theatres() for screen in theatre.screens}
    assert used == set(layouts())
    for layout_id, layout in layouts().items():
        seats = {seat.seat_id: seat for seat in layout.seats}
        assert len(seats) == len(layout.seats) == int(layout_id.rpartition("-")[2])
        assert {seat.category_id for seat in layout.seats} == {one.category_id for one in layout.categories}
        assert any(seat.accessible for seat in layout.seats)
        for seat in layout.seats:
            _check_companion(seat, seats)
    sizes = sorted(len(layout.seats) for layout in layouts().values())
    assert sizes[0] < 70
    assert sizes[-1] > 280


def _check_companion(seat: layout_pb2.Seat, seats: dict[str, layout_pb2.Seat]) -> None:
    if seat.companion_of_seat_id:
        wheelchair = seats[seat.companion_of_seat_id]
        assert wheelchair.accessible
        assert wheelchair.row == seat.row
        assert abs(wheelchair.x - seat.x) == 1
    if seat.accessible:
        assert [one.seat_id for one in seats.values() if one.companion_of_seat_id == seat.seat_id]


def test_every_movie_is_told_completely() -> None:
    movies = facts().movies
    assert len(movies) >= 20
    assert len({movie.record.slug for movie in movies}) == len(movies)
    for movie in movies:
        record = movie.record
        assert record.movie_id == f"{record.slug}-{record.release_date[:4]}"
        assert record.directors
        assert 80 <= len(record.description) <= 400
        assert 3 <= len(record.palette) <= 4
        assert len(set(record.palette)) == len(record.palette)
        assert "Blender Foundation" in record.credit or "Public domain" in record.credit
        for trailer in record.trailers:
            video = trailer.page_url.removeprefix("https://www.youtube.com/watch?v=")
            assert len(video) == 11
            assert trailer.embed_url == f"https://www.youtube-nocookie.com/embed/{video}"
    titles = {movie.record.title for movie in movies}
    assert {"Sintel", "Big Buck Bunny", "Wing It!", "Metropolis", "Nosferatu", "The General"} <= titles


def test_a_day_is_always_planned_the_same() -> None:
    theatre = _theatres()[0]
    one, other = (shows_of_day(theatre, facts().movies, TODAY) for _ in range(2))
    assert one == other
    assert one[0].show_id == first_show_id(theatre, TODAY)
    assert one != shows_of_day(theatre, facts().movies, TODAY + dt.timedelta(days=1))


def _demo_command(argument: str) -> subprocess.CompletedProcess[str]:
    root = Path(__file__).parents[2]
    return subprocess.run(
        [sys.executable, "-m", "stack.demo", f"--date={argument}"],
        env={**os.environ, "PYTHONPATH": f"{root}{os.pathsep}{root / 'protos' / 'gen'}"},
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_a_day_in_another_process_is_planned_the_same() -> None:
    printed = _demo_command(TODAY.isoformat()).stdout.splitlines()
    lasting = [*lasting_records()]
    planned = [admin_pb2.ImportRecord(show=show) for date in dates_from(TODAY) for show in _shows(date)]
    assert len(printed) == len(lasting) + len(planned)
    assert [Parse(line, admin_pb2.ImportRecord()) for line in printed[: len(lasting)]] == lasting
    assert [Parse(line, admin_pb2.ImportRecord()) for line in printed[-100:]] == planned[-100:]


def test_the_demo_command_names_its_argument() -> None:
    refused = _demo_command("tomorrow")
    assert refused.returncode == 2
    assert "argument --date: not a date: 'tomorrow'" in refused.stderr


def test_fourteen_local_days_are_planned_wherever_it_is() -> None:
    for zone in {theatre.record.time_zone for theatre in _theatres()}:
        for hour in (0, 12, 23):
            now = dt.datetime.combine(TODAY, dt.time(hour, 59), tzinfo=dt.UTC)
            local = now.astimezone(ZoneInfo(zone)).date()
            assert {local + dt.timedelta(days=days) for days in range(14)} <= set(dates_from(TODAY))


def test_days_have_afternoons_evenings_and_late_shows_of_the_evening_before() -> None:
    theatres = _by_id(_theatres())
    week = [show for days in range(7) for show in _shows(TODAY + dt.timedelta(days=days))]
    kinds: Counter[tuple[str, str]] = Counter()
    for show in week:
        theatre = theatres[show.theatre_id]
        zone = ZoneInfo(theatre.record.time_zone)
        local = _start(show).astimezone(zone)
        kinds[show.theatre_id, "afternoon"] += starts_in_afternoon(_start(show), zone)
        kinds[show.theatre_id, "evening"] += local.hour >= 17
        if local.date().isoformat() != show.business_date:
            assert local.date() - dt.timedelta(days=1) == dt.date.fromisoformat(show.business_date)
            assert local.hour < 6
            kinds[show.theatre_id, "late"] += 1
    for theatre_id in theatres:
        assert kinds[theatre_id, "afternoon"] >= 14
        assert kinds[theatre_id, "evening"] >= 14
        assert kinds[theatre_id, "late"] >= 1


def test_every_city_shows_most_of_the_movies_within_two_weeks() -> None:
    city_of = {theatre.record.theatre_id: theatre.record.city_id for theatre in _theatres()}
    shown: dict[str, set[str]] = {}
    for date in dates_from(TODAY):
        for show in _shows(date):
            shown.setdefault(city_of[show.theatre_id], set()).add(show.movie_id)
    assert all(len(movies) >= 15 for movies in shown.values())
    assert set().union(*shown.values()) == {movie.record.movie_id for movie in facts().movies}


def test_prices_rise_with_comfort_and_keep_to_the_citys_steps() -> None:
    theatres = _by_id(_theatres())
    for show in _shows(TODAY):
        theatre = theatres[show.theatre_id]
        amounts = {entry.category_id: entry.price.minor_units for entry in show.prices}
        ordered = [amounts[name] for name in ("standard", "premium", "recliner") if name in amounts]
        assert ordered == sorted(set(ordered))
        assert all(amount % theatre.step == 0 for amount in ordered)
