"""Draws a movie's poster from its own facts: the same movie always gets the same poster."""

import hashlib
import random
from dataclasses import dataclass
from html import escape

from .canvas import HEIGHT, WIDTH, Canvas, number
from .casting import cast
from .lettering import GAP, STROKE, WORD_SPACE, Word, draw_words
from .lettering import HEIGHT as LETTER_HEIGHT
from .palettes import NIGHT, PALETTES, Palette, own_palette

_MARGIN = 20
_MEASURE = WIDTH - 2 * _MARGIN
_BLOCK = 92
_BAND = 340
_FOOT = HEIGHT - 38
_TALLEST = 46
_NARROW = "Bahnschrift,DIN Alternate,Liberation Sans Narrow,Arial Narrow,sans-serif"


@dataclass(frozen=True, slots=True)
class Billing:
    """What a poster is drawn from."""

    key: str
    title: str
    genres: tuple[str, ...]
    year: int | None = None
    director: str = ""
    colours: tuple[str, ...] = ()
    """The movie's own, as `#rrggbb`; without them the poster takes a palette of ours."""


def draw_poster(billing: Billing) -> str:
    """The poster as a stand-alone SVG document, about 3 kB, without styles, scripts or links."""
    canvas, palette = _paint(billing)
    title, top = _title(billing.title, palette.letters)
    band = min(_BAND, round(top) - 20)
    size = f'viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size}>'
        f"<title>{escape(billing.title)}</title>"
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="{palette.sky}"/>'
        f"{''.join(canvas.shapes)}"
        f'<path d="M0 {band}h{WIDTH}V{HEIGHT}H0z" fill="{palette.near}"/>'
        f"{title}{_credit(billing, palette.letters)}</svg>"
    )


def draw_backdrop(billing: Billing) -> str:
    """The same picture without its words, for behind a page's heading.

    1500 by 300: plain dark ink for light text to stand on, and the picture at the right end.
    """
    canvas, ink = _paint(billing)
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1500 300" width="1500" height="300">'
        f'<linearGradient id="f"><stop stop-color="{ink.near}"/>'
        f'<stop offset="1" stop-color="{ink.near}" stop-opacity="0"/></linearGradient>'
        f'<path d="M0 0h1500v300H0z" fill="{ink.near}"/>'
        '<svg x="1185" width="315" height="300" viewBox="0 40 300 285" preserveAspectRatio="xMidYMid slice">'
        f'<path d="M0 0h{WIDTH}v{HEIGHT}H0z" fill="{ink.sky}"/>{"".join(canvas.shapes)}</svg>'
        '<path d="M1184 0h170v300h-170z" fill="url(#f)"/></svg>'
    )


def _paint(billing: Billing) -> tuple[Canvas, Palette]:
    seed = hashlib.sha256(billing.key.encode()).digest()
    rng = random.Random(seed)  # noqa: S311 - a drawing, not a secret
    scene, palette_name = cast(billing.title, billing.genres, rng)
    palette = own_palette(billing.colours, palette_name in NIGHT) or PALETTES[palette_name]
    canvas = Canvas(palette, rng)
    scene(canvas)
    return canvas, palette


def _title(title: str, ink: str) -> tuple[str, float]:
    """The title's shapes and the height at which they begin."""
    words = draw_words(title)
    if words is None:
        return _plain_title(title, ink), _BAND + 20
    lines = _break_lines(words)
    longest = max(_width(line) for line in lines)
    leading = 1.28
    scale = min(
        (_MEASURE - 4) / (longest + STROKE),
        _TALLEST / LETTER_HEIGHT,
        _BLOCK / (LETTER_HEIGHT * (1 + leading * (len(lines) - 1))),
    )
    height = LETTER_HEIGHT * scale
    top = _FOOT - height * (1 + leading * (len(lines) - 1))
    drawn = []
    for index, line in enumerate(lines):
        y = top + index * height * leading
        x = _MARGIN + STROKE * scale / 2
        path = ""
        offset = 0
        for word in line:
            path += (
                f'<path transform="translate({offset})" d="{word.path}"/>'
                if offset
                else f'<path d="{word.path}"/>'
            )
            offset += word.width + GAP + WORD_SPACE
        drawn.append(f'<g transform="translate({number(x)} {number(y)})scale({scale:.3f})">{path}</g>')
    shapes = (
        f'<g fill="none" stroke="{ink}" stroke-width="{STROKE}" stroke-linejoin="round">{"".join(drawn)}</g>'
    )
    return shapes, top


def _break_lines(words: tuple[Word, ...]) -> list[list[Word]]:
    """At most three lines, as even in width as their words allow."""
    if len(words) == 1 or _width(list(words)) <= 330:
        return [list(words)]
    candidates = [
        [list(words[:first]), list(words[first:second]), list(words[second:])]
        for first in range(1, len(words))
        for second in range(first, len(words))
    ]
    arranged = [[line for line in candidate if line] for candidate in candidates]
    return min(
        arranged, key=lambda lines: max(_width(line) for line in lines) * (1 + 0.75 * (len(lines) - 1))
    )


def _width(line: list[Word]) -> int:
    return sum(word.width for word in line) + (GAP + WORD_SPACE) * (len(line) - 1)


def _plain_title(title: str, ink: str) -> str:
    size = max(14, min(34, round(480 / max(len(title), 1))))
    return (
        f'<text x="{_MARGIN}" y="{_FOOT}" font-family="sans-serif" font-weight="700" font-size="{size}"'
        f' fill="{ink}">{escape(title)}</text>'
    )


def _credit(billing: Billing, ink: str) -> str:
    parts = [part for part in (billing.director, str(billing.year) if billing.year else "") if part]
    if not parts:
        return ""
    return (
        f'<text x="{_MARGIN}" y="{HEIGHT - 15}" font-family="{_NARROW}" font-size="12" fill="{ink}">'
        f"{escape('  ·  '.join(parts))}</text>"
    )
