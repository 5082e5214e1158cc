"""The figures of `./matinee faults`."""

import json
from pathlib import Path

import pytest

from stack.errors import StackError
from stack.faults import faults, read_figures, table
from tests.fixtures.fault_figures import FaultFigures


def test_figures_are_shown_in_columns_with_their_sums(tmp_path: Path) -> None:
    file = tmp_path / "figures"
    taken = FaultFigures(file)
    taken.add("seats: redis", {"calls": 1200, "violations": 0})
    taken.add("queues", {"messages": 7, "violations": 0})

    assert table(read_figures(file)).splitlines() == [
        "              calls  violations  messages",
        "seats: redis  1,200           0",
        "queues                        0         7",
        "in all        1,200           0         7",
    ]


def test_the_last_word_of_a_test_counts(tmp_path: Path) -> None:
    file = tmp_path / "figures"
    for calls in (1, 2):
        with file.open("a") as lines:
            lines.write(json.dumps({"what": "seats", "figures": {"calls": calls}}) + "\n")
    assert read_figures(file) == {"seats": {"calls": 2}}


def test_without_figures_it_says_so(tmp_path: Path) -> None:
    assert table(read_figures(tmp_path / "none")) == "no figures: no test came to any"
    FaultFigures(None).add("nobody asked", {"calls": 1})


def test_outside_of_a_checkout_it_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="run from a checkout"):
        faults(tmp_path, 1)
