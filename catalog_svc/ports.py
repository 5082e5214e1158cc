"""What the use cases need from outside."""

import datetime as dt
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Protocol, TypeAlias, TypeVar

from catalog_svc.domain.imports.batch import Changes
from catalog_svc.domain.imports.known import Known
from catalog_svc.domain.imports.records import Record
from catalog_svc.domain.movie_index import MovieIndex
from catalog_svc.domain.places import GeoPoint
from catalog_svc.domain.programme import Places, Programme
from catalog_svc.domain.revisions import Revisions
from catalog_svc.domain.schedule import ScheduleChange
from catalog_svc.domain.shows import Show, ShowPlan
from catalog_svc.domain.theatres import Layout, Theatre

T = TypeVar("T")
IpAddress: TypeAlias = IPv4Address | IPv6Address


class Catalogue(Protocol):
    """The catalogue as readers see it; at most about a second behind the store.

    Every call may raise StoreUnavailable.
    """

    async def places(self) -> Places:
        """Cities, theatres and screens."""
        ...

    async def movies(self) -> MovieIndex:
        """All movies."""
        ...

    async def programme(self, city_id: str | None, since: dt.datetime) -> Programme:
        """Coming shows by movie, in a city or (None) everywhere; cancelled ones do not come."""
        ...

    async def shows(
        self, city_id: str, movie_id: str, business_date: dt.date, since: dt.datetime
    ) -> Sequence[Show]:
        """A movie's coming shows of a business date, by start time."""
        ...

    async def show(self, show_id: str) -> Show | None:
        """One show as it is in the store now, also a past or cancelled one."""
        ...

    async def remembered_show(self, show_id: str, at_least: Revisions) -> Show | None:
        """As `show`, but it may be as old as the revision; so may what is read of other things after it."""
        ...

    async def revisions(self) -> Revisions:
        """What the other reads are of."""
        ...

    async def layout(self, layout_id: str) -> Layout | None:
        """One layout."""
        ...

    async def schedule_changes(self, after_sequence: int, limit: int) -> Sequence[ScheduleChange]:
        """Changes of shows after that place, in order."""
        ...

    def expire(self) -> None:
        """Makes the next reads look at the store again: something was changed."""
        ...


@dataclass(frozen=True, slots=True)
class RequestKey:
    """A request's id, and a digest of its content by which a true repeat is known."""

    request_id: str
    digest: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a request with this digest was answered; `show` is the show as it was then."""

    digest: str
    show: Show | None = None


class CatalogueChange(Protocol):
    """One transaction: all that is saved in it counts, or nothing; nobody else changes anything meanwhile."""

    async def receipt(self, request_id: str) -> Receipt | None:
        """The receipt of an earlier request, kept for some days."""
        ...

    async def known(self, records: Iterable[Record]) -> Known:
        """What is stored of the records and of what they refer to."""
        ...

    async def show(self, show_id: str) -> tuple[Show, Theatre] | None:
        """A show and its theatre."""
        ...

    async def screenings(self, plans: Sequence[ShowPlan]) -> Sequence[Show]:
        """Stored shows that may be on the plans' screens while these run; some may miss them."""
        ...

    async def save(self, changes: Changes) -> None:
        """Stores the changes."""
        ...

    async def reschedule(self, former: Show, show: Show, reason: str) -> None:
        """Stores a show that was cancelled or moved, and the change in the list of changes."""
        ...

    async def keep_receipt(self, request_id: str, receipt: Receipt) -> None:
        """Remembers the answer for repeats."""
        ...


class CatalogueArchive(Protocol):
    """Where the catalogue is kept."""

    async def change(self, steps: Callable[[CatalogueChange], Awaitable[T]], at_most_seconds: float) -> T:
        """Takes the steps in one transaction; they may be taken more than once, so they do nothing else.

        Raises what they raise, with nothing saved, or StoreUnavailable.
        """
        ...


class CityLocator(Protocol):
    """Knows roughly where an internet address is."""

    def locate(self, address: IpAddress) -> GeoPoint | None:
        """Where it is, or None."""
        ...
