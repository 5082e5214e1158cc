"""The composition root."""

import time
from collections.abc import Callable

from matinee.catalog.v1 import catalog_pb2_grpc
from matinee.seat.v1 import seat_pb2_grpc
from matinee.theatre.v1 import theatre_pb2_grpc

from mesh import mongo
from mesh.channel import open_channel
from mesh.clock import SystemClock
from mesh.run import Process, Resources
from mesh.server import GrpcServer
from seat_svc.directory import CatalogShowDirectory
from seat_svc.domain.show import Connector
from seat_svc.ports import SeatLedger
from seat_svc.servicer.seat import SeatServicer
from seat_svc.servicer.theatre import TheatreServicer
from seat_svc.settings import Settings
from seat_svc.stores.hints import RedisChangeHints
from seat_svc.stores.mongo import MongoSales
from seat_svc.stores.redis import RedisSeatLedger
from seat_svc.stores.servers import Servers, open_servers
from seat_svc.theatres.hosted import HostedTheatre
from seat_svc.usecases.inventory import Inventory

NAME = "seat_svc"

MakeLedger = Callable[[Servers, Settings], SeatLedger]
"""Makes the ledger; a test hands in one with another clock, or one without its guard."""


async def build(settings: Settings, resources: Resources) -> Process:
    """The inventory, by Redis' clock."""
    return await build_with_ledger(settings, resources, redis_ledger)


def redis_ledger(servers: Servers, settings: Settings) -> SeatLedger:
    """The ledger of production."""
    return RedisSeatLedger(servers, settings.rules)


async def build_with_ledger(settings: Settings, resources: Resources, make_ledger: MakeLedger) -> Process:
    """The inventory with the given ledger."""
    mongo_client = mongo.open_client(settings.mongo_url, NAME, settings.mongo_driver)
    resources.push_async_callback(mongo.close, mongo_client)
    servers = open_servers(settings.redis_url, NAME)
    resources.push_async_callback(servers.aclose)
    catalog = await resources.enter_async_context(
        open_channel(
            settings.catalog_target,
            settings.mesh_token.get_secret_value(),
            retried_services=["matinee.catalog.v1.CatalogService"],
        )
    )

    directory = CatalogShowDirectory(catalog.stub(catalog_pb2_grpc.CatalogServiceStub), time.monotonic)
    sales = MongoSales(mongo_client, settings.mongo_database, SystemClock())
    hints = RedisChangeHints(servers)
    hosted = HostedTheatre(
        make_ledger(servers, settings), sales, directory, hints, resources.background, SystemClock()
    )
    inventory = Inventory(directory, {Connector.HOSTED: hosted}, sales, settings.rules)

    server = GrpcServer(settings, resources.background)
    server.needs({"mongodb": sales.ready, "redis": servers.ping})
    server.add(
        "matinee.seat.v1.SeatService",
        SeatServicer(inventory),
        seat_pb2_grpc.add_SeatServiceServicer_to_server,
    )
    server.add(
        "matinee.theatre.v1.TheatreService",
        TheatreServicer(inventory, {name: frozenset(ids) for name, ids in settings.partner_theatres.items()}),
        theatre_pb2_grpc.add_TheatreServiceServicer_to_server,
    )
    resources.background.every("seat-changes", 0.5, hints.listen)
    hosted.run(resources.background)
    return server
