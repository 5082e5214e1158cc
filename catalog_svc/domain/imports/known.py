"""What the records of a batch may refer to."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias, TypeVar

from catalog_svc.domain.imports.records import Record
from catalog_svc.domain.movies import Movie
from catalog_svc.domain.places import City
from catalog_svc.domain.shows import Show, ShowPlan
from catalog_svc.domain.theatres import Layout, Screen, Theatre

Kind: TypeAlias = type[City] | type[Movie] | type[Theatre] | type[Layout] | type[Screen] | type[ShowPlan]
R = TypeVar("R", City, Movie, Theatre, Layout, Screen)


class Key(NamedTuple):
    """What makes two records the same one."""

    kind: Kind
    id: str

    @property
    def field(self) -> str:
        """The field of its record that holds the id."""
        name = "show" if self.kind is ShowPlan else self.kind.__name__.lower()
        return f"{name}.{name}_id"


@dataclass(frozen=True, slots=True)
class Known:
    """Stored records that a batch touches or refers to; with the batch's own put over them.

    `slugs` tells which movie has a slug, `screenings` are stored shows that
    may be on the batch's screens while its shows run, `theatres_in_use` have
    shows.
    """

    records: Mapping[Key, Record] = field(default_factory=dict)
    shows: Mapping[str, Show] = field(default_factory=dict)
    slugs: Mapping[str, str] = field(default_factory=dict)
    screenings: Sequence[Show] = ()
    theatres_in_use: frozenset[str] = frozenset()

    def with_records(self, records: Iterable[Record]) -> "Known":
        """The same with the batch's records; of two movies with one slug the first keeps it."""
        merged, slugs = dict(self.records), dict(self.slugs)
        for record in records:
            merged[key_of(record)] = record
            if isinstance(record, Movie):
                slugs.setdefault(record.slug, record.movie_id)
        return Known(merged, self.shows, slugs, self.screenings, self.theatres_in_use)

    def get(self, key: Key) -> Record | None:
        """The record with that key."""
        return self.records.get(key)

    def find(self, kind: type[R], record_id: str) -> R | None:
        """The record of that kind with that id."""
        record = self.records.get(Key(kind, record_id))
        return record if isinstance(record, kind) else None


def key_of(record: Record) -> Key:
    """The record's key."""
    match record:
        case City():
            return Key(City, record.city_id)
        case Movie():
            return Key(Movie, record.movie_id)
        case Theatre():
            return Key(Theatre, record.theatre_id)
        case Layout():
            return Key(Layout, record.layout_id)
        case Screen():
            return Key(Screen, record.screen_id)
        case ShowPlan():
            return Key(ShowPlan, record.show_id)


def references_of(record: Record) -> Iterator[Key]:
    """The keys of what the record names."""
    match record:
        case Theatre():
            yield Key(City, record.city_id)
        case Screen():
            yield Key(Theatre, record.theatre_id)
            yield Key(Layout, record.layout_id)
        case ShowPlan():
            yield Key(Movie, record.movie_id)
            yield Key(Theatre, record.theatre_id)
            yield Key(Screen, record.screen_id)
