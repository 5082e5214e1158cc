"""Chooses a poster's scene and inks: first by words in the title, then by genre, then by lot."""

import random
import re
from collections.abc import Callable

from .canvas import Canvas
from .palettes import DAY, NIGHT, PALETTES, STARK
from .scenes.abstract import bounce, discs, eye, machine, moon, orbit, seats
from .scenes.city import blinds, clock, house, skyline, stage, stairs
from .scenes.land import flora, hills, peaks, rails, sea, wings

Scene = Callable[[Canvas], None]

_BY_WORD: tuple[tuple[frozenset[str], Scene, tuple[str, ...]], ...] = (
    (frozenset({"moon", "lune", "rocket"}), moon, NIGHT),
    (frozenset({"space", "planet", "cosmos", "star", "steel", "mars"}), orbit, NIGHT),
    (
        frozenset({"metropolis", "city", "lights", "street", "berlin", "town"}),
        skyline,
        ("dusk", "midnight", "noon"),
    ),
    (frozenset({"train", "general", "rail", "express", "robbery"}), rails, ("noon", "ice", "moss")),
    (frozenset({"house", "haunted", "dead", "night", "nosferatu", "vampyr", "hill"}), house, NIGHT),
    (frozenset({"cabinet", "caligari", "stairs", "dream"}), stairs, ("chalk", "velvet", "moss")),
    (frozenset({"phantom", "opera", "stage", "show", "charade"}), stage, ("velvet", "ember", "plum")),
    (frozenset({"last", "hour", "hours", "clock", "time", "safety"}), clock, ("foyer", "noon", "ice")),
    (
        frozenset({"sea", "ship", "boat", "ocean", "river", "battleship", "potemkin"}),
        sea,
        ("lagoon", "ice", "dusk"),
    ),
    (frozenset({"spring", "garden", "forest", "flower", "sprite"}), flora, ("moss", "foyer", "lagoon")),
    (frozenset({"wing", "wings", "bird", "flight", "fly", "fish"}), wings, ("lagoon", "noon", "ice")),
    (frozenset({"charge", "machine", "modern", "engine", "elephants"}), machine, ("ember", "chalk", "mint")),
    (frozenset({"gold", "mountain", "sintel", "dragon", "hero", "ice"}), peaks, ("ice", "dusk", "noon")),
    (frozenset({"bunny", "caminandes", "meadow", "rabbit", "llama"}), hills, ("foyer", "moss", "lagoon")),
    (frozenset({"eye", "joan", "passion", "mirror", "secret"}), eye, STARK),
    (
        frozenset({"friday", "detective", "agent", "third", "stranger", "detour", "d.o.a"}),
        blinds,
        ("chalk", "ember", "velvet"),
    ),
)
_BY_GENRE: dict[str, tuple[tuple[Scene, ...], tuple[str, ...]]] = {
    "horror": ((house, stairs, eye), ("midnight", "plum", "ember")),
    "science fiction": ((orbit, machine), NIGHT),
    "sci-fi": ((orbit, machine), NIGHT),
    "crime": ((blinds, skyline), STARK),
    "film noir": ((blinds, skyline), STARK),
    "mystery": ((blinds, eye, stairs), STARK),
    "thriller": ((blinds, eye), STARK),
    "western": ((peaks, rails), ("noon", "dusk", "ember")),
    "adventure": ((peaks, sea, wings), DAY),
    "fantasy": ((peaks, flora, stage), ("plum", "lagoon", "dusk")),
    "animation": ((hills, wings, bounce), DAY),
    "comedy": ((bounce, seats), ("noon", "foyer", "ice")),
    "romance": ((discs, stage), ("dusk", "velvet", "ice")),
    "drama": ((discs, sea, eye), ("dusk", "velvet", "lagoon")),
    "musical": ((stage,), ("velvet", "plum")),
    "war": ((machine, skyline), ("ember", "chalk")),
    "documentary": ((eye, seats), ("chalk", "foyer")),
    "family": ((hills, flora, bounce), DAY),
}


def cast(title: str, genres: tuple[str, ...], rng: random.Random) -> tuple[Scene, str]:
    """The scene that fits a movie, and the name of its palette."""
    words = set(re.findall(r"[\w.]+", title.lower()))
    for triggers, scene, palettes in _BY_WORD:
        if words & triggers:
            return scene, rng.choice(palettes)
    for genre in genres:
        found = _BY_GENRE.get(genre.lower().replace("_", " "))
        if found:
            scenes, palettes = found
            return rng.choice(scenes), rng.choice(palettes)
    return seats, rng.choice(sorted(PALETTES))
