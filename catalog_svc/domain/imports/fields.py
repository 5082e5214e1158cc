"""Rules for single fields. Each yields the problems it finds, at most a few."""

import math
import re
import unicodedata
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from babel.numbers import list_currencies

_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_COLOUR = re.compile(r"#[0-9a-f]{6}")
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[A-Z][a-z]{3})?(?:-(?:[A-Z]{2}|[0-9]{3}))?(?:-[a-z0-9]{5,8})*")
_MAX_ID = 64
_MAX_URL = 300


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a field, for people."""

    field: str
    text: str


Problems = Iterator[Problem]


def identifier(field: str, value: str) -> Problems:
    """Ids and slugs: part of page addresses, so only what needs no escaping."""
    if len(value) > _MAX_ID or not _SLUG.fullmatch(value):
        yield Problem(
            field, f"must be 1 to {_MAX_ID} small letters and digits, words joined by single hyphens"
        )


def text(field: str, value: str, most: int, *, least: int = 1) -> Problems:
    """Plain text for people, without line breaks and other control characters."""
    if not least <= len(value) <= most:
        yield Problem(field, f"must have {least} to {most} characters")
    elif value != value.strip():
        yield Problem(field, "must not begin or end with a space")
    elif any(unicodedata.category(letter) in {"Cc", "Cs"} for letter in value):
        yield Problem(field, "must not hold control characters")


def matching(field: str, value: str, pattern: str, meaning: str) -> Problems:
    """Text of a fixed form."""
    if not re.fullmatch(pattern, value, re.ASCII):
        yield Problem(field, f"must be {meaning}")


def between(field: str, value: float, least: float, most: float) -> Problems:
    """A number within limits; not-a-number is within none."""
    if not (math.isfinite(value) and least <= value <= most):
        yield Problem(field, f"must be {least:g} to {most:g}")


def listed(field: str, values: Iterable[Hashable], least: int, most: int) -> Problems:
    """A list of limited length without repeats."""
    items = list(values)
    if not least <= len(items) <= most:
        yield Problem(field, f"must have {least} to {most} entries")
    if len(set(items)) < len(items):
        yield Problem(field, "must not repeat an entry")


def colour(field: str, value: str) -> Problems:
    """An sRGB colour."""
    if not _COLOUR.fullmatch(value):
        yield Problem(field, 'must be a colour such as "#1a2b3c"')


def language(field: str, value: str) -> Problems:
    """A BCP 47 tag in its usual spelling, without extensions."""
    if not _LANGUAGE.fullmatch(value):
        yield Problem(field, 'must be a BCP 47 language tag such as "en" or "pt-BR"')


def https_address(field: str, value: str) -> Problems:
    """An absolute https address."""
    try:
        parts = urlsplit(value)
        fits = (
            parts.scheme == "https"
            and bool(parts.hostname)
            and "@" not in parts.netloc
            and len(value) <= _MAX_URL
            and value.isascii()
            and value.isprintable()
            and " " not in value
        )
    except ValueError:
        fits = False
    if not fits:
        yield Problem(field, f"must be an https address of at most {_MAX_URL} characters")


def time_zone(field: str, value: str) -> Problems:
    """An IANA zone name that this machine's or Python's own database knows."""
    if value not in _zones():
        yield Problem(field, 'must be an IANA time zone such as "Asia/Kolkata"')


def currency(field: str, value: str) -> Problems:
    """An ISO 4217 code."""
    if value not in _currencies():
        yield Problem(field, 'must be an ISO 4217 currency such as "INR"')


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


@cache
def _currencies() -> frozenset[str]:
    return frozenset(list_currencies())
