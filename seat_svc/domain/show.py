"""A show, as far as its seats are concerned."""

import datetime as dt
import hashlib
from dataclasses import dataclass
from enum import Enum
from functools import cached_property

from seat_svc.domain.layout import Layout


class Connector(Enum):
    """How a theatre's seats are reached."""

    HOSTED = "hosted"
    API = "api"
    DATABASE = "database"


@dataclass(frozen=True)
class Show:
    """What the catalogue says of a show at one moment."""

    show_id: str
    theatre_id: str
    layout: Layout
    start_time: dt.datetime
    business_date: dt.date
    cancelled: bool = False
    refuse_lone_seats: bool = False
    connector: Connector = Connector.HOSTED

    @cached_property
    def revision(self) -> str:
        """Changes whenever anything does that a hold depends on."""
        facts = (self.layout.layout_id, self.start_time.isoformat(), self.cancelled, self.refuse_lone_seats)
        return hashlib.blake2b(repr(facts).encode(), digest_size=8).hexdigest()
