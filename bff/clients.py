"""The services, as the views see them: one short method for each thing a page needs."""

from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import cast

from matinee.booking.v1 import booking_pb2, booking_pb2_grpc
from matinee.catalog.v1 import catalog_pb2, catalog_pb2_grpc
from matinee.seat.v1 import seat_pb2, seat_pb2_grpc
from matinee.theatre.v1 import seats_pb2
from matinee.type.v1 import geo_pb2, layout_pb2

from bff.cache import TtlCache
from mesh.channel import MeshChannel
from mesh.errors import RemoteError

REVISION_SECONDS = 1.0
"""A show that was cancelled or moved is seen within two seconds: catalog_svc may be one behind as well."""
KEPT_SECONDS = 60.0
"""How long a show is kept while the revision is the same."""
OCCUPANCY_SECONDS = 5.0
_SIDE_SECONDS = 1.0
"""How long a page waits for what it can do without."""
OCCUPANCY_LIMIT = 200
MOVIES_LIMIT = 200


class Catalogue:
    """What is on, from memory where it was read a moment ago."""

    def __init__(self, channel: MeshChannel, cache_seconds: float, monotonic: Callable[[], float]) -> None:
        self._stub = channel.stub(catalog_pb2_grpc.CatalogServiceStub)
        self._cities: TtlCache[tuple[catalog_pb2.City, ...]] = TtlCache(cache_seconds, 1, monotonic)
        self._movies: TtlCache[tuple[catalog_pb2.MovieSummary, ...]] = TtlCache(cache_seconds, 500, monotonic)
        self._movie: TtlCache[catalog_pb2.Movie] = TtlCache(cache_seconds, 2000, monotonic)
        self._shows: TtlCache[catalog_pb2.ListShowsResponse] = TtlCache(cache_seconds, 2000, monotonic)
        self._show: TtlCache[catalog_pb2.GetShowResponse]
        self._show = TtlCache(KEPT_SECONDS if cache_seconds else 0, 500, monotonic)
        self._revision: TtlCache[catalog_pb2.Revision]
        self._revision = TtlCache(min(cache_seconds, REVISION_SECONDS), 1, monotonic)

    async def cities(self) -> tuple[catalog_pb2.City, ...]:
        """Every city, by name."""
        return await self._cities.get((), self._load_cities)

    async def city(self, slug: str) -> catalog_pb2.City:
        """One city; RemoteError NOT_FOUND (UNKNOWN_CITY) when there is none."""
        for city in await self.cities():
            if city.city_id == slug:
                return city
        raise RemoteError("NOT_FOUND", "UNKNOWN_CITY", "no such city", {}, "ListCities")

    def remembered_city(self, slug: str) -> catalog_pb2.City | None:
        """A city from memory alone, for pages that must not wait for the catalogue."""
        cities = self._cities.peek(()) or ()
        return next((city for city in cities if city.city_id == slug), None)

    async def locate(self, *, latitude: float, longitude: float) -> catalog_pb2.City:
        """The city nearest to a position."""
        point = geo_pb2.GeoPoint(latitude=latitude, longitude=longitude)
        response = await self._stub.LocateCity(catalog_pb2.LocateCityRequest(point=point))
        return response.city

    async def locate_address(self, ip_address: str) -> catalog_pb2.City | None:
        """The city nearest to an address; None when it cannot be told, for whatever reason."""
        try:
            response = await self._stub.LocateCity(
                catalog_pb2.LocateCityRequest(ip_address=ip_address), timeout=0.5
            )
        except RemoteError:
            return None  # a guess is a courtesy: no page waits or fails for it
        return response.city

    async def movies(self, city_id: str, business_date: str = "") -> tuple[catalog_pb2.MovieSummary, ...]:
        """The city's movies, most shows first."""

        async def load() -> tuple[catalog_pb2.MovieSummary, ...]:
            response = await self._stub.ListMovies(
                catalog_pb2.ListMoviesRequest(
                    city_id=city_id, business_date=business_date, page_size=MOVIES_LIMIT
                )
            )
            return tuple(response.movies)

        return await self._movies.get((city_id, business_date), load)

    async def search(self, request: catalog_pb2.SearchMoviesRequest) -> catalog_pb2.SearchMoviesResponse:
        """A page of search results."""
        return await self._stub.SearchMovies(request)

    async def movie(self, *, slug: str = "", movie_id: str = "") -> catalog_pb2.Movie:
        """One movie, by slug or by id."""
        request = (
            catalog_pb2.GetMovieRequest(slug=slug) if slug else catalog_pb2.GetMovieRequest(movie_id=movie_id)
        )

        async def load() -> catalog_pb2.Movie:
            return (await self._stub.GetMovie(request)).movie

        return await self._movie.get((slug, movie_id), load)

    async def shows(
        self, movie_id: str, city_id: str, business_date: str = ""
    ) -> catalog_pb2.ListShowsResponse:
        """A movie's shows of a day in a city."""
        request = catalog_pb2.ListShowsRequest(
            movie_id=movie_id, city_id=city_id, business_date=business_date
        )

        async def load() -> catalog_pb2.ListShowsResponse:
            return await self._stub.ListShows(request)

        return await self._shows.get((movie_id, city_id, business_date), load)

    async def show(self, show_id: str) -> catalog_pb2.GetShowResponse:
        """One show with its movie, theatre, screen, layout and prices; kept until the catalogue changes."""
        revision = await self._revision.get((), self._load_revision)

        async def load() -> catalog_pb2.GetShowResponse:
            return await self._stub.GetShow(catalog_pb2.GetShowRequest(show_id=show_id, at_least=revision))

        return await self._show.get((show_id, revision.movies, revision.places, revision.shows), load)

    async def _load_revision(self) -> catalog_pb2.Revision:
        # A catalogue that hangs must leave the page time to be made from what is known.
        request = catalog_pb2.GetRevisionRequest()
        return (await self._stub.GetRevision(request, timeout=_SIDE_SECONDS)).revision

    async def _load_cities(self) -> tuple[catalog_pb2.City, ...]:
        cities: list[catalog_pb2.City] = []
        token = ""
        while True:
            response = await self._stub.ListCities(
                catalog_pb2.ListCitiesRequest(page_size=500, page_token=token)
            )
            cities.extend(response.cities)
            token = response.next_page_token
            if not token:
                return tuple(cities)


