"""Posters and lettering: the same movie, the same picture; every movie its own."""

import random
import xml.etree.ElementTree as ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bff.posters import Billing, PosterShelf, draw_backdrop, draw_poster, draw_word, draw_words
from bff.posters.casting import cast
from bff.posters.palettes import own_palette

TITLES = st.text(max_size=80)
COLOURS = st.lists(st.from_regex(r"#[0-9a-f]{6}", fullmatch=True), max_size=6).map(tuple)
GENRES = st.lists(st.sampled_from(["horror", "comedy", "drama", "science fiction", "unheard of"])).map(tuple)


def billing(title: str = "Sintel", **changes: object) -> Billing:
    facts: dict[str, object] = {"key": title, "title": title, "genres": ("fantasy",), "year": 2010}
    return Billing(**(facts | changes))  # type: ignore[arg-type]


def test_a_movie_always_gets_the_same_poster() -> None:
    assert draw_poster(billing()) == draw_poster(billing())


def test_movies_of_one_genre_get_different_posters() -> None:
    drawn = {draw_poster(billing(f"Movie {number}")).split("</title>")[1] for number in range(50)}
    assert len(drawn) == 50


@given(title=TITLES, genres=GENRES, colours=COLOURS)
def test_whatever_the_facts_the_picture_is_well_formed_and_small(
    title: str, genres: tuple[str, ...], colours: tuple[str, ...]
) -> None:
    printable = "".join(character for character in title if character.isprintable())
    poster = billing(printable, genres=genres, colours=colours)
    for svg in (draw_poster(poster), draw_backdrop(poster)):
        root = ElementTree.fromstring(svg)  # noqa: S314 - our own drawing
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert len(svg) < 12_000
        assert "style" not in svg
        assert "script" not in svg.replace(printable, "")


def test_a_title_cannot_break_out_of_the_picture() -> None:
    svg = draw_poster(billing("</title><script>alert(1)</script>"))
    assert "<script" not in svg


@given(colours=COLOURS, night=st.booleans())
def test_a_title_can_be_read_on_the_movies_own_colours(colours: tuple[str, ...], night: bool) -> None:
    palette = own_palette(colours, night)
    if len(colours) < 2:
        assert palette is None
        return
    assert palette is not None
    lighter, darker = sorted((luminance(palette.letters), luminance(palette.near)), reverse=True)
    assert (lighter + 0.05) / (darker + 0.05) >= 4.5


def luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("colours", [("red", "blue"), ("#12345",), ("#zzzzzz", "#ffffff"), ()])
def test_colours_that_are_none_are_not_used(colours: tuple[str, ...]) -> None:
    assert own_palette(colours, night=False) is None


def test_words_of_the_title_choose_the_scene_before_genres_do() -> None:
    scene, _ = cast("A Trip to the Moon", ("comedy",), random.Random(1))
    assert scene.__name__ == "moon"
    scene, _ = cast("Nothing Told", ("horror",), random.Random(1))
    assert scene.__name__ in {"house", "stairs", "eye"}


@pytest.mark.parametrize("word", ["Zürich", "L'Été", "SÃO", "Łódź", "Ø", "100%", "naïve"])
def test_letters_with_marks_are_drawn(word: str) -> None:
    assert draw_word(word) is not None


@pytest.mark.parametrize("text", ["七人の侍", "Κάτι", "Solaris 🎬", "", "   "])
def test_text_beyond_the_alphabet_is_not_drawn_with_holes(text: str) -> None:
    assert draw_words(text) is None


def test_a_shelf_keeps_no_more_than_its_size() -> None:
    shelf = PosterShelf(size=2)
    for number in range(5):
        shelf.take(billing(str(number)), wide=False)
    assert len(shelf) == 2
    assert shelf.take(billing("4"), wide=False) == shelf.take(billing("4"), wide=False)
    assert shelf.take(billing("4"), wide=True) != shelf.take(billing("4"), wide=False)
