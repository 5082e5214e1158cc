"""CatalogService: reads."""

import datetime as dt
from typing import Any

from grpc import aio
from matinee.catalog.v1 import catalog_pb2, catalog_pb2_grpc

from catalog_svc.convert import from_proto, to_proto
from catalog_svc.convert.show_messages import ShowMessages
from catalog_svc.domain.paging import PageTokens
from catalog_svc.domain.programme import coming_since
from catalog_svc.ports import Catalogue, CityLocator
from catalog_svc.usecases import browse, schedule, search
from mesh.clock import Clock
from mesh.errors import InvalidField

Context = aio.ServicerContext[Any, Any]


class CatalogServicer(catalog_pb2_grpc.CatalogServiceServicer):
    """See the proto."""

    def __init__(
        self,
        catalogue: Catalogue,
        locator: CityLocator,
        tokens: PageTokens,
        clock: Clock,
        sales_end_after_start: dt.timedelta,
    ) -> None:
        self._catalogue = catalogue
        self._locator = locator
        self._tokens = tokens
        self._clock = clock
        self._sales_end_after_start = sales_end_after_start
        self._shows = ShowMessages()

    async def ListCities(
        self, request: catalog_pb2.ListCitiesRequest, _context: Context
    ) -> catalog_pb2.ListCitiesResponse:
        """See the proto."""
        page = await browse.list_cities(from_proto.page_request(request), self._catalogue, self._tokens)
        return catalog_pb2.ListCitiesResponse(
            cities=[to_proto.city(city) for city in page.items], next_page_token=page.next_page_token
        )

    async def LocateCity(
        self, request: catalog_pb2.LocateCityRequest, _context: Context
    ) -> catalog_pb2.LocateCityResponse:
        """See the proto."""
        match request.WhichOneof("origin"):
            case "point":
                located = await browse.locate_city(
                    from_proto.point(request.point), self._catalogue, self._locator
                )
            case "ip_address":
                located = await browse.locate_city(request.ip_address, self._catalogue, self._locator)
            case _:
                raise InvalidField("origin", "must be a point or an IP address")
        city, distance_km = located
        return catalog_pb2.LocateCityResponse(city=to_proto.city(city), distance_km=distance_km)

    async def ListMovies(
        self, request: catalog_pb2.ListMoviesRequest, _context: Context
    ) -> catalog_pb2.ListMoviesResponse:
        """See the proto."""
        page = await browse.list_movies(
            request.city_id,
            from_proto.optional_date("business_date", request.business_date),
            from_proto.page_request(request),
            self._since(),
            self._catalogue,
            self._tokens,
        )
        return catalog_pb2.ListMoviesResponse(
            movies=[to_proto.movie_summary(summary) for summary in page.items],
            next_page_token=page.next_page_token,
        )

    async def SearchMovies(
        self, request: catalog_pb2.SearchMoviesRequest, _context: Context
    ) -> catalog_pb2.SearchMoviesResponse:
        """See the proto."""
        result = await search.search_movies(
            from_proto.movie_search(request),
            from_proto.page_request(request),
            self._since(),
            self._catalogue,
            self._tokens,
        )
        return catalog_pb2.SearchMoviesResponse(
            movies=[to_proto.movie_summary(summary) for summary in result.page.items],
            next_page_token=result.page.next_page_token,
            total_size=result.page.total_size,
            genre_facets=[catalog_pb2.FacetCount(value=value, count=count) for value, count in result.genres],
            language_facets=[
                catalog_pb2.FacetCount(value=value, count=count) for value, count in result.languages
            ],
        )

    async def GetMovie(
        self, request: catalog_pb2.GetMovieRequest, _context: Context
    ) -> catalog_pb2.GetMovieResponse:
        """See the proto."""
        match request.WhichOneof("key"):
            case "movie_id":
                movie = await browse.get_movie_by_id(request.movie_id, self._catalogue)
            case "slug":
                movie = await browse.get_movie_by_slug(request.slug, self._catalogue)
            case _:
                raise InvalidField("key", "must be a movie id or a slug")
        return catalog_pb2.GetMovieResponse(movie=to_proto.movie(movie))

    async def ListShows(
        self, request: catalog_pb2.ListShowsRequest, _context: Context
    ) -> catalog_pb2.ListShowsResponse:
        """See the proto."""
        day = await browse.list_shows(
            request.movie_id,
            request.city_id,
            from_proto.optional_date("business_date", request.business_date),
            self._since(),
            self._catalogue,
        )
        return catalog_pb2.ListShowsResponse(
            business_date=day.business_date.isoformat() if day.business_date else "",
            theatres=[
                catalog_pb2.TheatreShows(
                    theatre=to_proto.theatre(entry.theatre),
                    shows=[to_proto.show(show, entry.theatre) for show in entry.shows],
                )
                for entry in day.theatres
            ],
            available_dates=[date.isoformat() for date in day.available_dates],
        )

    async def GetShow(
        self, request: catalog_pb2.GetShowRequest, _context: Context
    ) -> catalog_pb2.GetShowResponse:
        """See the proto."""
        at_least = from_proto.revisions(request.at_least) if request.HasField("at_least") else None
        details = await browse.get_show(request.show_id, at_least, self._catalogue)
        return self._shows.message(details)

    async def GetRevision(
        self, _request: catalog_pb2.GetRevisionRequest, _context: Context
    ) -> catalog_pb2.GetRevisionResponse:
        """See the proto."""
        return catalog_pb2.GetRevisionResponse(revision=to_proto.revision(await self._catalogue.revisions()))

    async def ListScheduleChanges(
        self, request: catalog_pb2.ListScheduleChangesRequest, _context: Context
    ) -> catalog_pb2.ListScheduleChangesResponse:
        """See the proto."""
        changes = await schedule.list_schedule_changes(
            request.after_sequence, request.page_size, self._catalogue
        )
        return catalog_pb2.ListScheduleChangesResponse(
            changes=[to_proto.schedule_change(change) for change in changes]
        )

    def _since(self) -> dt.datetime:
        return coming_since(self._clock.now(), self._sales_end_after_start)
