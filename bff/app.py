"""The composition root: the only module that knows all the others."""

import asyncio
from collections.abc import AsyncIterator

from aiohttp import web

from bff import keys
from bff.addresses import VisitorAddresses
from bff.assets import Assets
from bff.buyers import Buyers, Notifications
from bff.clients import Bookings, Catalogue, Seats
from bff.csrf import CsrfGuard
from bff.inbox import Inbox
from bff.justmade import JustMade
from bff.live import LiveStreams, SeatFeeds
from bff.middlewares import MIDDLEWARES
from bff.middlewares.headers import security_headers
from bff.pages import Pages, SharedPages
from bff.posters import PosterShelf
from bff.presenters.seatplan import SeatPlans
from bff.routes import add_routes
from bff.sessions import Sessions
from bff.settings import BffSettings
from bff.texts import TextsByLanguage
from bff.views.webhooks import LONGEST_BODY
from mesh.channel import MeshChannel, open_channel
from mesh.clock import Clock, SystemClock
from mesh.http import HttpServer
from mesh.run import Resources

IDLE_SECONDS = 30.0
"""How long a connection may stay open without a whole request head."""


class Site:
    """The web front end as a process of the mesh."""

    def __init__(self, app: web.Application, settings: BffSettings) -> None:
        self._draining = app[keys.DRAINING]
        self._server = HttpServer(app, settings.listen, settings.drain_seconds)

    async def start(self) -> str:
        """Listens and returns the address."""
        return await self._server.start()

    async def drain(self, notice_seconds: float, grace_seconds: float) -> None:
        """Reports unhealthy for the notice, so that balancers move on, then lets requests under way end."""
        self._draining.set()
        await self._server.drain(notice_seconds, grace_seconds)


async def build(settings: BffSettings, resources: Resources) -> Site:
    """Makes every part; connects to nothing yet."""
    return Site(make_app(settings, resources, SystemClock()), settings)


def make_app(settings: BffSettings, resources: Resources, clock: Clock) -> web.Application:
    """The application with its parts."""
    app = web.Application(
        middlewares=MIDDLEWARES,
        client_max_size=LONGEST_BODY,
        # Bodies are taken as they came: a webhook's signature is of that, and nobody else compresses any.
        handler_args={"keepalive_timeout": IDLE_SECONDS, "auto_decompress": False},
    )
    secrets = _secrets(settings)
    assets = Assets()
    app[keys.SETTINGS] = settings
    app[keys.CLOCK] = clock
    app[keys.BACKGROUND] = resources.background
    app[keys.DRAINING] = asyncio.Event()
    app[keys.ASSETS] = assets
    app[keys.PAGES] = pages = Pages(assets.url)
    app[keys.JUST_MADE] = JustMade(asyncio.get_running_loop().time)
    app[keys.SHARED_PAGES] = SharedPages(asyncio.get_running_loop().time)
    app[keys.POSTERS] = PosterShelf()
    app[keys.SEAT_PLANS] = SeatPlans(pages.draw_seat)
    app[keys.TEXTS] = TextsByLanguage()
    app[keys.SESSIONS] = Sessions(secrets, settings.secure)
    app[keys.CSRF] = CsrfGuard(secrets, settings.hosts)
    app[keys.ADDRESSES] = VisitorAddresses(settings.trusted_proxies)
    app[keys.LIVE] = LiveStreams(settings.live_streams, settings.live_streams_by_address)
    _add_services(app, settings, resources)
    if settings.inbox_url:
        app[keys.INBOX] = Inbox(settings.inbox_url)
        app.cleanup_ctx.append(_inbox_connection)
    app.on_response_prepare.append(security_headers(settings.secure))
    app.on_shutdown.append(_end_live_streams)
    add_routes(app)
    return app


def _secrets(settings: BffSettings) -> list[str]:
    """The newest last: it signs, all are accepted."""
    previous = settings.previous_session_secret
    newest = settings.session_secret.get_secret_value()
    return [previous.get_secret_value(), newest] if previous else [newest]


def _add_services(app: web.Application, settings: BffSettings, resources: Resources) -> None:
    """Clients of the services. All their calls are reads or carry a request id, so all may be retried."""
    monotonic = asyncio.get_running_loop().time

    def channel(target: str, service: str) -> MeshChannel:
        opened = open_channel(target, settings.mesh_token.get_secret_value(), retried_services=[service])
        resources.push_async_exit(opened)
        return opened

    app[keys.CATALOGUE] = Catalogue(
        channel(settings.catalog_target, "matinee.catalog.v1.CatalogService"),
        settings.catalogue_cache_seconds,
        monotonic,
    )
    app[keys.SEATS] = Seats(channel(settings.seat_target, "matinee.seat.v1.SeatService"), monotonic)
    app[keys.BOOKINGS] = Bookings(channel(settings.booking_target, "matinee.booking.v1.BookingService"))
    app[keys.BUYERS] = Buyers(channel(settings.booking_target, "matinee.booking.v1.BuyerService"))
    app[keys.NOTIFICATIONS] = Notifications(
        channel(settings.notify_target, "matinee.notify.v1.NotificationService")
    )
    app[keys.SEAT_FEEDS] = SeatFeeds(app[keys.SEATS])


async def _inbox_connection(app: web.Application) -> AsyncIterator[None]:
    async with app[keys.INBOX]:
        yield


async def _end_live_streams(app: web.Application) -> None:
    app[keys.LIVE].close()
    await app[keys.SEAT_FEEDS].close()
