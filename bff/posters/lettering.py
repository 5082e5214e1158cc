"""The project's own capitals, drawn as strokes: the arch of a seat back is in every letter.

A glyph is a skeleton on a grid 80 high, written in relative path commands from its top left
corner, so that a word is the glyphs' paths one after the other. The stroke's width is the
caller's. Text with a letter that is not drawn here is reported, never drawn with holes.
"""

import unicodedata
from dataclasses import dataclass
from functools import lru_cache

HEIGHT = 80
STROKE = 17
GAP = 29
WORD_SPACE = 34

# letter: (width of the skeleton, path)
_GLYPHS: dict[str, tuple[int, str]] = {
    "A": (40, "m0 80v-60a20 20 0 0 1 40 0v60m-40-27h40"),
    "B": (38, "m0 0v80h19a20 20 0 0 0 0-40h-19m19 0a20 20 0 0 0 0-40h-19"),
    "C": (40, "m40 23v-3a20 20 0 0 0-40 0v40a20 20 0 0 0 40 0v-3"),
    "D": (40, "m0 0v80h20a20 20 0 0 0 20-20v-40a20 20 0 0 0-20-20z"),
    "E": (28, "m35 0h-15a20 20 0 0 0-20 20v40a20 20 0 0 0 20 20h15m-35-40h31"),
    "F": (27, "m34 0h-14a20 20 0 0 0-20 20v60m0-38h30"),
    "G": (40, "m40 23v-3a20 20 0 0 0-40 0v40a20 20 0 0 0 40 0v-17h-17"),
    "H": (40, "m0 0v80m40-80v80m-40-39h40"),
    "I": (0, "m0 0v80"),
    "J": (33, "m33 0v63a16.5 17 0 0 1-33 0v-5"),
    "K": (40, "m0 0v80m40-80v14a26 26 0 0 1-26 26h-14m14 0a26 26 0 0 1 26 26v14"),
    "L": (25, "m0 0v80h32"),
    "M": (70, "m0 80v-62a17.5 18 0 0 1 35 0v62m0-62a17.5 18 0 0 1 35 0v62"),
    "N": (40, "m0 80v-60a20 20 0 0 1 40 0v60"),
    "O": (40, "m0 20a20 20 0 0 1 40 0v40a20 20 0 0 1-40 0z"),
    "P": (40, "m0 80v-80h18a22 22 0 0 1 0 44h-18"),
    "Q": (40, "m0 20a20 20 0 0 1 40 0v40a20 20 0 0 1-40 0zm23 39l20 27"),
    "R": (40, "m0 80v-80h18a21 21 0 0 1 0 42h-18m18 0a22 22 0 0 1 22 22v16"),
    "S": (40, "m40 21v-1a20 20 0 1 0-20 20a20 20 0 1 1-20 20v-1"),
    "T": (34, "m-7 0h48m-24 0v80"),
    "U": (40, "m0 0v60a20 20 0 0 0 40 0v-60"),
    "V": (44, "m0 0l22 78l22-78"),
    "W": (70, "m0 0v62a17.5 18 0 0 0 35 0v-62m0 62a17.5 18 0 0 0 35 0v-62"),
    "X": (40, "m0 0v20a20 20 0 0 0 40 0v-20m-40 80v-20a20 20 0 0 1 40 0v20"),
    "Y": (40, "m0 0v22a20 20 0 0 0 40 0v-22m-20 42v38"),
    "Z": (34, "m-6 0h44l-44 80h46"),
    "0": (40, "m0 20a20 20 0 0 1 40 0v40a20 20 0 0 1-40 0z"),
    "1": (15, "m0 11l15-11v80"),
    "2": (40, "m0 22v-2a20 20 0 0 1 40 0c0 27-40 32-40 60h40"),
    "3": (40, "m0 21v-1a20 20 0 1 1 20 20a20 20 0 1 1-20 20v-1"),
    "4": (42, "m31 80v-80l-31 57h42"),
    "5": (38, "m36 0h-32v34h12a22 23 0 0 1 0 46h-16"),
    "6": (40, "m36 0c-22 8-36 28-36 56v4a20 20 0 1 0 20-20c-12 0-18 7-20 16"),
    "7": (34, "m-6 0h44l-25 80"),
    "8": (40, "m20 40a20 20 0 0 1 0-40a20 20 0 0 1 0 40a20 20 0 0 1 0 40a20 20 0 0 1 0-40"),
    "9": (40, "m4 80c22-8 36-28 36-56v-4a20 20 0 1 0-20 20c12 0 18-7 20-16"),
    "&": (44, "m44 80l-34-52a16 17 0 1 1 26-10c0 16-36 18-36 44a18 18 0 0 0 34 8l8-20"),
    "!": (0, "m0 0v52m0 13v15"),
    "?": (40, "m0 22v-2a20 20 0 0 1 40 0c0 18-20 15-20 32m0 13v15"),
    "'": (0, "m0-6v22"),
    ",": (0, "m0 66v24"),
    ".": (0, "m0 66v15"),
    ":": (0, "m0 20v15m0 30v15"),
    "-": (22, "m0 42h22"),
    "/": (30, "m30 0l-30 80"),
    "+": (32, "m0 42h32m-16-16v32"),
    "%": (60, "m60 0l-60 80m12-56a11 12 0 0 1 0-24a11 12 0 0 1 0 24m36 56a11 12 0 0 1 0-24a11 12 0 0 1 0 24"),
}
_ALIASES = {
    "’": "'",
    "‘": "'",
    "–": "-",
    "—": "-",
    "ß": "SS",
    "Æ": "AE",
    "Œ": "OE",
    "Ø": "O",
    "Ł": "L",
    "…": "...",
}
_OPEN_RIGHT = "TLFVYP7"
_OPEN_LEFT = "TVYJ4"
# combining mark: path from the top centre of its letter
_MARKS: dict[str, str] = {
    "\u0300": "m-8-28l14 11",
    "\u0301": "m8-28l-14 11",
    "\u0302": "m-13-17l13-11l13 11",
    "\u0303": "m-14-18c8-12 20 6 28-6",
    "\u0304": "m-13-22h26",
    "\u0306": "m-13-28c3 13 23 13 26 0",
    "\u0307": "m0-29v14",
    "\u0308": "m-11-29v14m22-14v14",
    "\u030a": "m-8-24a8 8 0 0 1 16 0a8 8 0 0 1-16 0",
    "\u030b": "m-2-28l-10 11m22-11l-10 11",
    "\u030c": "m-13-28l13 11l13-11",
    "\u0327": "m0 82v8a7 7 0 0 1-10 6",
    "\u0328": "m2 82c-10 6-8 16 4 15",
}


