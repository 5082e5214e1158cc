"""Rules for a batch as a whole: which lines are refused, and what the others would change."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from catalog_svc.domain.imports.changed import change_problems
from catalog_svc.domain.imports.fields import Problem
from catalog_svc.domain.imports.known import Key, Known, key_of, references_of
from catalog_svc.domain.imports.records import Record, record_problems
from catalog_svc.domain.imports.references import reference_problems, show_of
from catalog_svc.domain.imports.timetable import overlaps
from catalog_svc.domain.movies import Movie
from catalog_svc.domain.places import City
from catalog_svc.domain.shows import Show, ShowPlan
from catalog_svc.domain.theatres import Layout, Screen, Theatre


@dataclass(frozen=True, slots=True)
class Line:
    """A record and where it stood, counted from 1."""

    number: int
    record: Record


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why the record of a line cannot be stored."""

    line: int
    problem: Problem


@dataclass(frozen=True, slots=True)
class Changes:
    """What is new or differs from what is stored."""

    records: Sequence[City | Movie | Theatre | Layout | Screen] = ()
    shows: Sequence[Show] = ()

    def __bool__(self) -> bool:
        return bool(self.records or self.shows)


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """What storing a batch would mean; with refusals nothing is stored."""

    refusals: Sequence[Refusal]
    changes: Changes


Flaws: TypeAlias = Mapping[int, Sequence[Problem]]
"""Line number → what is wrong with its record by itself; only lines with flaws."""


def flaws_in(lines: Iterable[Line]) -> Flaws:
    """Checks every line by itself."""
    return {line.number: problems for line in lines if (problems := record_problems(line.record))}


def plan_import(lines: Sequence[Line], flaws: Flaws, stored: Known) -> ImportPlan:
    """Checks every line without flaws against the other lines and against what is stored.

    A record that refers to a flawed one of the same batch is not looked at
    further: the flaw is told once, at its own line.
    """
    flawed = {key_of(line.record) for line in lines if line.number in flaws}
    refusals = [Refusal(number, problem) for number, problems in flaws.items() for problem in problems]
    refusals += _repeated(lines)
    known = stored.with_records(line.record for line in lines)
    shows: dict[int, Show] = {}
    for line in lines:
        if line.number in flaws or any(key in flawed for key in _reach(line.record, known)):
            continue
        problems = [*change_problems(line.record, stored), *reference_problems(line.record, known)]
        refusals += (Refusal(line.number, problem) for problem in problems)
        if isinstance(line.record, ShowPlan) and not problems:
            show = show_of(line.record, known)
            if show is not None:
                shows[line.number] = show
    refusals += _overlapping(shows, stored.screenings)
    if refusals:
        return ImportPlan(sorted(refusals, key=lambda refusal: refusal.line), Changes())
    return ImportPlan((), _changes(lines, shows.values(), stored))


def _reach(record: Record, known: Known) -> Iterator[Key]:
    """What the record refers to, and what that refers to in turn."""
    for key in references_of(record):
        yield key
        referred = known.get(key)
        if referred is not None:
            yield from _reach(referred, known)


def _repeated(lines: Iterable[Line]) -> Iterator[Refusal]:
    first: dict[Key, int] = {}
    for line in lines:
        before = first.setdefault(key_of(line.record), line.number)
        if before != line.number:
            yield Refusal(line.number, Problem(key_of(line.record).field, f"comes in line {before} too"))


def _overlapping(shows: Mapping[int, Show], screenings: Iterable[Show]) -> Iterator[Refusal]:
    lines = {show.plan.show_id: number for number, show in shows.items()}
    others = (show for show in screenings if show.plan.show_id not in lines)
    for show, other in overlaps([*shows.values(), *others]):
        for one, occupant in ((show, other), (other, show)):
            if one.plan.show_id in lines:
                text = f"the screen is taken by the show {occupant.plan.show_id!r} at that time"
                yield Refusal(lines[one.plan.show_id], Problem("show.start_time", text))
                break


def _changes(lines: Iterable[Line], shows: Iterable[Show], stored: Known) -> Changes:
    return Changes(
        records=[
            line.record
            for line in lines
            if not isinstance(line.record, ShowPlan) and stored.get(key_of(line.record)) != line.record
        ],
        shows=[show for show in shows if stored.shows.get(show.plan.show_id) != show],
    )
