"""The composition root."""

import time

import aiohttp
from matinee.booking.v1 import booking_pb2_grpc, buyer_pb2_grpc
from matinee.catalog.v1 import catalog_pb2_grpc
from matinee.notify.v1 import notify_pb2_grpc
from matinee.seat.v1 import seat_pb2_grpc

from booking_svc.convert.events import outbox_entry
from booking_svc.directory import CatalogScheduleFeed, CatalogShowDirectory
from booking_svc.domain.booking import Booking
from booking_svc.domain.events import Event
from booking_svc.domain.sign_in import SignInKeys
from booking_svc.inventory import RemoteSeatInventory
from booking_svc.notices import RemoteNotices
from booking_svc.payments.sandbox import SandboxPayments
from booking_svc.payments.stripe import StripeCalls, StripePayments
from booking_svc.ports import Bookings, PaymentEvents, PaymentProvider, Ports, SignInPorts
from booking_svc.relay import EXCHANGE, Gauges, OutboxRelay
from booking_svc.servicer import BookingServicer, BuyerServicer, UseCases
from booking_svc.settings import Settings
from booking_svc.stores.erasures import MongoErasures
from booking_svc.stores.mongo import MongoBookings
from booking_svc.stores.outbox import MongoOutbox
from booking_svc.stores.payment_events import MongoPaymentEvents
from booking_svc.stores.people import MongoPeople
from booking_svc.stores.show_walks import MongoShowWalks
from booking_svc.stores.sign_in_codes import MongoSignInCodes
from booking_svc.usecases.changes import Changes
from booking_svc.usecases.driving import Driver
from booking_svc.usecases.following import ScheduleFollower
from booking_svc.usecases.paying import Cashier
from booking_svc.usecases.rights import Rights
from booking_svc.usecases.signing_in import SignIns
from booking_svc.usecases.telling import PaymentNews
from booking_svc.usecases.watching import BookingWatch
from mesh import mongo, tracing
from mesh.amqp import Broker, Exchange, Publisher, Topology
from mesh.channel import MeshChannel, open_channel
from mesh.clock import Clock, SystemClock
from mesh.mongo import Document
from mesh.run import Process, Resources
from mesh.server import GrpcServer

NAME = "booking_svc"

_SEAT_SECONDS = 6.0
_RELAY_SECONDS = 1.0
_WATCH_SECONDS = 0.5
_GAUGES_SECONDS = 5.0


async def build(settings: Settings, resources: Resources) -> Process:
    """Bookings by the machine's clock."""
    return await build_with_clock(settings, resources, SystemClock())


async def build_with_clock(settings: Settings, resources: Resources, clock: Clock) -> Process:
    """Bookings by any clock."""
    mongo_client = mongo.open_client(settings.mongo_url, NAME, settings.mongo_driver)
    resources.push_async_callback(mongo.close, mongo_client)
    outbox = MongoOutbox(mongo_client, settings.mongo_database)
    relay = OutboxRelay(outbox, await _open_publisher(settings, resources), clock, resources.background)
    bookings = MongoBookings(mongo_client, settings.mongo_database, encoded, relay)
    events = MongoPaymentEvents(mongo_client, settings.mongo_database)
    walks = MongoShowWalks(mongo_client, settings.mongo_database)
    ports = await open_ports(settings, resources, clock, bookings, events)
    use = use_cases(ports)
    follower = ScheduleFollower(ports, use.driver, await open_schedule(settings, resources), walks)

    codes = MongoSignInCodes(mongo_client, settings.mongo_database)
    people = MongoPeople(mongo_client, settings.mongo_database)
    notices = await _open_notices(settings, resources)
    keys = SignInKeys(settings.sign_in_secret.get_secret_value().encode())
    sign_ins = SignIns(
        ports,
        SignInPorts(codes, people, notices),
        keys,
        settings.sign_in_terms,
    )

    erasures = MongoErasures(mongo_client, settings.mongo_database)
    rights = Rights(ports, sign_ins, erasures, notices, keys, settings.sign_in_terms)

    server = GrpcServer(settings, resources.background)
    server.needs(
        {
            "mongodb": bookings.ready,
            "payment_events": events.ready,
            "sign_in_codes": codes.ready,
            "people": people.ready,
            "show_walks": walks.ready,
            "erasures": erasures.ready,
        }
    )
    server.add(
        "matinee.booking.v1.BookingService",
        BookingServicer(use, sign_ins),
        booking_pb2_grpc.add_BookingServiceServicer_to_server,
    )
    server.add(
        "matinee.booking.v1.BuyerService",
        BuyerServicer(sign_ins, rights, clock),
        buyer_pb2_grpc.add_BuyerServiceServicer_to_server,
    )
    every = resources.background.every
    every("recovery", settings.recovery_seconds, use.driver.begin_due, use.driver.wake)
    every("schedule", settings.schedule_seconds, follower.read)
    every("walks", settings.schedule_seconds, follower.walk, follower.wake)
    every("payment-events", settings.recovery_seconds, use.news.act_on_waiting)
    every("catch-up", settings.catch_up_seconds, use.news.catch_up)
    every("erasures", settings.erasure_seconds, rights.go_on)
    every("relay", _RELAY_SECONDS, relay.relay, relay.wake)
    every("watch", _WATCH_SECONDS, use.watch.poll)
    every("gauges", _GAUGES_SECONDS, Gauges(bookings, clock).look)
    return server


