"""Pages over a real socket, before real gRPC servers."""

import asyncio
import gzip

import pytest
from matinee.catalog.v1 import catalog_pb2

from bff.app import Site, make_app
from mesh.errors import MatineeError
from mesh.run import Resources
from mesh.testing import eventually
from tests.fixtures.bff import SHOW_ID, Frontend, Refused, settings_for


class Away(MatineeError):
    """A service that is starting again."""

    code = "UNAVAILABLE"
    reason = "STORE_UNAVAILABLE"


async def test_the_first_page_lists_the_cities(frontend: Frontend) -> None:
    page = await frontend.get("/")
    assert page.status == 200
    assert '<a href="/lisbon">Lisbon</a>' in page.text
    assert '<a href="/porto">Porto</a>' in page.text


async def test_a_city_typed_whole_leads_to_its_page(frontend: Frontend) -> None:
    page = await frontend.get("/?q=LISBON")
    assert (page.status, page.headers["Location"]) == (303, "/lisbon")


async def test_a_query_narrows_the_cities(frontend: Frontend) -> None:
    page = await frontend.get("/?q=rto")
    assert '<a href="/porto">' in page.text
    assert '<a href="/lisbon">' not in page.text


async def test_the_city_is_remembered(frontend: Frontend) -> None:
    await frontend.get("/lisbon")
    assert "Back to Lisbon" in (await frontend.get("/")).text


async def test_a_city_page_shows_what_is_on(frontend: Frontend) -> None:
    page = await frontend.get("/lisbon")
    assert '<a href="/lisbon/movies/sintel">Sintel</a>' in page.text
    assert "€6.80" in page.text


async def test_a_filter_that_fits_nothing_says_so(frontend: Frontend) -> None:
    page = await frontend.get("/lisbon?genre=western")
    assert "Nothing fits these filters" in page.text


async def test_a_search_keeps_its_terms_in_the_address_of_the_next_page(frontend: Frontend) -> None:
    page = await frontend.get("/lisbon/search?q=sin&genre=fantasy")
    assert "1 movie found in Lisbon" in page.text
    assert "/lisbon/search?q=sin&amp;genre=fantasy&amp;page=more%26more" in page.text


async def test_titles_are_suggested_as_json(frontend: Frontend) -> None:
    page = await frontend.get("/lisbon/search/titles?q=sin")
    assert page.text == '["Sintel"]'


async def test_a_movie_page_tells_times_in_the_zone_of_the_theatre(frontend: Frontend) -> None:
    page = await frontend.get("/lisbon/movies/sintel", headers={"Accept-Language": "en-GB"})
    assert ">15:00</time>" in page.text  # 14:00 UTC is 15:00 in Lisbon in summer
    assert f'href="/shows/{SHOW_ID}"' in page.text
    assert "3 seats left" in page.text


async def test_a_description_is_text_and_never_markup(frontend: Frontend) -> None:
    page = await frontend.get("/lisbon/movies/sintel")
    assert "A search &lt;for&gt; a dragon." in page.text


async def test_the_frame_of_a_trailer_is_allowed_only_where_the_trailer_is(frontend: Frontend) -> None:
    movie = await frontend.get("/lisbon/movies/sintel")
    assert "frame-src https://www.youtube-nocookie.com" in movie.headers["Content-Security-Policy"]
    assert "frame-src" not in (await frontend.get("/lisbon")).headers["Content-Security-Policy"]


async def test_occupancy_that_cannot_be_told_does_not_take_the_page_away(frontend: Frontend) -> None:
    frontend.cinema.failures["ListOccupancy"] = Away("starting")
    page = await frontend.get("/lisbon/movies/sintel")
    assert page.status == 200
    assert "seats left" not in page.text


