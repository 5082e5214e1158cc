"""Names of genres in the visitor's language."""

from bff.texts import Texts


def N_(message: str) -> str:
    """Marks a text for the catalogues where it is not yet known who reads it."""
    return message


GENRES = (
    N_("action"),
    N_("adventure"),
    N_("animation"),
    N_("comedy"),
    N_("crime"),
    N_("documentary"),
    N_("drama"),
    N_("family"),
    N_("fantasy"),
    N_("horror"),
    N_("musical"),
    N_("mystery"),
    N_("romance"),
    N_("science fiction"),
    N_("thriller"),
    N_("war"),
    N_("western"),
)
"""Genres whose names are translated; others are shown as the catalogue has them."""


def genre_label(genre: str, texts: Texts) -> str:
    """A genre's name for people."""
    name = texts.gettext(genre) if genre in GENRES else genre
    return name[:1].upper() + name[1:]
