"""Who may see and change a booking."""

import hmac
from dataclasses import dataclass, field, replace

from booking_svc.domain.booking import Booking
from booking_svc.domain.people import Address, SignIn, addresses_of


@dataclass(frozen=True, slots=True)
class Viewer:
    """What a caller shows. Empty proves nothing.

    Either the buyer's id or the booking's access key; besides, what a sign-in
    has proved: an address, and the buyers that its browser was before.
    """

    buyer_id: str = field(default="", repr=False)
    access_key: str = field(default="", repr=False)
    address: Address | None = field(default=None, repr=False)
    earlier_buyer_ids: tuple[str, ...] = field(default=(), repr=False)

    def signed_in(self, sign_in: SignIn) -> "Viewer":
        """The same caller with what the sign-in proves."""
        return replace(self, address=sign_in.address, earlier_buyer_ids=sign_in.earlier_buyer_ids)

    @property
    def buyer_ids(self) -> tuple[str, ...]:
        """The buyers that the caller is or was."""
        return tuple(dict.fromkeys(each for each in (self.buyer_id, *self.earlier_buyer_ids) if each))

    def may_see(self, booking: Booking) -> bool:
        """Secrets are compared in constant time, so that the answer's time tells nothing."""
        return (
            _same(self.buyer_id, booking.buyer_id)
            or _same(self.access_key, booking.access_key)
            or any(_same(buyer_id, booking.buyer_id) for buyer_id in self.earlier_buyer_ids)
            or self._has_the_address_of(booking)
        )

    def _has_the_address_of(self, booking: Booking) -> bool:
        if self.address is None:
            return False
        return any(address.key == self.address.key for address in addresses_of(booking.contact))


def _same(given: str, expected: str) -> bool:
    return bool(given) and hmac.compare_digest(given.encode(), expected.encode())
