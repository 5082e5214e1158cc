"""What the catalogue refuses."""

from mesh.errors import MatineeError

_LONGEST_SHOWN = 80


def _shown(given: str) -> str:
    """The start of what a caller sent: an error travels in headers, which hold a few kilobytes."""
    return given if len(given) <= _LONGEST_SHOWN else f"{given[:_LONGEST_SHOWN]}…"


class UnknownCity(MatineeError):
    """No such city, or no theatre in it."""

    code = "NOT_FOUND"
    reason = "UNKNOWN_CITY"

    def __init__(self, city_id: str) -> None:
        super().__init__(f"there is no city {_shown(city_id)!r}", city_id=_shown(city_id))


class CityNotLocated(MatineeError):
    """It is not known which city is near."""

    code = "NOT_FOUND"
    reason = "CITY_NOT_LOCATED"


class UnknownMovie(MatineeError):
    """No such movie."""

    code = "NOT_FOUND"
    reason = "UNKNOWN_MOVIE"

    def __init__(self, key: str) -> None:
        super().__init__(f"there is no movie {_shown(key)!r}", movie=_shown(key))


class UnknownShow(MatineeError):
    """No such show."""

    code = "NOT_FOUND"
    reason = "UNKNOWN_SHOW"

    def __init__(self, show_id: str) -> None:
        super().__init__(f"there is no show {_shown(show_id)!r}", show_id=_shown(show_id))


class ShowCancelled(MatineeError):
    """The show was cancelled, so it cannot be moved."""

    code = "FAILED_PRECONDITION"
    reason = "SHOW_CANCELLED"

    def __init__(self, show_id: str) -> None:
        super().__init__(f"the show {show_id!r} was cancelled", show_id=show_id)


class ScreenOccupied(MatineeError):
    """Another show is on the screen at that time."""

    code = "FAILED_PRECONDITION"
    reason = "SCREEN_OCCUPIED"

    def __init__(self, show_id: str, other_show_id: str) -> None:
        super().__init__(
            f"the show {other_show_id!r} is on the screen at that time",
            show_id=show_id,
            other_show_id=other_show_id,
        )


class InvalidPageToken(MatineeError):
    """The page token was not made here, or for another query."""

    code = "INVALID_ARGUMENT"
    reason = "INVALID_PAGE_TOKEN"

    def __init__(self) -> None:
        super().__init__("the page token does not belong to this query", field="page_token")


class BatchTooLarge(MatineeError):
    """A batch of an import has more records than one transaction should."""

    code = "INVALID_ARGUMENT"
    reason = "BATCH_TOO_LARGE"

    def __init__(self, most: int) -> None:
        super().__init__(f"a batch holds at most {most} records", field="records", most=str(most))


class SyncNotAvailable(MatineeError):
    """Fetching a partner's shows is not offered by this server."""

    code = "UNIMPLEMENTED"
    reason = "SYNC_NOT_AVAILABLE"

    def __init__(self) -> None:
        super().__init__("this server does not fetch shows from partner theatres; import them instead")
