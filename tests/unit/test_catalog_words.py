"""How typed words are compared with the catalogue's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog_svc.domain.vocabulary import Vocabulary, slips_allowed
from catalog_svc.domain.words import folded, slips_between, words_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Big Buck Bunny", ["big", "buck", "bunny"]),
        ("Le Voyage dans la Lune", ["le", "voyage", "dans", "la", "lune"]),
        ("São Paulo, Straße & Ångström", ["sao", "paulo", "strasse", "angstrom"]),
        ("L'Âge d’or", ["lage", "dor"]),
        ("Броненосец «Потёмкин»", ["броненосец", "потемкин"]),
        ("हीरो", ["हीरो"]),
        ("東京物語", ["東", "京", "物", "語"]),
        ("F. W. Murnau", ["f", "w", "murnau"]),
        ("snake_case", ["snake", "case"]),
        ("!?… ", []),
    ],
)
def test_words_are_told_apart_without_accents_capitals_and_punctuation(text: str, words: list[str]) -> None:
    assert words_of(text) == words


@given(st.text(max_size=60))
def test_folding_twice_is_folding_once(text: str) -> None:
    assert folded(folded(text)) == folded(text)


@pytest.mark.parametrize(
    ("typed", "word", "slips"),
    [
        ("sintel", "sintel", 0),
        ("sintle", "sintel", 1),
        ("buk", "buck", 1),
        ("nosferratu", "nosferatu", 1),
        ("metopolis", "metropolis", 1),
        ("kaeton", "keaton", 1),
        ("abcdef", "uvwxyz", None),
    ],
)
def test_a_slip_is_a_letter_more_less_other_or_two_swapped(typed: str, word: str, slips: int | None) -> None:
    assert slips_between(typed, word, 2) == slips


def test_a_word_may_go_on_after_what_was_typed_with_a_slip() -> None:
    assert slips_between("nosfar", "nosferatu", 2, or_prefix=True) == 1
    assert slips_between("nosfar", "nosferatu", 2) is None


@pytest.mark.parametrize(("word", "slips"), [("a", 0), ("it", 0), ("buk", 1), ("bunny", 1), ("sintle", 2)])
def test_longer_words_may_have_more_slips(word: str, slips: int) -> None:
    assert slips_allowed(word) == slips


_WORDS = st.text("abcde", min_size=1, max_size=8)


@given(
    words=st.sets(_WORDS, max_size=30), gone=st.sets(_WORDS, max_size=10), prefix=st.text("abcde", max_size=3)
)
def test_the_vocabulary_finds_exactly_the_words_that_begin_so(
    words: set[str], gone: set[str], prefix: str
) -> None:
    vocabulary = Vocabulary()
    for word in words:
        vocabulary.add(word)
    list(vocabulary.starting_with(""))
    for word in gone:
        vocabulary.discard(word)
    expected = sorted(word for word in words - gone if word.startswith(prefix))
    assert list(vocabulary.starting_with(prefix)) == expected


@given(words=st.sets(st.text("abcdefgh", min_size=3, max_size=9), max_size=30), data=st.data())
def test_one_slip_away_is_always_near(words: set[str], data: st.DataObject) -> None:
    vocabulary = Vocabulary()
    for word in words:
        vocabulary.add(word)
    word = data.draw(st.sampled_from(sorted(words or {"abcdef"})))
    vocabulary.add(word)
    place = data.draw(st.integers(0, len(word) - 1))
    typed = word[:place] + "x" + word[place + 1 :]
    # Two pairs of a short word's four are spoilt: that is the least that still tells words apart.
    if len(word) >= 4:
        assert (word, 1) in set(vocabulary.near(typed))
