"""Posters and lettering, drawn by the project from a movie's facts."""

from .lettering import Word, draw_word, draw_words
from .poster import Billing, draw_backdrop, draw_poster
from .shelf import PosterShelf

__all__ = ["Billing", "PosterShelf", "Word", "draw_backdrop", "draw_poster", "draw_word", "draw_words"]
