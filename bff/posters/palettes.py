"""The poster inks: each palette is five flat colours that were chosen to stand together."""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours as `#rrggbb`, from the back of the picture to the front."""

    sky: str
    far: str
    mid: str
    near: str
    sun: str
    letters: str


PALETTES: dict[str, Palette] = {
    "noon": Palette("#ffc93c", "#f4862c", "#d8402b", "#5b1f2b", "#fff3c9", "#fff3c9"),
    "foyer": Palette("#cfe3d2", "#7fb59a", "#1f6b57", "#123a33", "#ff6b4a", "#fff6dc"),
    "velvet": Palette("#b3202c", "#8a1426", "#5c0e22", "#2b0714", "#ffc14d", "#ffe9c2"),
    "lagoon": Palette("#86d0c8", "#3a9aa6", "#1d5f7c", "#12324d", "#ffe08a", "#fdf6e0"),
    "dusk": Palette("#f08a6b", "#c4506a", "#6f2f68", "#2c1a47", "#ffd98a", "#ffeccb"),
    "midnight": Palette("#22365f", "#1a2749", "#131c36", "#0a1022", "#f4d58d", "#f6ecd2"),
    "moss": Palette("#e5d98b", "#9bab4e", "#4f7a3a", "#22422d", "#e9573f", "#fdf6d8"),
    "plum": Palette("#5d3b7d", "#46296a", "#2f1b50", "#1a0f33", "#ff9f6b", "#ffe6cf"),
    "chalk": Palette("#efe7d6", "#c9bda6", "#6d675f", "#1f1f22", "#e2452f", "#fbf6ea"),
    "ice": Palette("#dcebf2", "#9cc3d6", "#4c83a3", "#1d3f5c", "#ff7a59", "#f7fbfd"),
    "ember": Palette("#3a1d20", "#5c2422", "#8f3324", "#1c0f13", "#ff8a3d", "#ffe0b8"),
    "mint": Palette("#17463f", "#11352f", "#0d2723", "#071715", "#8ff0c0", "#e6fbe9"),
}

_BLACK, _WHITE = (0, 0, 0), (255, 255, 255)
_READABLE = 7.0
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")

NIGHT = ("midnight", "plum", "mint", "ember")
DAY = ("noon", "foyer", "lagoon", "moss", "ice", "dusk")
STARK = ("chalk", "velvet", "ember", "midnight")


def own_palette(colours: tuple[str, ...], night: bool) -> Palette | None:
    """A palette made of a movie's own colours; None with fewer than two valid ones.

    The darkest carries the title and is darkened until the lightest can be read on it; by night the
    sky is dark and the sun is the lightest, by day the other way round, with the most vivid as the sun.
    """
    inks = sorted((_channels(c) for c in colours if _COLOUR.fullmatch(c)), key=_luminance)
    if len(inks) < 2:
        return None
    near, letters = inks[0], inks[-1]
    while _contrast(letters, near) < _READABLE:
        near, letters = _mixed(near, _BLACK, 0.2), _mixed(letters, _WHITE, 0.2)
    between = inks[1:-1] or [_mixed(near, inks[-1], 0.5)]
    vivid = max(between, key=_vividness)
    quiet = min(between, key=_vividness)
    if night:
        sky = _mixed(near, between[0], 0.35)
        return _palette(sky, _mixed(sky, near, 0.35), _mixed(sky, near, 0.65), near, inks[-1], letters)
    sky = inks[-1]
    far = quiet if len(between) > 1 else _mixed(sky, vivid, 0.4)
    return _palette(sky, far, _mixed(far, near, 0.55), near, vivid, letters)


def _palette(*channels: tuple[int, int, int]) -> Palette:
    return Palette(*("#{:02x}{:02x}{:02x}".format(*colour) for colour in channels))


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _mixed(one: tuple[int, int, int], other: tuple[int, int, int], share: float) -> tuple[int, int, int]:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def _vividness(colour: tuple[int, int, int]) -> int:
    return max(colour) - min(colour)


def _luminance(colour: tuple[int, int, int]) -> float:
    """Relative luminance, https://www.w3.org/TR/WCAG22/#dfn-relative-luminance."""
    red, green, blue = (
        value / 3294.6 if value <= 10 else ((value / 255 + 0.055) / 1.055) ** 2.4 for value in colour
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(light: tuple[int, int, int], dark: tuple[int, int, int]) -> float:
    return (_luminance(light) + 0.05) / (_luminance(dark) + 0.05)
