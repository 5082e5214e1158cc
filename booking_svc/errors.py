"""What booking_svc refuses, and why. Clients branch on `reason`."""

from collections.abc import Iterable, Mapping
from typing import Final

from mesh.errors import MatineeError
from mesh.money import Money


class TryAgain(MatineeError):
    """Somebody that we need does not answer; what was asked may have happened or not."""

    code = "UNAVAILABLE"
    reason = "DEPENDENCY_UNAVAILABLE"


class NotificationsUnavailable(TryAgain):
    """Messages cannot be sent at this moment."""


class SeatServiceUnavailable(TryAgain):
    """The seat inventory does not answer."""


class CatalogUnavailable(TryAgain):
    """The catalogue does not answer."""


class TheatreUnavailable(TryAgain):
    """The show's theatre cannot be reached."""

    reason = "THEATRE_UNAVAILABLE"


class PaymentProviderUnavailable(TryAgain):
    """The payment provider does not answer."""

    reason = "PAYMENT_PROVIDER_UNAVAILABLE"


class BookingBusy(TryAgain):
    """The same booking is being changed by others at this very moment."""

    reason = "BOOKING_BUSY"


class UnknownBooking(MatineeError):
    """There is no such booking, or it is somebody else's: the two are not told apart."""

    code = "NOT_FOUND"
    reason = "UNKNOWN_BOOKING"

    def __init__(self) -> None:
        super().__init__("no such booking")


class UnknownShow(MatineeError):
    """The catalogue knows no such show."""

    code = "NOT_FOUND"
    reason = "UNKNOWN_SHOW"


class StateForbids(MatineeError):
    """The booking's state does not allow it; metadata `state`."""

    code = "FAILED_PRECONDITION"
    reason = "BOOKING_STATE"

    def __init__(self, state: str) -> None:
        super().__init__(f"a booking that is {state} does not allow this", state=state)


class HoldExpired(MatineeError):
    """The time to pay is over."""

    code = "FAILED_PRECONDITION"
    reason = "HOLD_EXPIRED"

    def __init__(self) -> None:
        super().__init__("the seats are no longer held")


class CancelTooLate(MatineeError):
    """The show starts too soon, or has started."""

    code = "FAILED_PRECONDITION"
    reason = "CANCEL_TOO_LATE"

    def __init__(self) -> None:
        super().__init__("it is too late to cancel this booking")


class RefundChanged(MatineeError):
    """Something else would go back than the buyer was told; metadata `minor_units`, `currency_code`."""

    code = "FAILED_PRECONDITION"
    reason = "REFUND_CHANGED"

    def __init__(self, refund: Money) -> None:
        super().__init__(
            "another amount would go back by now; look at it again",
            minor_units=str(refund.minor_units),
            currency_code=refund.currency_code,
        )


class PaymentMethodRefused(MatineeError):
    """The provider does not take this payment by this method; another one may do."""

    code = "FAILED_PRECONDITION"
    reason = "PAYMENT_METHOD_REFUSED"

    def __init__(self) -> None:
        super().__init__("the payment provider does not take this payment by this method")


class PaymentLimit(MatineeError):
    """One booking may be tried to be paid only so often."""

    code = "RESOURCE_EXHAUSTED"
    reason = "PAYMENT_LIMIT"

    def __init__(self, limit: int) -> None:
        super().__init__(f"at most {limit} payments may be started", limit=str(limit))


class WatcherLimit(MatineeError):
    """This process already streams as many bookings as it may."""

    code = "RESOURCE_EXHAUSTED"
    reason = "WATCHER_LIMIT"

    def __init__(self) -> None:
        super().__init__("too many bookings are being watched; ask again later")


class WebhookSignatureInvalid(MatineeError):
    """A payment event was not signed by the provider, or too long ago; nothing was stored."""

    code = "UNAUTHENTICATED"
    reason = "WEBHOOK_SIGNATURE"

    def __init__(self) -> None:
        super().__init__("the signature does not fit")


class UnknownProvider(MatineeError):
    """No such payment provider is configured."""

    code = "NOT_FOUND"
    reason = "UNKNOWN_PROVIDER"

    def __init__(self) -> None:
        super().__init__("no such payment provider")


class PageTokenInvalid(MatineeError):
    """The page token is not one that was given out."""

    code = "INVALID_ARGUMENT"
    reason = "INVALID_PAGE_TOKEN"

    def __init__(self) -> None:
        super().__init__("page_token is not one of ours")


