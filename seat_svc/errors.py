"""What the seat inventory refuses, and why. Clients branch on `reason`."""

from collections.abc import Iterable

from mesh.errors import MatineeError


class _SeatsRefused(MatineeError):
    """A refusal that names the seats it is about, in metadata `seat_ids`."""

    problem = ""

    def __init__(self, seat_ids: Iterable[str]) -> None:
        self.seat_ids = tuple(seat_ids)
        named = ",".join(self.seat_ids)
        super().__init__(f"{self.problem}: {named}", seat_ids=named)


class SeatTaken(_SeatsRefused):
    """Somebody else holds, is buying or has bought these seats; nothing was changed."""

    code = "ABORTED"
    reason = "SEAT_TAKEN"
    problem = "seats are taken"


class SeatsLost(_SeatsRefused):
    """A hold ran out and others took these seats; nothing was sold."""

    code = "ABORTED"
    reason = "SEATS_LOST"
    problem = "seats went to somebody else"


class UnknownSeat(_SeatsRefused):
    """The show's layout, or the sale, has no such seats."""

    code = "NOT_FOUND"
    reason = "UNKNOWN_SEAT"
    problem = "no such seats"


class SeatBlocked(_SeatsRefused):
    """The theatre does not sell these seats."""

    code = "FAILED_PRECONDITION"
    reason = "SEAT_BLOCKED"
    problem = "seats are not for sale"


class LoneSeat(_SeatsRefused):
    """The pick would leave these seats alone, and the theatre refuses that."""

    code = "FAILED_PRECONDITION"
    reason = "LONE_SEAT"
    problem = "single seats would be left over"


class ShowClosed(MatineeError):
    """The show is over for sales, or was cancelled."""

    code = "FAILED_PRECONDITION"
    reason = "SHOW_CLOSED"

    def __init__(self) -> None:
        super().__init__("sales for this show have ended")


class HoldLimit(MatineeError):
    """More seats than one hold, or one holder in one show, may have; metadata `limit`."""

    code = "RESOURCE_EXHAUSTED"
    reason = "HOLD_LIMIT"

    def __init__(self, limit: int) -> None:
        super().__init__(f"at most {limit} seats may be held", limit=str(limit))


class UnknownHold(MatineeError):
    """There is no such hold, or no longer."""

    code = "NOT_FOUND"
    reason = "UNKNOWN_HOLD"

    def __init__(self) -> None:
        super().__init__("no such hold, or it is over")


class UnknownShow(MatineeError):
    """The catalogue knows no such show."""

    code = "NOT_FOUND"
    reason = "UNKNOWN_SHOW"

    def __init__(self) -> None:
        super().__init__("no such show")


class UnknownSale(MatineeError):
    """Nothing was sold to this booking."""

    code = "NOT_FOUND"
    reason = "UNKNOWN_SALE"

    def __init__(self) -> None:
        super().__init__("nothing was sold to this booking")


class NoSeatsLeft(MatineeError):
    """No group of that size is free side by side."""

    code = "NOT_FOUND"
    reason = "NO_SEATS_LEFT"

    def __init__(self) -> None:
        super().__init__("no such group of seats is free")


class WatcherTooSlow(MatineeError):
    """The reader fell so far behind that it was cut off; it may come again with its last sequence."""

    code = "RESOURCE_EXHAUSTED"
    reason = "WATCHER_TOO_SLOW"

    def __init__(self) -> None:
        super().__init__("read faster, or ask for a new snapshot")


class TheatreUnavailable(MatineeError):
    """The theatre's own system cannot be reached, or not by this installation."""

    code = "UNAVAILABLE"
    reason = "THEATRE_UNAVAILABLE"

    def __init__(self, theatre_id: str) -> None:
        super().__init__("the theatre cannot be reached", theatre_id=theatre_id)


class NotYourTheatre(MatineeError):
    """A partner asked for a theatre that is not one of its own."""

    code = "PERMISSION_DENIED"
    reason = "NOT_YOUR_THEATRE"

    def __init__(self) -> None:
        super().__init__("this theatre is not yours")


class NotOffered(MatineeError):
    """This server does not offer the call yet."""

    code = "UNIMPLEMENTED"
    reason = "NOT_OFFERED"

    def __init__(self) -> None:
        super().__init__("this server does not offer this call")
