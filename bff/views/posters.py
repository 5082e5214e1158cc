"""Posters: drawn when first asked for, then from memory."""

import gzip

from aiohttp import hdrs, web
from matinee.catalog.v1 import catalog_pb2

from bff.keys import CATALOGUE, POSTERS
from bff.posters import Billing
from bff.views.fields import id_in_path

_FOR_A_DAY = "public, max-age=86400, stale-while-revalidate=604800"


async def poster_by_id(request: web.Request) -> web.Response:
    """The poster of the movie with that id."""
    movie = await request.app[CATALOGUE].movie(movie_id=id_in_path(request, "movie_id"))
    return _answer(request, movie)


async def poster_by_slug(request: web.Request) -> web.Response:
    """The poster of the movie with that slug, for what remembers no id."""
    movie = await request.app[CATALOGUE].movie(slug=id_in_path(request, "slug"))
    return _answer(request, movie)


def _answer(request: web.Request, movie: catalog_pb2.Movie) -> web.Response:
    billing = Billing(
        key=movie.movie_id,
        title=movie.title,
        genres=tuple(movie.genres),
        year=int(movie.release_date[:4]) if movie.release_date[:4].isdigit() else None,
        director=movie.directors[0] if movie.directors else "",
        colours=tuple(movie.palette),
    )
    compressed, tag = request.app[POSTERS].take(billing, request.query.get("view") == "wide")
    headers = {hdrs.CACHE_CONTROL: _FOR_A_DAY, hdrs.ETAG: tag, hdrs.VARY: hdrs.ACCEPT_ENCODING}
    if request.headers.get(hdrs.IF_NONE_MATCH) == tag:
        return web.Response(status=304, headers=headers)
    if "gzip" in request.headers.get(hdrs.ACCEPT_ENCODING, ""):
        headers[hdrs.CONTENT_ENCODING] = "gzip"
        return web.Response(body=compressed, content_type="image/svg+xml", headers=headers)
    return web.Response(body=gzip.decompress(compressed), content_type="image/svg+xml", headers=headers)