async def open_ports(
    settings: Settings, resources: Resources, clock: Clock, bookings: Bookings, events: PaymentEvents
) -> Ports:
    """Everything that the use cases need, over the given stores."""
    return Ports(
        bookings=bookings,
        payment_events=events,
        shows=await _open_directory(settings, resources),
        seats=await _open_inventory(settings, resources),
        providers=await _open_providers(settings, resources, clock),
        chosen_provider=settings.payment_provider,
        clock=clock,
        terms=settings.terms,
        background=resources.background,
    )


def use_cases(ports: Ports) -> UseCases:
    """The use cases over these ports, wired to each other."""
    changes = Changes(ports)
    driver = Driver(ports, changes)
    watch = BookingWatch(ports)
    changes.listen(watch.changed)
    return UseCases(
        ports=ports,
        changes=changes,
        driver=driver,
        cashier=Cashier(ports, changes, driver),
        news=PaymentNews(ports, changes, driver),
        watch=watch,
    )


async def open_schedule(settings: Settings, resources: Resources) -> CatalogScheduleFeed:
    """The catalogue's list of cancelled and moved shows."""
    channel = await _open_catalog(settings, resources)
    return CatalogScheduleFeed(channel.stub(catalog_pb2_grpc.CatalogServiceStub))


async def _open_directory(settings: Settings, resources: Resources) -> CatalogShowDirectory:
    channel = await _open_catalog(settings, resources)
    return CatalogShowDirectory(channel.stub(catalog_pb2_grpc.CatalogServiceStub), time.monotonic)


async def _open_catalog(settings: Settings, resources: Resources) -> MeshChannel:
    return await resources.enter_async_context(
        open_channel(
            settings.catalog_target,
            settings.mesh_token.get_secret_value(),
            retried_services=["matinee.catalog.v1.CatalogService"],
        )
    )


async def _open_inventory(settings: Settings, resources: Resources) -> RemoteSeatInventory:
    channel = await resources.enter_async_context(
        open_channel(
            settings.seat_target,
            settings.mesh_token.get_secret_value(),
            timeout_seconds=_SEAT_SECONDS,
            # Every call that is made there carries a request id that follows from the booking.
            retried_services=["matinee.seat.v1.SeatService"],
        )
    )
    return RemoteSeatInventory(channel.stub(seat_pb2_grpc.SeatServiceStub))


async def _open_notices(settings: Settings, resources: Resources) -> RemoteNotices:
    channel = await resources.enter_async_context(
        open_channel(
            settings.notify_target,
            settings.mesh_token.get_secret_value(),
            retried_services=["matinee.notify.v1.NotificationService"],
        )
    )
    return RemoteNotices(channel.stub(notify_pb2_grpc.NotificationServiceStub))


async def _open_providers(
    settings: Settings, resources: Resources, clock: Clock
) -> dict[str, PaymentProvider]:
    """All that are configured: payments end where they were started, whatever is chosen by now."""
    client = await resources.enter_async_context(aiohttp.ClientSession())
    providers: list[PaymentProvider] = []
    if settings.has_sandbox:
        providers.append(
            SandboxPayments(
                client, settings.sandbox_url, settings.sandbox_api_key, settings.sandbox_webhook_secret
            )
        )
    if settings.has_stripe:
        calls = StripeCalls(client, settings.stripe_api_key, settings.stripe_api_base)
        providers.append(StripePayments(calls, settings.stripe_webhook_secrets, clock))
    return {provider.name: provider for provider in providers}


async def _open_publisher(settings: Settings, resources: Resources) -> Publisher:
    topology = Topology([Exchange(EXCHANGE)])
    return await resources.enter_async_context(
        Publisher(Broker(settings.amqp_url), name="booking.relay", topology=topology)
    )


def encoded(booking: Booking, event: Event) -> Document:
    """The event's outbox entry, in the trace of whatever made it."""
    return dict(outbox_entry(booking, event, tracing.current_traceparent()))
