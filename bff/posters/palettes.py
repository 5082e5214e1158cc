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

_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")

NIGHT = ("midnight", "plum", "mint", "ember")
DAY = ("noon", "foyer", "lagoon", "moss", "ice", "dusk")
STARK = ("chalk", "velvet", "ember", "midnight")


def nearest_palette(colours: tuple[str, ...]) -> str | None:
    """The name of the palette whose inks lie nearest to the colours; None without a valid colour."""
    wanted = [_channels(colour) for colour in colours if _COLOUR.fullmatch(colour)]
    if not wanted:
        return None
    return min(sorted(PALETTES), key=lambda name: sum(_distance(colour, PALETTES[name]) for colour in wanted))


def _distance(colour: tuple[int, int, int], palette: Palette) -> int:
    inks = (palette.sky, palette.far, palette.mid, palette.near, palette.sun)
    return min(sum((a - b) ** 2 for a, b in zip(colour, _channels(ink), strict=True)) for ink in inks)


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
