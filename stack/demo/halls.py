"""Halls drawn as text: one line for each row, the front row first.

``s`` standard, ``p`` premium, ``r`` recliner, ``w`` a place for a wheelchair, ``c`` a companion's seat
beside it (both at the standard price), a space the width of a seat without one. A row that begins with
``-`` is shifted by half a seat.
"""

from functools import cache
from pathlib import Path
from string import ascii_uppercase
from typing import Final

from matinee.type.v1 import layout_pb2

_FOLDER: Final = Path(__file__).with_name("halls")
_CATEGORIES: Final = {"standard": "Standard", "premium": "Premium", "recliner": "Recliner"}
_CATEGORY_OF: Final = {"s": "standard", "w": "standard", "c": "standard", "p": "premium", "r": "recliner"}
_ROW_DEPTH: Final = 1.0


@cache
def layouts() -> dict[str, layout_pb2.Layout]:
    """Every hall's layout by its id, which ends with the number of seats."""
    return {
        file.stem: _layout(file.stem, file.read_text(encoding="utf-8"))
        for file in sorted(_FOLDER.glob("*.txt"))
    }


def _layout(layout_id: str, drawing: str) -> layout_pb2.Layout:
    rows = [line for line in drawing.splitlines() if not line.startswith("#")]
    seats = [seat for index, row in enumerate(rows) for seat in _row(ascii_uppercase[index], index, row)]
    used = {seat.category_id for seat in seats}
    return layout_pb2.Layout(
        layout_id=layout_id,
        seats=seats,
        categories=[
            layout_pb2.Category(category_id=category_id, display_name=name)
            for category_id, name in _CATEGORIES.items()
            if category_id in used
        ],
    )


def _row(label: str, index: int, drawing: str) -> list[layout_pb2.Seat]:
    shift = 0.5 if drawing.startswith("-") else 0.0
    places = [(x, sign) for x, sign in enumerate(drawing.removeprefix("-")) if sign != " "]
    numbers = {x: number for number, (x, _) in enumerate(places, start=1)}
    signs = dict(places)
    return [
        layout_pb2.Seat(
            seat_id=f"{label}{number}",
            row=label,
            number=number,
            category_id=_CATEGORY_OF[signs[x]],
            x=x + shift,
            y=index * _ROW_DEPTH,
            accessible=signs[x] == "w",
            companion_of_seat_id=f"{label}{_wheelchair_beside(x, signs, numbers)}" if signs[x] == "c" else "",
        )
        for x, number in numbers.items()
    ]


def _wheelchair_beside(x: int, signs: dict[int, str], numbers: dict[int, int]) -> int:
    beside = next(place for place in (x - 1, x + 1) if signs.get(place) == "w")
    return numbers[beside]