@dataclass(frozen=True, slots=True)
class LaidOutSeats:
    """The states of seats, and the layout whose order they follow."""

    seat_map: seats_pb2.SeatMap
    layout: layout_pb2.Layout


class Seats:
    """Seats of shows, asked for each time, but for how full a show is."""

    def __init__(self, channel: MeshChannel, monotonic: Callable[[], float]) -> None:
        self._stub = channel.stub(seat_pb2_grpc.SeatServiceStub)
        self._occupancies: TtlCache[dict[str, seat_pb2.Occupancy]] = TtlCache(
            OCCUPANCY_SECONDS, 500, monotonic, stale_seconds=0
        )

    async def seat_map(self, show_id: str, known: layout_pb2.Layout) -> LaidOutSeats:
        """The states of a show's seats, with the layout they follow; asked for only if not known."""
        request = seat_pb2.GetSeatMapRequest(show_id=show_id)
        response: seat_pb2.GetSeatMapResponse = await self._stub.GetSeatMap(request)
        if response.seat_map.layout_id != known.layout_id:
            request.include_layout = True
            response = await self._stub.GetSeatMap(request)
            return LaidOutSeats(response.seat_map, response.layout)
        return LaidOutSeats(response.seat_map, known)

    def watch(
        self, show_id: str, after: int, timeout: float
    ) -> AsyncGenerator[seat_pb2.WatchSeatsResponse, None]:
        """A snapshot, then changes; ends after the timeout, in seconds. Close it when done."""
        request = seat_pb2.WatchSeatsRequest(show_id=show_id, after_sequence=after)
        stream = self._stub.WatchSeats(request, timeout=timeout)
        return cast("AsyncGenerator[seat_pb2.WatchSeatsResponse, None]", stream)

    async def suggest(
        self, show_id: str, party_size: int, category_id: str, accessible: bool
    ) -> tuple[str, ...]:
        """The best free seats next to each other; empty when no such group is free."""
        request = seat_pb2.SuggestSeatsRequest(
            show_id=show_id, party_size=party_size, category_id=category_id, accessible=accessible
        )
        try:
            return tuple((await self._stub.SuggestSeats(request)).seat_ids)
        except RemoteError as error:
            if error.reason == "NO_SEATS_LEFT":
                return ()
            raise

    async def occupancies(self, show_ids: Sequence[str]) -> dict[str, seat_pb2.Occupancy]:
        """How full shows are; empty when it cannot be told, for a page is useful without it."""
        asked = tuple(show_ids[:OCCUPANCY_LIMIT])
        if not asked:
            return {}

        async def load() -> dict[str, seat_pb2.Occupancy]:
            response = await self._stub.ListOccupancy(
                seat_pb2.ListOccupancyRequest(show_ids=asked), timeout=_SIDE_SECONDS
            )
            return {occupancy.show_id: occupancy for occupancy in response.occupancies}

        try:
            return await self._occupancies.get(asked, load)
        except RemoteError:
            return {}


