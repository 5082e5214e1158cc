"""Shows as catalog_svc knows them."""

from matinee.catalog.v1 import catalog_pb2, catalog_pb2_grpc

from booking_svc.convert import show_from
from booking_svc.domain.show import ShowOnSale
from booking_svc.errors import CatalogUnavailable, UnknownShow
from mesh.errors import RemoteError


class CatalogShowDirectory:
    """The `ShowDirectory` port. Always asks: a price must be the present one when it is promised."""

    def __init__(self, catalog: "catalog_pb2_grpc.CatalogServiceAsyncStub") -> None:
        self._catalog = catalog

    async def find(self, show_id: str) -> ShowOnSale:
        """See `ShowDirectory.find`."""
        try:
            response = await self._catalog.GetShow(catalog_pb2.GetShowRequest(show_id=show_id))
        except RemoteError as error:
            if error.code == "NOT_FOUND":
                raise UnknownShow("no such show", show_id=show_id) from None
            if error.outcome_unknown:
                raise CatalogUnavailable("the catalogue is not answering") from error
            raise
        return show_from(response)
