"""A theatre that has switched a price rule off, from the import to the page: nobody promises it either."""

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp
import pytest
from matinee.booking.v1 import booking_pb2, booking_pb2_grpc
from pymongo import MongoClient

from mesh.channel import open_channel
from tests.fixtures.site import Site

AFTERNOON = "afternoon-20"
PROMISE = "Afternoon show: 20 % off"


@pytest.mark.timeout(200)
@pytest.mark.parametrize("switched_off", [False, True], ids=["on", "off"])
async def test_an_afternoon_show_costs_what_the_theatre_says(site: Site, switched_off: bool) -> None:
    show_id, seat_id, price = _afternoon_show(site, switched_off=switched_off)
    token = site.installation.mesh_token
    async with open_channel(site.installation.address("booking_svc"), token, timeout_seconds=10) as channel:
        stub = channel.stub(booking_pb2_grpc.BookingServiceStub)
        answer = await stub.QuoteBooking(booking_pb2.QuoteBookingRequest(show_id=show_id, seat_ids=[seat_id]))
    off = 0 if switched_off else (2 * price + 5) // 10  # a fifth, rounded half up
    assert answer.quote.total.minor_units == price - off
    assert (AFTERNOON in {line.rule_id for line in answer.quote.lines}) is not switched_off
    async with aiohttp.ClientSession() as http, http.get(f"{site.url}/shows/{show_id}") as response:
        page = (await response.text()).replace("\u00a0", " ")
        assert response.status == 200
    assert (PROMISE in page) is not switched_off


def _afternoon_show(site: Site, *, switched_off: bool) -> tuple[str, str, int]:
    """A show that begins at two or so on its theatre's wall, one of its seats, and its full price."""
    with MongoClient[dict[str, Any]](site.mongo_url, tz_aware=True) as client:
        catalogue = client["catalog"]
        for theatre in catalogue["theatres"].find():
            if (AFTERNOON in theatre["disabled_price_rule_ids"]) is not switched_off:
                continue
            soon = {"$gt": dt.datetime.now(dt.UTC) + dt.timedelta(hours=2)}
            for show in catalogue["shows"].find({"theatre_id": theatre["_id"], "start_time": soon}):
                local = show["start_time"].astimezone(ZoneInfo(theatre["time_zone"]))
                if 12 <= local.hour < 17:
                    layout = catalogue["layouts"].find_one({"_id": show["layout_id"]})
                    assert layout is not None
                    seat = layout["seats"][0]
                    return show["_id"], seat["seat_id"], _price(show, seat["category_id"])
    raise AssertionError("the demo has no such show")


def _price(show: dict[str, Any], category_id: str) -> int:
    return next(
        int(each["price"]["minor_units"]) for each in show["prices"] if each["category_id"] == category_id
    )
