"""The live waiting page: tells a browser when its booking changed."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing

from aiohttp import web
from matinee.booking.v1 import booking_pb2

from bff.keys import ADDRESSES, BOOKINGS, LIVE
from bff.live.streams import BEAT_SECONDS, LIFE_SECONDS, EventStream, encode_event
from bff.presenters.bookings import state_name
from bff.views.bookings import viewer_of
from bff.views.fields import id_in_path
from mesh.errors import RemoteError


async def booking_events(request: web.Request) -> web.StreamResponse:
    """Server-sent events: the booking's state and version, now and after every change."""
    booking_id = id_in_path(request, "booking_id")
    viewer = viewer_of(request, booking_id)
    async with aclosing(request.app[BOOKINGS].watch(booking_id, viewer, LIFE_SECONDS)) as updates:
        first = await anext(updates, None)  # not theirs is a 404 before the stream begins
        async with request.app[LIVE].open(request, request.app[ADDRESSES].network(request)) as stream:
            if first is not None:
                await stream.send(_event(first))
            await _forward(updates, stream)
    return stream.response


async def _forward(
    updates: AsyncGenerator[booking_pb2.WatchBookingResponse, None], stream: EventStream
) -> None:
    """Sends every update on, and a sign of life while there is none; ends with the updates."""
    pending: asyncio.Task[booking_pb2.WatchBookingResponse] | None = None
    try:
        while True:
            pending = pending or asyncio.ensure_future(anext(updates))
            done, _ = await asyncio.wait({pending}, timeout=BEAT_SECONDS)
            if not done:
                await stream.beat()
                continue
            update = pending.result()
            pending = None
            await stream.send(_event(update))
    except (StopAsyncIteration, RemoteError):
        return  # the browser connects again by itself
    finally:
        if pending is not None:
            pending.cancel()
            await asyncio.gather(pending, return_exceptions=True)


def _event(update: booking_pb2.WatchBookingResponse) -> bytes:
    facts = {"version": update.booking.version, "state": state_name(update.booking.state)}
    return encode_event("booking", json.dumps(facts))
