"""How often the catalogue was changed."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Revisions:
    """How often each part of the catalogue was changed; readers compare them to know what is stale."""

    movies: int
    places: int
    shows: int

    def covers(self, other: "Revisions") -> bool:
        """Whether what was changed by then was so by now."""
        return self.movies >= other.movies and self.places >= other.places and self.shows >= other.shows
