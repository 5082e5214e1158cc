"""What a measurement says: the table that is printed and the JSON that is written."""

import json
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

_COLUMNS: Final = ("in flight", "per second", "p50 ms", "p95 ms", "p99 ms")
_LEAST_WIDTH: Final = 28


@dataclass(frozen=True, slots=True)
class Row:
    """One line: calls of a kind at a number in flight; times in milliseconds."""

    what: str
    in_flight: int
    per_second: float
    p50_ms: float
    p95_ms: float
    p99_ms: float

    @classmethod
    def of(cls, what: str, in_flight: int, per_second: float, latencies_ms: Iterable[float]) -> "Row":
        """From the latencies themselves."""
        ordered = sorted(latencies_ms)
        p50, p95, p99 = (round(percentile(ordered, part), 3) for part in (0.50, 0.95, 0.99))
        return cls(what, in_flight, round(per_second, 1), p50, p95, p99)

    def as_json(self) -> dict[str, Any]:
        """The row as the JSON file has it."""
        return {name: getattr(self, name) for name in Row.__slots__}


def percentile(ordered: Sequence[float], part: float) -> float:
    """The smallest value that at least this part of the ordered values does not exceed; 0 of none."""
    if not ordered:
        return 0.0
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


def median_ratio(numerators: Sequence[float], denominators: Sequence[float]) -> float:
    """The median of ratios of neighbours in time, which a machine's busy spells move less than means."""
    return statistics.median(
        above / below for above, below in zip(numerators, denominators, strict=True) if below > 0
    )


@dataclass(slots=True)
class Report:
    """A whole measurement.

    `facts` are further keys of the JSON, `notes` further lines of the print; `fault` says what went wrong
    in what was measured.
    """

    name: str
    rows: list[Row] = field(default_factory=list)
    ratios: dict[str, float] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    fault: str = ""

    def text(self) -> str:
        """The table, the ratios and the notes."""
        width = max([_LEAST_WIDTH, *(len(row.what) for row in self.rows)])
        lines = [f"{'what':<{width}}" + "".join(f"{column:>12}" for column in _COLUMNS)]
        lines += (
            f"{row.what:<{width}}{row.in_flight:>12}{row.per_second:>12,.0f}"
            f"{row.p50_ms:>12.2f}{row.p95_ms:>12.2f}{row.p99_ms:>12.2f}"
            for row in self.rows
        )
        if self.ratios:
            lines += ["", *(f"{name:<{width}}{ratio:>24.2f}" for name, ratio in self.ratios.items())]
        return "\n".join([*lines, *([""] if self.notes else []), *self.notes])

    def as_json(self) -> dict[str, Any]:
        """The JSON file's content."""
        ratios = {name: round(ratio, 4) for name, ratio in self.ratios.items()}
        return {
            "name": self.name,
            "rows": [row.as_json() for row in self.rows],
            "ratios": ratios,
            **self.facts,
        }

    def write(self, path: Path) -> None:
        """Writes the JSON file."""
        path.write_text(json.dumps(self.as_json(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def table(title: str, columns: Sequence[str], lines: Mapping[str, Sequence[float]], unit: str) -> list[str]:
    """A small table for the notes: one line for each name, numbers in `unit`."""
    head = f"{title + ', ' + unit:<{_LEAST_WIDTH + 8}}" + "".join(f"{column:>12}" for column in columns)
    return [
        head,
        *(
            f"  {name:<{_LEAST_WIDTH + 6}}" + "".join(f"{number:>12.1f}" for number in numbers)
            for name, numbers in lines.items()
        ),
    ]
