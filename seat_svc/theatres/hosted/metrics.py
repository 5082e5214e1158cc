"""What is counted of hosted theatres."""

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import Counter, Gauge

from mesh.errors import MatineeError

HOLDS = Counter("seat_holds", "Holds asked for, by outcome: HELD or the reason of the refusal.", ["outcome"])
CONFIRMS = Counter("seat_confirms", "Sales asked for, by outcome: SOLD or the reason.", ["outcome"])
SETTLEMENTS = Counter("seat_claim_settlements", "Overdue claims settled, by what MongoDB said.", ["outcome"])
REBUILDS = Counter("seat_show_rebuilds", "Shows rebuilt because the ledger did not know them.")
WATCHERS = Gauge("seat_watchers", "Streams of seat changes that are open.")
WATCHED_SHOWS = Gauge("seat_watched_shows", "Shows that these streams are about.")


@contextmanager
def counted(counter: Counter, success: str) -> Iterator[None]:
    """Counts how what is done inside ends: the word for success, or the reason of the refusal."""
    try:
        yield
    except MatineeError as refusal:
        counter.labels(refusal.reason).inc()
        raise
    counter.labels(success).inc()
