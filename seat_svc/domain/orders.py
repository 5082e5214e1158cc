"""What callers ask for, once its fields are checked."""

import datetime as dt
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HoldOrder:
    """Seats to hold. `holder` is the holder's id made distinct between sellers (`Seller.own`)."""

    request_id: str
    seat_ids: tuple[str, ...]
    holder_id: str
    holder: str
    hold_for: dt.timedelta

    @property
    def content(self) -> str:
        """What a repeat of the request must be the same in."""
        return f"hold {self.holder} {int(self.hold_for.total_seconds())} {','.join(self.seat_ids)}"


@dataclass(frozen=True, slots=True)
class InventoryRules:
    """The installation's limits and times."""

    hold_for: dt.timedelta = dt.timedelta(seconds=300)
    seats_per_hold: int = 10
    seats_per_holder: int = 10
    """Live seats of one holder in one show."""
    sales_end_after_start: dt.timedelta = dt.timedelta(minutes=10)
