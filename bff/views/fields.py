"""What a browser sent, read with limits: addresses, queries and forms."""

import datetime as dt
import re
from collections.abc import Sequence
from typing import Final

from aiohttp import web

from bff.errors import FormMalformed, PageMissing
from mesh.ids import is_request_id

_SEAT_ID: Final = re.compile(r"[A-Z]{1,7}[0-9]{1,7}")
_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_NUMBER: Final = re.compile(r"[0-9]{1,6}")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
SEAT_LIMIT: Final = 10
LONGEST_QUERY: Final = 100


def id_in_path(request: web.Request, name: str) -> str:
    """An id from the address; PageMissing for what cannot be one."""
    value = request.match_info[name]
    if not _ID.fullmatch(value):
        raise PageMissing
    return value


def seats_in(values: Sequence[object]) -> tuple[str, ...]:
    """Seat ids, each once, in the order sent; FormMalformed for what cannot be one or for too many."""
    seats = tuple(dict.fromkeys(str(value) for value in values))
    if len(seats) > SEAT_LIMIT * 4 or any(len(seat) > 8 or not _SEAT_ID.fullmatch(seat) for seat in seats):
        raise FormMalformed
    return seats


async def seats_in_form(request: web.Request) -> tuple[str, ...]:
    """The seats that a form names."""
    return seats_in((await request.post()).getall("seat", []))


async def request_id_in_form(request: web.Request) -> str:
    """The id that makes sending a form twice one change."""
    value = await text_in_form(request, "request_id", 64)
    if not is_request_id(value):
        raise FormMalformed
    return value


async def text_in_form(request: web.Request, name: str, longest: int) -> str:
    """One field without surrounding space; empty when it is missing, FormMalformed when too long."""
    value = (await request.post()).get(name, "")
    if not isinstance(value, str) or len(value) > longest:
        raise FormMalformed
    return value.strip()


def text_in_query(request: web.Request, name: str, longest: int = LONGEST_QUERY) -> str:
    """One value of the query, cut to its limit, without control characters."""
    return _CONTROL.sub(" ", request.query.get(name, ""))[:longest].strip()


def date_in_query(request: web.Request, name: str) -> str:
    """An ISO date of the query; empty when it is missing or none."""
    try:
        return dt.date.fromisoformat(request.query.get(name, "")).isoformat()
    except ValueError:
        return ""


def number_in(text: str, lowest: int, highest: int, otherwise: int) -> int:
    """A number within bounds, else the other one."""
    if not _NUMBER.fullmatch(text):
        return otherwise
    return int(text) if lowest <= int(text) <= highest else otherwise
