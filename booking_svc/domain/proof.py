"""Who may see and change a booking."""

import hmac
from dataclasses import dataclass, field

from booking_svc.domain.booking import Booking


@dataclass(frozen=True, slots=True)
class Viewer:
    """What a caller shows: the buyer's id, or the booking's access key. Empty proves nothing."""

    buyer_id: str = field(default="", repr=False)
    access_key: str = field(default="", repr=False)

    def may_see(self, booking: Booking) -> bool:
        """Compared in constant time, so that the answer's time tells nothing."""
        return _same(self.buyer_id, booking.buyer_id) or _same(self.access_key, booking.access_key)


def _same(given: str, expected: str) -> bool:
    return bool(given) and hmac.compare_digest(given.encode(), expected.encode())
