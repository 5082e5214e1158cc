"""Drawn posters, kept in memory."""

import gzip
import hashlib

from .poster import Billing, draw_backdrop, draw_poster


class PosterShelf:
    """Drawn posters, compressed; the oldest makes room."""

    def __init__(self, size: int = 2000) -> None:
        self._size = size
        self._drawn: dict[tuple[Billing, bool], tuple[bytes, str]] = {}

    def __len__(self) -> int:
        return len(self._drawn)

    def take(self, billing: Billing, wide: bool) -> tuple[bytes, str]:
        """The gzipped SVG and its entity tag."""
        key = (billing, wide)
        if key not in self._drawn:
            svg = (draw_backdrop(billing) if wide else draw_poster(billing)).encode()
            while len(self._drawn) >= self._size:
                del self._drawn[next(iter(self._drawn))]
            self._drawn[key] = (gzip.compress(svg, 9, mtime=0), f'"{hashlib.sha256(svg).hexdigest()[:16]}"')
        return self._drawn[key]
