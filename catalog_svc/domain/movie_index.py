"""All movies in memory, found by id, by slug and by what people type."""

from collections.abc import Iterable, Iterator, Mapping

from catalog_svc.domain.movies import Movie
from catalog_svc.domain.vocabulary import Vocabulary
from catalog_svc.domain.words import folded, words_of

_TITLE, _ORIGINAL_TITLE, _DIRECTOR, _CAST = 10, 8, 5, 4
_WHOLE_WORD, _BEGINNING = 100, 75
_ONE_SLIP, _TWO_SLIPS = 50, 30
_SAME_TITLE, _TITLE_BEGINS_SO = 2_000, 500
_MOST_WORDS = 10


class MovieIndex:
    """Movies with the words that find them.

    Searching costs about a millisecond among 20,000 movies, and some more
    when nothing matches as typed, because only then slips are looked for.
    Movies can be put in again at any time; none is ever taken out.
    """

    def __init__(self, movies: Iterable[Movie] = ()) -> None:
        self._movies: dict[str, Movie] = {}
        self._ids_by_slug: dict[str, str] = {}
        self._vocabulary = Vocabulary()
        self._weights: dict[str, dict[str, int]] = {}
        for movie in movies:
            self.put(movie)

    def __len__(self) -> int:
        return len(self._movies)

    def __iter__(self) -> Iterator[Movie]:
        return iter(self._movies.values())

    def put(self, movie: Movie) -> None:
        """Adds a movie or replaces the one with its id."""
        former = self._movies.get(movie.movie_id)
        if former is not None:
            self._forget(former)
        self._movies[movie.movie_id] = movie
        self._ids_by_slug[movie.slug] = movie.movie_id
        for word, weight in _weighted_words(movie).items():
            self._vocabulary.add(word)
            self._weights.setdefault(word, {})[movie.movie_id] = weight

    def by_id(self, movie_id: str) -> Movie | None:
        """The movie with that id."""
        return self._movies.get(movie_id)

    def by_slug(self, slug: str) -> Movie | None:
        """The movie with that slug."""
        return self._movies.get(self._ids_by_slug.get(slug, ""))

    def find(self, query: str) -> Mapping[str, int]:
        """Movie id → relevance of the movies that have every word of the query.

        A word also stands for words that begin with it. Only when that finds
        nothing, words with slips are tried.
        """
        words = list(dict.fromkeys(words_of(query)))[:_MOST_WORDS]
        found = self._having_all(words, slips=False) or self._having_all(words, slips=True)
        return {movie_id: score + self._title_bonus(movie_id, query) for movie_id, score in found.items()}

    def _forget(self, movie: Movie) -> None:
        if self._ids_by_slug.get(movie.slug) == movie.movie_id:
            del self._ids_by_slug[movie.slug]
        for word in _weighted_words(movie):
            having = self._weights[word]
            del having[movie.movie_id]
            if not having:
                del self._weights[word]
                self._vocabulary.discard(word)

    def _having_all(self, words: list[str], *, slips: bool) -> dict[str, int]:
        found: dict[str, int] | None = None
        for word in words:
            scores = self._having(word, slips=slips)
            if found is None:
                found = scores
            else:
                found = {movie_id: found[movie_id] + scores[movie_id] for movie_id in found.keys() & scores}
            if not found:
                break
        return found or {}

    def _having(self, typed: str, *, slips: bool) -> dict[str, int]:
        best: dict[str, int] = {}
        for word, quality in self._meant_by(typed, slips=slips):
            for movie_id, weight in self._weights[word].items():
                if best.get(movie_id, 0) < weight * quality:
                    best[movie_id] = weight * quality
        return best

    def _meant_by(self, typed: str, *, slips: bool) -> Iterator[tuple[str, int]]:
        for word in self._vocabulary.starting_with(typed):
            yield word, _WHOLE_WORD if word == typed else _BEGINNING
        if slips:
            for word, slips_made in self._vocabulary.near(typed):
                yield word, _ONE_SLIP if slips_made <= 1 else _TWO_SLIPS

    def _title_bonus(self, movie_id: str, query: str) -> int:
        movie = self._movies[movie_id]
        typed = folded(query).strip()
        titles = (folded(movie.title), folded(movie.original_title))
        if typed in titles:
            return _SAME_TITLE
        return _TITLE_BEGINS_SO if any(title.startswith(typed) for title in titles) else 0


def _weighted_words(movie: Movie) -> dict[str, int]:
    """Each word of the movie with the weight of the best place where it stands."""
    places = [(member.name, _CAST) for member in movie.cast]
    places += [(name, _DIRECTOR) for name in movie.directors]
    places += [(movie.original_title, _ORIGINAL_TITLE), (movie.title, _TITLE)]
    return {word: weight for text, weight in places for word in words_of(text)}
