"""The composition root."""

from matinee.catalog.v1 import admin_pb2_grpc, catalog_pb2_grpc

from catalog_svc.domain.paging import PageTokens
from catalog_svc.ports import CityLocator
from catalog_svc.servicer.admin import CatalogAdminServicer
from catalog_svc.servicer.catalog import CatalogServicer
from catalog_svc.settings import Settings
from catalog_svc.stores.ip_locations import MaxMindLocations, NoIpLocations
from catalog_svc.stores.mongo import MongoCatalogueArchive
from catalog_svc.stores.remembered import RememberedCatalogue
from mesh.clock import Clock, SystemClock
from mesh.mongo import close, open_client
from mesh.run import Process, Resources
from mesh.server import GrpcServer

NAME = "catalog_svc"


async def build(settings: Settings, resources: Resources) -> Process:
    """The catalogue, by the machine's clock."""
    return await build_with_clock(settings, resources, SystemClock())


async def build_with_clock(settings: Settings, resources: Resources, clock: Clock) -> Process:
    """The catalogue, by the given clock."""
    client = open_client(settings.mongo_url, NAME, settings.mongo_driver)
    resources.push_async_callback(close, client)
    archive = MongoCatalogueArchive(client, settings.mongo_database)
    catalogue = RememberedCatalogue(archive)
    server = GrpcServer(settings, resources.background)
    server.needs({"mongodb": archive.ready})
    server.add(
        "matinee.catalog.v1.CatalogService",
        CatalogServicer(
            catalogue,
            _locator(settings, resources),
            PageTokens(settings.mesh_token.get_secret_value().encode()),
            clock,
            settings.sales_end_after_start,
        ),
        catalog_pb2_grpc.add_CatalogServiceServicer_to_server,
    )
    server.add(
        "matinee.catalog.v1.CatalogAdminService",
        CatalogAdminServicer(archive, catalogue, clock),
        admin_pb2_grpc.add_CatalogAdminServiceServicer_to_server,
    )
    return server


def _locator(settings: Settings, resources: Resources) -> CityLocator:
    if settings.city_database is None:
        return NoIpLocations()
    return resources.enter_context(MaxMindLocations(settings.city_database))
