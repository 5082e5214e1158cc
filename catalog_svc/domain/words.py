"""Words as people type them: without accents, capitals and punctuation, and with slips."""

import re
import unicodedata

from rapidfuzz.distance import OSA

_ACCENTS = re.compile("[\u0300-\u036f]")
_SPACELESS = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD = re.compile(f"[{_SPACELESS}]|(?:(?![{_SPACELESS}])[\\w\u0900-\u0dff])+")
"""Kana and Han are written without spaces: each sign counts as a word. The
second range are the Indic scripts, whose vowel signs are no `\\w`."""


def folded(text: str) -> str:
    """The text without capitals and Latin, Greek or Cyrillic accents, for comparing and sorting."""
    without_accents = _ACCENTS.sub("", unicodedata.normalize("NFKD", text))
    return unicodedata.normalize("NFKC", without_accents).casefold()


def words_of(text: str) -> list[str]:
    """The folded words, in order; apostrophes do not divide a word."""
    return _WORD.findall(folded(text).replace("'", "").replace("\u2019", "").replace("_", " "))


def slips_between(typed: str, word: str, most: int, *, or_prefix: bool = False) -> int | None:
    """How many slips turn one into the other, or None when it takes more than `most`.

    A slip is a letter too many, too few, wrong, or two swapped (optimal string
    alignment). With `or_prefix` the word may also go on after what was typed.
    """
    slips = OSA.distance(typed, word, score_cutoff=most)
    if or_prefix and slips > 0 and len(word) > len(typed):
        slips = min(slips, OSA.distance(typed, word[: len(typed)], score_cutoff=most))
    return slips if slips <= most else None