@dataclass(frozen=True, slots=True)
class Word:
    """One drawn word: path data for a stroke, and the width of its skeleton."""

    path: str
    width: int


@lru_cache(maxsize=4096)
def draw_word(text: str) -> Word | None:
    """Draw one word; None if it holds a letter that this alphabet does not have."""
    letters = _letters(text)
    if not letters:
        return None
    parts: list[str] = []
    x = 0
    followers = [letter for letter, _ in letters[1:]] + [""]
    for (letter, marks), following in zip(letters, followers, strict=True):
        glyph = _GLYPHS.get(letter)
        if glyph is None or any(mark not in _MARKS for mark in marks):
            return None
        width, path = glyph
        parts.append(f"M{x} 0{path}")
        parts.extend(f"M{x + width // 2} 0{_MARKS[mark]}" for mark in marks)
        x += width + GAP - _tuck(letter, following)
    return Word("".join(parts), x - GAP)


def draw_words(text: str) -> tuple[Word, ...] | None:
    """Draw each word of a text; None if any of them cannot be drawn whole."""
    words = [draw_word(word) for word in text.split()]
    if not words or any(word is None for word in words):
        return None
    return tuple(word for word in words if word is not None)


def _tuck(letter: str, following: str) -> int:
    """How much closer two letters stand because one of them leaves its side open."""
    return (3 if letter in _OPEN_RIGHT and following else 0) + (
        3 if following and following in _OPEN_LEFT else 0
    )


def _letters(text: str) -> list[tuple[str, list[str]]]:
    letters: list[tuple[str, list[str]]] = []
    upper = "".join(_ALIASES.get(character, character) for character in text.upper())
    for character in unicodedata.normalize("NFD", upper):
        if unicodedata.combining(character) and letters:
            letters[-1][1].append(character)
        else:
            letters.append((character, []))
    return letters