class ChannelNotOffered(MatineeError):
    """Messages do not go out that way here."""

    code = "UNIMPLEMENTED"
    reason = "CHANNEL_NOT_OFFERED"

    def __init__(self) -> None:
        super().__init__("messages of this kind are not offered")


class SignInLimit(MatineeError):
    """Too many codes were asked for; metadata `retry_seconds`."""

    code = "RESOURCE_EXHAUSTED"
    reason = "SIGN_IN_LIMIT"

    def __init__(self, retry_seconds: int) -> None:
        super().__init__("too many codes were asked for; try later", retry_seconds=str(retry_seconds))


class WrongCode(MatineeError):
    """It is not the code that was sent; metadata `tries_left`."""

    code = "INVALID_ARGUMENT"
    reason = "WRONG_CODE"

    def __init__(self, tries_left: int) -> None:
        super().__init__("this is not the code", tries_left=str(tries_left))


class SignInOver(MatineeError):
    """No code can be entered any more: too late, too many tries, used, replaced, or never sent."""

    code = "FAILED_PRECONDITION"
    reason = "SIGN_IN_OVER"

    def __init__(self) -> None:
        super().__init__("this code is over; ask for a new one")


class NotSignedIn(MatineeError):
    """The sign-in is over, or never was."""

    code = "UNAUTHENTICATED"
    reason = "NOT_SIGNED_IN"

    def __init__(self) -> None:
        super().__init__("nobody is signed in")


class SignInStale(MatineeError):
    """The person signed in too long ago for this."""

    code = "FAILED_PRECONDITION"
    reason = "SIGN_IN_STALE"

    def __init__(self) -> None:
        super().__init__("sign in again first")


class LiveBookings(MatineeError):
    """The person still has bookings to use, or money under way; metadata `count`."""

    code = "FAILED_PRECONDITION"
    reason = "LIVE_BOOKINGS"

    def __init__(self, count: int) -> None:
        super().__init__("there are bookings that are still needed", count=str(count))


class PaymentRefused(Exception):
    """The provider will not open this payment, now or later; no session exists."""


class SeatsRefused(MatineeError):
    """The seat inventory refused the seats; nothing is held. Metadata as it was given there."""

    code = "FAILED_PRECONDITION"
    reason = "SEATS_REFUSED"


class SeatTaken(SeatsRefused):
    """Somebody else holds or has bought these seats; metadata `seat_ids`."""

    code = "ABORTED"
    reason = "SEAT_TAKEN"


class SeatBlocked(SeatsRefused):
    """The theatre does not sell these seats; metadata `seat_ids`."""

    reason = "SEAT_BLOCKED"


class LoneSeat(SeatsRefused):
    """The pick would leave single seats over; metadata `seat_ids`."""

    reason = "LONE_SEAT"


class ShowClosed(SeatsRefused):
    """Sales for the show have ended, or it was cancelled."""

    reason = "SHOW_CLOSED"


class HoldLimit(SeatsRefused):
    """The buyer holds as many seats as anybody may; metadata `limit`."""

    code = "RESOURCE_EXHAUSTED"
    reason = "HOLD_LIMIT"


class UnknownSeats(SeatsRefused):
    """The show has no such seats; metadata `seat_ids`."""

    code = "NOT_FOUND"
    reason = "UNKNOWN_SEAT"


class ShowUnknownToSeats(SeatsRefused):
    """The seat inventory knows no such show."""

    code = "NOT_FOUND"
    reason = "UNKNOWN_SHOW"


class UnknownSeat(UnknownSeats):
    """Seats that the show's layout does not have."""

    def __init__(self, seat_ids: Iterable[str]) -> None:
        named = ",".join(seat_ids)
        super().__init__(f"no such seats: {named}", seat_ids=named)


class SeatsLost(Exception):
    """A paid booking's seats cannot be had: `reason` says why, for its refund."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


_REFUSALS: Final[Mapping[str, type[SeatsRefused]]] = {
    kind.reason: kind
    for kind in (SeatTaken, SeatBlocked, LoneSeat, ShowClosed, HoldLimit, UnknownSeats, ShowUnknownToSeats)
}


def seats_refused(reason: str, message: str, facts: Mapping[str, str]) -> SeatsRefused:
    """The error for a refusal of the seat inventory, as it came or as it was stored."""
    return _REFUSALS.get(reason, SeatsRefused)(message, **facts)
