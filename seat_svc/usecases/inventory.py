"""What every use case works with."""

from dataclasses import dataclass, field

from seat_svc.domain.fields import checked_show_id
from seat_svc.domain.orders import InventoryRules
from seat_svc.domain.seller import Seller
from seat_svc.domain.show import Show
from seat_svc.errors import TheatreUnavailable
from seat_svc.ports import Connectors, Sales, ShowDirectory, TheatreConnector


@dataclass(frozen=True, slots=True)
class Inventory:
    """The parts that the use cases need, and the installation's rules."""

    directory: ShowDirectory
    connectors: Connectors
    sales: Sales
    rules: InventoryRules = field(default_factory=InventoryRules)

    async def reach(self, show_id: str, seller: Seller) -> tuple[Show, TheatreConnector]:
        """The show and the way to its seats.

        Raises `InvalidField`, `UnknownShow`, `NotYourTheatre`, `TheatreUnavailable`.
        """
        show = await self.directory.find(checked_show_id(show_id))
        seller.require(show.theatre_id)
        connector = self.connectors.get(show.connector)
        if connector is None:
            raise TheatreUnavailable(show.theatre_id)
        return show, connector
