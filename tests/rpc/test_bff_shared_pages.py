"""What is kept for all visitors holds nothing of one's own."""

import re

import pytest
from aiohttp.test_utils import make_mocked_request

from bff.app import make_app
from bff.keys import VISITOR_TEXTS
from bff.presenters.places import CityChoice
from bff.respond import NotForAll, render_shared
from bff.texts import TextsByLanguage
from mesh.run import Resources
from tests.fixtures.bff import SHOW_ID, Answer, Frontend
from tests.rpc.test_bff_buying import HOLD, hold_form

SEAT_PAGE = f"/shows/{SHOW_ID}"
PAGES = (
    "/",
    "/lisbon",
    "/lisbon/movies/sintel",
    "/lisbon/search?q=sin",
    SEAT_PAGE,
    f"{SEAT_PAGE}?party=3",
    "/nowhere/at/all",
)


def own_things(page: Answer) -> set[str]:
    """Tokens and request ids of a page's forms."""
    return set(re.findall(r'name="(?:csrf_token|request_id)" value="([^"]+)"', page.text))


async def test_no_page_shows_one_visitors_things_to_another(frontend: Frontend) -> None:
    first = {path: await frontend.get(path) for path in PAGES}
    chosen = await frontend.get(f"{SEAT_PAGE}?seat=B1&seat=B2&party=3")
    refused = await frontend.post(HOLD, await hold_form(frontend))
    location = (await frontend.post(HOLD, await hold_form(frontend, "A1"))).headers["Location"]
    held = await frontend.get(location)
    theirs = {frontend.cinema.buyers["booking-1"], "booking-1", frontend.cookie()}
    for page in (*first.values(), chosen, refused, held):
        theirs |= own_things(page)
    assert len(theirs) > 8
    assert " checked" in chosen.text
    async with frontend.another_browser() as other:
        for path in PAGES:
            for _ in range(2):
                async with other.get(f"{frontend.url}{path}") as response:
                    text = await response.text() + str(response.headers)
                assert not [thing for thing in theirs if thing in text], path
                assert " checked" not in text, path
                assert "Choose seats in the map, or let us" not in text, path


async def test_forms_of_two_visitors_have_two_tokens(frontend: Frontend) -> None:
    async with (
        frontend.another_browser() as other,
        other.get(f"{frontend.url}{SEAT_PAGE}") as response,
    ):
        theirs = Answer(response.status, response.headers, await response.text())
    ours = await frontend.get(SEAT_PAGE)
    again = await frontend.get(SEAT_PAGE)
    assert ours.field("csrf_token") == again.field("csrf_token") != theirs.field("csrf_token")
    assert len({page.field("request_id") for page in (ours, again, theirs)}) == 3


async def test_pages_that_are_shared_give_nobody_a_cookie_of_somebody_else(frontend: Frontend) -> None:
    cookies = set()
    for _ in range(3):
        async with frontend.another_browser() as visitor, visitor.get(f"{frontend.url}/lisbon") as response:
            cookies.add(response.cookies["matinee"].value)
    assert len(cookies) == 3


async def test_a_shared_page_that_asks_for_a_visitors_token_fails(frontend: Frontend) -> None:
    async with Resources() as resources:
        app = make_app(frontend.settings, resources, frontend.clock)
        request = make_mocked_request("GET", "/me/sign-in", app=app)
        request[VISITOR_TEXTS] = TextsByLanguage().for_header("en")

        async def view() -> object:
            return {"problem": "", "address": ""}

        with pytest.raises(NotForAll):
            await render_shared(request, "sign_in.html", "key", CityChoice("a", "A", "/a"), view)
