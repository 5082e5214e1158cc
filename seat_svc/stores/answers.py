"""What the scripts' answers mean."""

import datetime as dt
from typing import Final, NoReturn

from mesh.errors import RequestIdReused
from seat_svc.domain.seats import SeatDelta, SeatMap
from seat_svc.domain.show import Show
from seat_svc.errors import SeatBlocked, SeatsLost, SeatTaken, ShowClosed, UnknownHold
from seat_svc.ports import ClaimsOverdue, MapReading, ShowMissing, ShowOutdated
from seat_svc.stores.scripts import Answer

_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MILLISECOND: Final = dt.timedelta(milliseconds=1)


def milliseconds(span: dt.timedelta) -> int:
    """A span as the scripts take it."""
    return span // _MILLISECOND


def milliseconds_at(time: dt.datetime) -> int:
    """An instant as the scripts take it."""
    return (time - _EPOCH) // _MILLISECOND


def time_at(number: bytes) -> dt.datetime:
    """An instant that a script answered."""
    return _EPOCH + int(number) * _MILLISECOND


def parse_change(change: bytes) -> SeatDelta:
    """A change as the scripts write it: `sequence milliseconds seat=state,seat=state`."""
    sequence, time, seats = change.split(b" ")
    pairs = (pair.split(b"=") for pair in seats.split(b","))
    return SeatDelta(int(sequence), tuple((int(seat), int(state)) for seat, state in pairs), time_at(time))


def map_reading(answer: Answer, show: Show) -> MapReading:
    """The states that seat_map.lua or changes.lua read."""
    _, now, sequence, states, overdue_count = answer
    seat_map = SeatMap(show.show_id, show.layout.layout_id, states, int(sequence), time_at(now))
    return MapReading(seat_map, overdue_count)


def refuse(answer: Answer, show: Show) -> NoReturn:
    """Raises what a script's answer stands for when it did not do what it was asked."""
    match answer:
        case [b"MISSING"]:
            raise ShowMissing
        case [b"OUTDATED"]:
            raise ShowOutdated
        case [b"REUSED"]:
            raise RequestIdReused
        case [b"UNKNOWN"]:
            raise UnknownHold
        case [b"CLOSED"]:
            raise ShowClosed
        case [b"BLOCKED", *seats]:
            raise SeatBlocked(show.layout.seat_ids(seats))
        case [b"TAKEN", overdue_count, *seats]:
            _refuse_seats(SeatTaken(show.layout.seat_ids(seats)), overdue_count)
        case [b"LOST", overdue_count, *seats]:
            _refuse_seats(SeatsLost(show.layout.seat_ids(seats)), overdue_count)
    raise AssertionError(f"a script answered {answer!r}")


def _refuse_seats(refusal: SeatTaken | SeatsLost, overdue_count: int) -> NoReturn:
    raise ClaimsOverdue(refusal) if overdue_count else refusal
