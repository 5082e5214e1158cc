"""What is counted of hosted theatres."""

from types import TracebackType

from prometheus_client import Counter, Gauge

from mesh.errors import MatineeError

HOLDS = Counter("seat_holds", "Holds asked for, by outcome: HELD or the reason of the refusal.", ["outcome"])
CONFIRMS = Counter("seat_confirms", "Sales asked for, by outcome: SOLD or the reason.", ["outcome"])
SETTLEMENTS = Counter("seat_claim_settlements", "Overdue claims settled, by what MongoDB said.", ["outcome"])
REBUILDS = Counter("seat_show_rebuilds", "Shows rebuilt because the ledger did not know them.")
WATCHERS = Gauge("seat_watchers", "Streams of seat changes that are open.")
WATCHED_SHOWS = Gauge("seat_watched_shows", "Shows that these streams are about.")


class Counted:
    """Counts how what is done inside of it ends: by the word for success, or the refusal's reason."""

    def __init__(self, counter: Counter, success: str) -> None:
        self._counter = counter
        self._success = counter.labels(success)

    def __enter__(self) -> None:
        """Nothing is counted yet."""

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Counts; what is no refusal, the metrics of calls tell."""
        if error is None:
            self._success.inc()
        elif isinstance(error, MatineeError):
            self._counter.labels(error.reason).inc()