class Bookings:
    """Bookings of the browser's own buyer, or opened by an access key."""

    def __init__(self, channel: MeshChannel) -> None:
        self._stub = channel.stub(booking_pb2_grpc.BookingServiceStub)

    async def quote(self, show_id: str, seat_ids: Sequence[str]) -> booking_pb2.Quote:
        """The price of seats, holding nothing."""
        request = booking_pb2.QuoteBookingRequest(show_id=show_id, seat_ids=seat_ids)
        return (await self._stub.QuoteBooking(request)).quote

    async def create(
        self, request_id: str, buyer_id: str, show_id: str, seat_ids: Sequence[str]
    ) -> booking_pb2.Booking:
        """A booking with its seats held."""
        request = booking_pb2.CreateBookingRequest(
            request_id=request_id, buyer_id=buyer_id, show_id=show_id, seat_ids=seat_ids
        )
        return (await self._stub.CreateBooking(request)).booking

    async def get(self, booking_id: str, viewer: booking_pb2.BookingViewer) -> booking_pb2.Booking:
        """One booking."""
        request = booking_pb2.GetBookingRequest(booking_id=booking_id, viewer=viewer)
        return (await self._stub.GetBooking(request)).booking

    async def get_past(
        self,
        states: Iterable["booking_pb2.BookingState.ValueType"],
        booking_id: str,
        viewer: booking_pb2.BookingViewer,
        seconds: float,
    ) -> booking_pb2.Booking:
        """The booking once it has left these states, or as it stands after so many seconds."""
        request = booking_pb2.GetBookingRequest(
            booking_id=booking_id,
            viewer=viewer,
            passing_states=states,
            wait_milliseconds=round(seconds * 1000),
        )
        return (await self._stub.GetBooking(request)).booking

    async def list(
        self, buyer_id: str, sign_in_token: str, page_token: str
    ) -> booking_pb2.ListBookingsResponse:
        """A page of the bookings of the buyer and of whoever is signed in, newest first."""
        return await self._stub.ListBookings(
            booking_pb2.ListBookingsRequest(
                buyer_id=buyer_id, sign_in_token=sign_in_token, page_size=20, page_token=page_token
            )
        )

    async def start_payment(self, request: booking_pb2.StartPaymentRequest) -> booking_pb2.Booking:
        """The booking with an open payment."""
        return (await self._stub.StartPayment(request)).booking

    async def abandon(
        self, request_id: str, booking_id: str, viewer: booking_pb2.BookingViewer
    ) -> booking_pb2.Booking:
        """The booking, given up."""
        request = booking_pb2.AbandonBookingRequest(
            request_id=request_id, booking_id=booking_id, viewer=viewer
        )
        return (await self._stub.AbandonBooking(request)).booking

    async def preview_cancellation(
        self, booking_id: str, viewer: booking_pb2.BookingViewer, seat_ids: Sequence[str]
    ) -> booking_pb2.PreviewCancellationResponse:
        """What cancelling these seats would mean."""
        return await self._stub.PreviewCancellation(
            booking_pb2.PreviewCancellationRequest(booking_id=booking_id, viewer=viewer, seat_ids=seat_ids)
        )

    async def cancel(self, request: booking_pb2.CancelBookingRequest) -> booking_pb2.Booking:
        """The booking, with those seats cancelled."""
        return (await self._stub.CancelBooking(request)).booking

    def watch(
        self, booking_id: str, viewer: booking_pb2.BookingViewer, timeout: float
    ) -> AsyncGenerator[booking_pb2.WatchBookingResponse, None]:
        """The booking as it is, then after every change; ends after the timeout, in seconds."""
        request = booking_pb2.WatchBookingRequest(booking_id=booking_id, viewer=viewer)
        stream = self._stub.WatchBooking(request, timeout=timeout)
        return cast("AsyncGenerator[booking_pb2.WatchBookingResponse, None]", stream)

    async def record_payment_event(self, provider: str, body: bytes, signature: str) -> None:
        """Hands a provider's event over; returns once it is stored."""
        await self._stub.RecordPaymentEvent(
            booking_pb2.RecordPaymentEventRequest(provider=provider, body=body, signature=signature)
        )
