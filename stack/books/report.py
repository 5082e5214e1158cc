"""What a comparison says to people, and as JSON."""

import datetime as dt
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from mesh.currencies import plain
from stack.books.records import Comparison, Finding

_MOST_UNDER_WAY: Final = 20


def lines(comparison: Comparison, now: dt.datetime) -> Iterator[str]:
    """One line for each figure, currency, thing under way and difference."""
    yield "compared: " + ", ".join(f"{count:,} {what}" for what, count in comparison.figures.items())
    for currency, sums in sorted(comparison.sums.items()):
        shown = (f"{what} {plain(units, currency)}" for what, units in sums.items())
        yield f"  {currency}: " + ", ".join(shown)
    if comparison.under_way:
        yield f"under way: {len(comparison.under_way):,}"
        for finding in comparison.under_way[:_MOST_UNDER_WAY]:
            yield f"  {_line(finding)}{_age(finding, now)}"
        if len(comparison.under_way) > _MOST_UNDER_WAY:
            yield f"  and {len(comparison.under_way) - _MOST_UNDER_WAY:,} more"
    yield f"differences: {len(comparison.differences) or 'none'}"
    for finding in comparison.differences:
        yield f"  {_line(finding)}{_age(finding, now)}"


def as_json(comparison: Comparison, now: dt.datetime) -> dict[str, Any]:
    """The same for programs; amounts in minor units."""
    return {
        "time": now.isoformat(),
        "balanced": not comparison.differences,
        "compared": dict(comparison.figures),
        "sums": {currency: dict(sums) for currency, sums in sorted(comparison.sums.items())},
        "under_way": [_object(finding) for finding in comparison.under_way],
        "differences": [_object(finding) for finding in comparison.differences],
    }


def write_json(file: Path, comparison: Comparison, now: dt.datetime) -> None:
    """Writes `as_json`."""
    file.write_text(json.dumps(as_json(comparison, now), indent=1) + "\n")


def _line(finding: Finding) -> str:
    return f"{finding.rule} {_ids(finding.ids)}: {finding.told}"


def _ids(ids: Mapping[str, str]) -> str:
    return " ".join(f"{name}={value}" for name, value in ids.items())


def _age(finding: Finding, now: dt.datetime) -> str:
    if finding.under_way_since is None:
        return ""
    seconds = (now - finding.under_way_since).total_seconds()
    return f" (for {seconds:,.0f} s)" if seconds > 0 else ""


def _object(finding: Finding) -> dict[str, Any]:
    since = finding.under_way_since
    return {
        "rule": finding.rule,
        "ids": dict(finding.ids),
        "told": finding.told,
        "since": since.isoformat() if since else None,
    }
