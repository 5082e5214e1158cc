"""The rules that an operator may choose."""

import datetime as dt
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from booking_svc.domain.booking import Hold
from booking_svc.domain.duties import Pace
from mesh.errors import InvalidField

_LONGEST_URL = 2000


@dataclass(frozen=True, slots=True)
class Terms:
    """What is stored with each booking when it is made, and what every process follows."""

    cancel_minutes: int
    """A buyer may cancel until so many minutes before the start."""
    hold_margin_seconds: float
    """Payment ends so long before the hold does: time to close the session while the seats are held."""
    confirm_patience_seconds: float
    """A paid booking waits so long for a theatre that is away; then the money goes back."""
    most_payments: int
    """So many payments may be started for one booking."""
    public_url: str
    """Where the browser's pages live: nobody is sent anywhere else."""
    pace: Pace

    def cancel_until(self, start_time: dt.datetime) -> dt.datetime:
        """Until when a booking of a show with that start may be cancelled."""
        return start_time - dt.timedelta(minutes=self.cancel_minutes)

    def hold_by_our_clock(self, hold_id: str, asked_at: dt.datetime, time_left: dt.timedelta) -> Hold:
        """A hold of which the inventory says how long it lasts.

        Counted from the moment of asking, so that our end is never later than
        the inventory's, however its clock and ours differ.
        """
        expire_time = asked_at + time_left
        return Hold(hold_id, expire_time, expire_time - dt.timedelta(seconds=self.hold_margin_seconds))

    def checked_return_url(self, text: str) -> str:
        """The address if it lies under the public one; raises `InvalidField`."""
        problem = InvalidField("return_url", "must lie under this installation's public address")
        if (
            len(text) > _LONGEST_URL
            or not text.isascii()
            or any(char in ' \\"<>\x7f' or char < "!" for char in text)
        ):
            raise problem
        try:
            given, ours = urlsplit(text), urlsplit(self.public_url)
            same_origin = _origin(given) == _origin(ours)
        except ValueError:
            raise problem from None
        inside = given.path.startswith(ours.path.rstrip("/") + "/") and ".." not in given.path.split("/")
        if not same_origin or not inside or "@" in given.netloc:
            raise problem
        return text


def _origin(url: SplitResult) -> tuple[str, str | None, int | None]:
    default = {"http": 80, "https": 443}.get(url.scheme)
    return url.scheme, url.hostname, url.port or default
