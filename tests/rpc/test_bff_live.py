"""Live pages: server-sent events of seats and bookings."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any

import aiohttp
from matinee.booking.v1 import booking_pb2
from matinee.seat.v1 import seat_pb2
from matinee.theatre.v1 import seats_pb2

from bff.app import Site, make_app
from bff.live.feeds import LINGERING, QUEUE_LENGTH, SeatFeeds
from mesh.run import Resources
from mesh.testing import eventually
from tests.fixtures.bff import LIVE_STREAMS, SHOW_ID, Frontend, settings_for
from tests.rpc.test_bff_buying import held

FREE, SOLD = seats_pb2.SEAT_STATE_AVAILABLE, seats_pb2.SEAT_STATE_SOLD


class Stream:
    """A browser's EventSource."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self.answer = answer

    async def next(self) -> tuple[str, Any]:
        """The next event's name and content."""
        name = ""
        async with asyncio.timeout(15):
            async for line in self.answer.content:
                if line.startswith(b"event: "):
                    name = line[7:].decode().strip()
                if line.startswith(b"data: "):
                    return name, json.loads(line[6:])
        return "end", None


@asynccontextmanager
async def watching(frontend: Frontend, path: str, **options: Any) -> AsyncIterator[Stream]:
    async with frontend.http.get(f"{frontend.url}{path}", **options) as answer:
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "text/event-stream"
        yield Stream(answer)


async def test_a_browser_gets_all_seats_and_then_every_change(frontend: Frontend) -> None:
    frontend.cinema.states["A2"] = SOLD
    async with watching(frontend, f"/shows/{SHOW_ID}/events") as stream:
        assert await stream.next() == ("snapshot", {"sequence": 1, "states": "fs" + "f" * 22})
        await frontend.cinema.change_seat("A1", SOLD)
        assert await stream.next() == ("delta", {"sequence": 2, "changes": [[0, "s"]]})


async def test_many_browsers_share_one_watch_also_who_comes_after_the_last_one_left(
    frontend: Frontend,
) -> None:
    path = f"/shows/{SHOW_ID}/events"
    async with (
        watching(frontend, path) as first,
        watching(frontend, path) as second,
        watching(frontend, path) as third,
    ):
        for stream in (first, second, third):
            assert (await stream.next())[0] == "snapshot"
        assert frontend.cinema.watchers == 1
        await frontend.cinema.change_seat("B1", SOLD)
        assert {(await stream.next())[1]["sequence"] for stream in (first, second, third)} == {2}
    await frontend.cinema.change_seat("B2", SOLD)
    async with watching(frontend, path) as next_one:
        assert (await next_one.next())[1]["sequence"] == 3
        assert frontend.cinema.watchers == 1
        assert frontend.cinema.watches == 1


async def test_the_page_of_a_show_that_is_watched_shows_what_the_watch_told(frontend: Frontend) -> None:
    page = f"{frontend.url}/shows/{SHOW_ID}"

    def taken(text: str) -> int:
        return text.count(' sold"')

    async with watching(frontend, f"/shows/{SHOW_ID}/events") as stream:
        await stream.next()
        frontend.cinema.calls.clear()
        before = taken(await (await frontend.http.get(page)).text())
        await frontend.cinema.change_seat("B1", SOLD)
        await stream.next()
        assert taken(await (await frontend.http.get(page)).text()) > before
        assert "GetSeatMap" not in frontend.cinema.calls
        # Who has chosen seats is told of those that went: asked for, not remembered.
        await frontend.http.get(page, params={"seat": "A1"})
        assert "GetSeatMap" in frontend.cinema.calls


async def test_a_browser_that_comes_later_begins_with_the_newest_states(frontend: Frontend) -> None:
    path = f"/shows/{SHOW_ID}/events"
    async with watching(frontend, path) as first:
        await first.next()
        await frontend.cinema.change_seat("A1", SOLD)
        await first.next()
        async with watching(frontend, path) as second:
            assert await second.next() == ("snapshot", {"sequence": 2, "states": "s" + "f" * 23})


