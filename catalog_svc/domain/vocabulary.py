"""All words of an index, found by their beginning or in spite of slips."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from itertools import chain

from catalog_svc.domain.words import slips_between

_ONE_SLIP_FROM, _TWO_SLIPS_FROM = 3, 6
_PREFIX_SLIPS_FROM = 4
_PAIRS_SPOILT = {1: 3, 2: 5}
"""By so many slips at the most; two swaps in one word are too rare to pay for."""


def slips_allowed(word: str) -> int:
    """None in words of one or two letters, one up to five letters, then two."""
    return (len(word) >= _ONE_SLIP_FROM) + (len(word) >= _TWO_SLIPS_FROM)


class Vocabulary:
    """A set of words; tens of thousands are meant."""

    def __init__(self) -> None:
        self._by_pair: dict[str, set[str]] = {}
        self._words: set[str] = set()
        self._sorted: list[str] | None = []

    def add(self, word: str) -> None:
        """Adds a word; one that is there stays."""
        if word not in self._words:
            self._words.add(word)
            self._sorted = None
            for pair in _pairs(word):
                self._by_pair.setdefault(pair, set()).add(word)

    def discard(self, word: str) -> None:
        """Takes a word out, if it is there."""
        if word in self._words:
            self._words.discard(word)
            self._sorted = None
            for pair in _pairs(word):
                self._by_pair[pair].discard(word)

    def starting_with(self, prefix: str) -> Iterator[str]:
        """The words that begin so, in order, the whole word itself included."""
        if self._sorted is None:
            self._sorted = sorted(self._words)
        ordered = self._sorted
        for index in range(bisect_left(ordered, prefix), len(ordered)):
            if not ordered[index].startswith(prefix):
                return
            yield ordered[index]

    def near(self, typed: str) -> Iterator[tuple[str, int]]:
        """Words that were perhaps meant, or whose beginning was, each with its number of slips.

        A slip spoils two or three of a word's letter pairs, so only words that
        share enough pairs are compared letter by letter.
        """
        most = slips_allowed(typed)
        if not most:
            return
        or_prefix = len(typed) >= _PREFIX_SLIPS_FROM
        pairs = _pairs(typed)
        enough = max(2, len(pairs) - or_prefix - _PAIRS_SPOILT[most])
        shared = Counter(chain.from_iterable(self._by_pair.get(pair, ()) for pair in pairs))
        for word, count in shared.items():
            if count >= enough:
                slips = slips_between(typed, word, most, or_prefix=or_prefix)
                if slips is not None:
                    yield word, slips


def _pairs(word: str) -> set[str]:
    """The word's letter pairs, its begin and end marked."""
    marked = f"\x02{word}\x03"
    return {marked[index : index + 2] for index in range(len(marked) - 1)}