@pytest.mark.parametrize("path", ["/posters/sintel-2010.svg", "/posters/by-slug/sintel.svg"])
async def test_a_poster_is_drawn_and_may_be_kept(frontend: Frontend, path: str) -> None:
    poster = await frontend.get(path)
    assert poster.headers["Content-Type"] == "image/svg+xml"
    assert "<title>Sintel</title>" in poster.text
    assert "public" in poster.headers["Cache-Control"]
    again = await frontend.get(path, headers={"If-None-Match": poster.headers["ETag"]})
    assert again.status == 304


async def test_static_files_are_kept_for_ever_under_their_fingerprint(frontend: Frontend) -> None:
    page = await frontend.get("/")
    begin = page.text.index("/static/")
    path = page.text[begin : page.text.index('"', begin)]
    assert "immutable" in (await frontend.get(path)).headers["Cache-Control"]
    old = path.replace(path.split("/")[2], "0" * 12)
    assert (await frontend.get(old)).headers["Cache-Control"] == "no-store"
    assert (await frontend.get("/static/x/../../app.py")).status == 404
    assert (await frontend.get("/static/x/%2e%2e/%2e%2e/app.py")).status == 404


@pytest.mark.parametrize(
    "path",
    [
        "/nowhere",
        "/lisbon/movies/unknown",
        "/shows/unknown",
        "/shows/unknown/events",
        "/bookings/unknown",
        "/bookings/unknown/events",
        "/posters/unknown.svg",
        "/shows/%3Cscript%3E",
        "/dev/inbox",
        "/lisbon/extra/words/here",
    ],
)
async def test_what_is_not_there_is_a_404_page(frontend: Frontend, path: str) -> None:
    page = await frontend.get(path)
    assert page.status == 404
    assert "<h1" in page.text
    assert "Traceback" not in page.text
    assert "UNKNOWN" not in page.text


async def test_a_method_that_is_not_meant_is_a_page_too(frontend: Frontend) -> None:
    async with frontend.http.get(f"{frontend.url}/shows/{SHOW_ID}/hold") as answer:
        assert answer.status == 405
        assert "Not that way" in await answer.text()


async def test_an_unknown_failure_is_told_without_its_words(frontend: Frontend) -> None:
    frontend.cinema.failures["ListMovies"] = Refused("INTERNAL", "SECRET_REASON", detail="secret-detail")
    page = await frontend.get("/lisbon")
    assert page.status == 500
    assert "secret" not in page.text.lower()
    assert page.headers["X-Request-Id"] in page.text


async def test_a_service_that_is_away_is_a_503_that_says_when_to_try_again(frontend: Frontend) -> None:
    frontend.cinema.failures["ListMovies"] = Away("the store is away")
    page = await frontend.get("/lisbon?genre=drama&format=2D")
    assert page.status == 503
    assert page.headers["Retry-After"] == "5"
    assert '<a class="admit" href="/lisbon?genre=drama&amp;format=2D">Try again</a>' in page.text


async def test_a_bookings_page_looks_again_by_itself_when_its_service_is_away(frontend: Frontend) -> None:
    frontend.cinema.failures["GetBooking"] = Away("starting again")
    page = await frontend.get("/bookings/AAAAAAAAAAAAAAAAAAAAAA")
    assert page.status == 503
    assert page.headers["Refresh"] == "5"


async def test_a_theatre_that_is_away_is_told_apart_from_the_site(frontend: Frontend) -> None:
    frontend.cinema.failures["GetSeatMap"] = Refused("UNAVAILABLE", "THEATRE_UNAVAILABLE")
    page = await frontend.get(f"/shows/{SHOW_ID}")
    assert page.status == 503
    assert "No line to the theatre" in page.text


async def test_every_answer_carries_the_security_headers(frontend: Frontend) -> None:
    for path in ("/", "/nowhere", "/healthz", "/posters/sintel-2010.svg", f"/shows/{SHOW_ID}"):
        headers = (await frontend.get(path)).headers
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "unsafe-inline" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Server"] == "matinee"