async def test_who_comes_back_from_paying_gets_the_tickets_as_soon_as_they_are_there(
    frontend: Frontend,
) -> None:
    await held(frontend, "A1")
    await frontend.cinema.change_booking("booking-1", booking_pb2.BOOKING_STATE_AWAITING_PAYMENT)
    coming_back = asyncio.create_task(frontend.get("/bookings/booking-1?from=payment"))

    async def waits() -> bool:
        return "GetBooking" in frontend.cinema.calls

    await eventually(waits)
    await frontend.cinema.change_booking("booking-1", booking_pb2.BOOKING_STATE_PAID)
    tickets = [seats_pb2.Ticket(ticket_id="T-A1", seat_id="A1")]
    await frontend.cinema.change_booking("booking-1", booking_pb2.BOOKING_STATE_CONFIRMED, tickets=tickets)
    assert "T-A1" in (await coming_back).text


async def test_who_comes_back_before_the_payment_is_told_gets_the_waiting_page(frontend: Frontend) -> None:
    await held(frontend, "A1")
    await frontend.cinema.change_booking("booking-1", booking_pb2.BOOKING_STATE_AWAITING_PAYMENT)
    async with asyncio.timeout(10):
        page = await frontend.get("/bookings/booking-1?from=payment")
    assert "We are waiting for the payment provider" in page.text


async def test_the_waiting_page_is_told_of_every_change(frontend: Frontend) -> None:
    await held(frontend, "A1")
    async with watching(frontend, "/bookings/booking-1/events") as stream:
        assert await stream.next() == ("booking", {"version": 1, "state": "held"})
        await frontend.cinema.change_booking("booking-1", booking_pb2.BOOKING_STATE_PAID)
        assert await stream.next() == ("booking", {"version": 2, "state": "paid"})


async def test_more_live_connections_than_allowed_are_sent_away_with_a_time(frontend: Frontend) -> None:
    path = f"/shows/{SHOW_ID}/events"
    async with AsyncExitStack() as open_streams:
        for _ in range(LIVE_STREAMS):
            await open_streams.enter_async_context(watching(frontend, path))
        answer = await frontend.get(path)
        assert answer.status == 503
        assert answer.headers["Retry-After"] == "5"

    async def admitted() -> bool:
        async with frontend.http.get(f"{frontend.url}{path}") as again:
            return again.status == 200

    await eventually(admitted)


async def test_one_visitor_cannot_take_the_live_connections_of_all(frontend: Frontend) -> None:
    settings = settings_for(
        frontend.settings.booking_target, trusted_proxies=["127.0.0.0/8"], live_streams_by_address=2
    )
    path = f"/shows/{SHOW_ID}/events"
    async with Resources() as resources, AsyncExitStack() as open_streams:
        site = Site(make_app(settings, resources, frontend.clock), settings)
        behind = replace(frontend, url=f"http://{await site.start()}", site=site, settings=settings)

        async def watch_from(address: str) -> None:
            stream = watching(behind, path, headers={"X-Forwarded-For": address})
            await open_streams.enter_async_context(stream)

        await watch_from("2001:db8::1")
        await watch_from("2001:db8::2")
        another = {"X-Forwarded-For": "2001:db8::3"}  # of the same household
        assert (await behind.get(path, headers=another)).status == 503
        await watch_from("2001:db8:0:1::1")
        await open_streams.aclose()

        async def admitted() -> bool:
            async with behind.http.get(f"{behind.url}{path}", headers=another) as again:
                return again.status == 200

        await eventually(admitted)
        await site.drain(0, 1)


async def test_a_process_that_stops_ends_its_live_connections(frontend: Frontend) -> None:
    async with watching(frontend, f"/shows/{SHOW_ID}/events") as stream:
        await stream.next()
        began = asyncio.get_running_loop().time()
        await frontend.site.drain(0, 5)
        assert asyncio.get_running_loop().time() - began < 3
        try:
            assert (await stream.next())[0] == "end"
        except aiohttp.ClientError:
            return  # cut off in the middle is an end too


