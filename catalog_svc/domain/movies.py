"""Movies."""

import datetime as dt
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CastMember:
    """A person's part; the character may be empty."""

    name: str
    character: str


@dataclass(frozen=True, slots=True)
class Trailer:
    """A trailer on a video site, by https addresses."""

    title: str
    embed_url: str
    page_url: str


@dataclass(frozen=True, slots=True)
class Movie:
    """A movie; `original_title` is empty when it is the title."""

    movie_id: str
    slug: str
    title: str
    original_title: str
    description: str
    runtime_minutes: int
    certificate: str
    release_date: dt.date
    genres: tuple[str, ...]
    directors: tuple[str, ...]
    cast: tuple[CastMember, ...]
    trailers: tuple[Trailer, ...]
    palette: tuple[str, ...]
    credit: str

    @property
    def runtime(self) -> dt.timedelta:
        """How long it runs."""
        return dt.timedelta(minutes=self.runtime_minutes)