async def test_no_page_holds_an_inline_script_or_style(frontend: Frontend) -> None:
    for path in ("/", "/lisbon", "/lisbon/movies/sintel", f"/shows/{SHOW_ID}", "/me", "/lisbon/search"):
        text = (await frontend.get(path)).text
        assert "<style" not in text
        assert " style=" not in text
        assert " onclick=" not in text
        assert all("src=" in tag for tag in text.split("<script")[1:])


async def test_only_names_of_this_site_are_answered(frontend: Frontend) -> None:
    page = await frontend.get("/", headers={"Host": "evil.example"})
    assert page.status == 421
    assert "evil.example" not in page.text
    assert (await frontend.get("/healthz", headers={"Host": "10.0.0.7:8080"})).status == 200


async def test_a_page_is_small(frontend: Frontend) -> None:
    html = gzip.compress((await frontend.get(f"/shows/{SHOW_ID}")).text.encode())
    poster = gzip.compress((await frontend.get("/posters/sintel-2010.svg")).text.encode())
    assert len(html) < 12_000
    assert len(poster) < 3_000


async def test_the_catalogue_is_asked_once_for_many_visitors(frontend: Frontend) -> None:
    frontend.cinema.calls.clear()
    pages = await asyncio.gather(*(frontend.get("/lisbon") for _ in range(20)))
    assert {page.status for page in pages} == {200}
    assert frontend.cinema.calls.count("ListMovies") < 20


async def test_health_turns_bad_when_the_process_is_told_to_stop(frontend: Frontend) -> None:
    assert (await frontend.get("/healthz")).status == 200
    stopping = asyncio.create_task(frontend.site.drain(60, 1))
    await asyncio.sleep(0)
    assert (await frontend.get("/healthz")).status == 503
    assert (await frontend.get("/lisbon")).status == 200
    stopping.cancel()  # the notice is long: how slow these pages came must not matter
    await asyncio.gather(stopping, return_exceptions=True)


async def test_a_show_that_was_cancelled_is_seen_within_two_seconds(frontend: Frontend) -> None:
    settings = settings_for(frontend.settings.booking_target, catalogue_cache_seconds=10)
    async with Resources() as resources, frontend.another_browser() as http:
        site = Site(make_app(settings, resources, frontend.clock), settings)
        url = f"http://{await site.start()}"
        caching = Frontend(url, frontend.cinema, http, frontend.clock, site, settings)
        for _ in range(10):
            assert (
                '<button type="submit" class="admit wide">' in (await caching.get(f"/shows/{SHOW_ID}")).text
            )
        assert frontend.cinema.calls.count("GetShow") == 1
        assert frontend.cinema.calls.count("GetRevision") < 10
        frontend.cinema.show.status = catalog_pb2.SHOW_STATUS_CANCELLED

        looks = 0

        async def closed() -> bool:
            nonlocal looks
            looks += 1
            page = await caching.get(f"/shows/{SHOW_ID}")
            return '<button type="submit" class="admit wide" disabled>' in page.text

        await eventually(closed)
        assert looks <= 100, "two seconds of looking every 20 ms; a pause of the machine is one look"
        await site.drain(0, 1)


async def test_a_catalogue_that_hangs_takes_no_seat_page_that_is_known_down(frontend: Frontend) -> None:
    settings = settings_for(frontend.settings.booking_target, catalogue_cache_seconds=10)
    async with Resources() as resources, frontend.another_browser() as http:
        site = Site(make_app(settings, resources, frontend.clock), settings)
        url = f"http://{await site.start()}"
        caching = Frontend(url, frontend.cinema, http, frontend.clock, site, settings)
        assert (await caching.get(f"/shows/{SHOW_ID}")).status == 200
        frontend.cinema.hanging.add("GetRevision")
        asked = frontend.cinema.calls.count("GetRevision")

        async def asked_again() -> bool:
            assert (await caching.get(f"/shows/{SHOW_ID}")).status == 200
            return frontend.cinema.calls.count("GetRevision") > asked

        assert await eventually(asked_again)
        await site.drain(0, 1)