class Torrent:
    """Changes without end, faster than anybody reads."""

    def __init__(self) -> None:
        self.released = asyncio.Event()

    async def watch(self, show_id: str, after: int, timeout: float) -> Any:
        yield seat_pb2.WatchSeatsResponse(snapshot=seats_pb2.SeatMap(seat_states=[FREE], sequence=1))
        await self.released.wait()
        for sequence in range(2, QUEUE_LENGTH * 3):
            change = seats_pb2.SeatChange(seat_index=0, state=SOLD)
            yield seat_pb2.WatchSeatsResponse(delta=seats_pb2.SeatDelta(sequence=sequence, changes=[change]))
        await asyncio.Event().wait()


async def test_a_browser_that_does_not_keep_up_is_cut_off_and_nothing_piles_up() -> None:
    torrent = Torrent()
    feeds = SeatFeeds(torrent)
    async with feeds.subscribe("show") as slow:
        assert await slow.get() is not None
        torrent.released.set()

        async def cut() -> bool:
            return slow.qsize() == 1

        await eventually(cut)
        assert await slow.get() is None
    await feeds.close()


class Calm:
    """Watches where nothing happens."""

    def __init__(self) -> None:
        self.open: set[str] = set()

    async def watch(self, show_id: str, after: int, timeout: float) -> Any:
        self.open.add(show_id)
        try:
            yield seat_pb2.WatchSeatsResponse(snapshot=seats_pb2.SeatMap(seat_states=[FREE], sequence=1))
            await asyncio.Event().wait()
        finally:
            self.open.discard(show_id)

    async def are_open(self, count: int) -> bool:
        return len(self.open) == count


async def _look_at(feeds: SeatFeeds, show_id: str) -> None:
    async with feeds.subscribe(show_id) as events:
        assert await events.get() is not None


async def test_a_watch_ends_a_while_after_its_last_browser_left() -> None:
    calm = Calm()
    feeds = SeatFeeds(calm, linger_seconds=0.2)
    await _look_at(feeds, "show")
    assert calm.open == {"show"}
    async with feeds.subscribe("show"):
        await asyncio.sleep(0.4)  # somebody looks again, and is not left alone
        assert calm.open == {"show"}
    await eventually(lambda: calm.are_open(0))
    await feeds.close()


async def test_watches_that_nobody_looks_at_are_few_and_all_end_with_the_process() -> None:
    calm = Calm()
    feeds = SeatFeeds(calm, linger_seconds=60)
    for number in range(LINGERING + 20):
        await _look_at(feeds, f"show-{number}")
    await eventually(lambda: calm.are_open(LINGERING))
    assert "show-0" not in calm.open
    await feeds.close()
    assert calm.open == set()


class Flaky:
    """A watch that breaks after each snapshot."""

    def __init__(self) -> None:
        self.asked_after: list[int] = []

    async def watch(self, show_id: str, after: int, timeout: float) -> Any:
        self.asked_after.append(after)
        yield seat_pb2.WatchSeatsResponse(
            snapshot=seats_pb2.SeatMap(seat_states=[FREE], sequence=len(self.asked_after))
        )


async def test_a_watch_that_breaks_goes_on_after_what_is_known() -> None:
    flaky = Flaky()
    feeds = SeatFeeds(flaky)
    async with feeds.subscribe("show") as events:
        for _ in range(3):
            async with asyncio.timeout(15):
                await events.get()
    await feeds.close()
    assert flaky.asked_after[:3] == [0, 1, 2]


async def test_seats_are_told_of_only_while_their_watch_is_under_way() -> None:
    flaky = Flaky()
    feeds = SeatFeeds(flaky)
    assert feeds.seat_map("show") is None
    async with feeds.subscribe("show") as events:
        await events.get()

        async def interrupted() -> bool:
            return feeds.seat_map("show") is None

        await eventually(interrupted)
    await feeds.close()
    assert feeds.seat_map("show") is None
