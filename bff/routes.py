"""Every address of the site."""

from aiohttp import web

from bff.keys import ASSETS
from bff.views import (
    bookings,
    cancelling,
    health,
    landing,
    me,
    movies,
    person,
    posters,
    preferences,
    seats,
    signing_in,
    waiting,
    webhooks,
)

_CITY = "{city:[a-z0-9-]{1,64}}"
_LINK = "{token:[A-Za-z0-9_-]{1,100}}"


def add_routes(app: web.Application) -> None:
    """Fixed first words before those of cities: no city may be called `shows`."""
    app.add_routes(
        [
            web.get("/healthz", health.health),
            web.get("/static/{fingerprint}/{name:.+}", app[ASSETS].serve),
            web.get("/posters/by-slug/{slug}.svg", posters.poster_by_slug),
            web.get("/posters/{movie_id}.svg", posters.poster_by_id),
            web.post("/webhooks/payments/{provider:[a-z]{1,32}}", webhooks.payment_event),
            web.get("/", landing.landing),
            web.post("/locate", landing.locate),
            web.get("/me", me.mine),
            web.get("/me/sign-in", signing_in.address_form),
            web.post("/me/sign-in", signing_in.send_code),
            web.get("/me/sign-in/code", signing_in.code_form),
            web.post("/me/sign-in/code", signing_in.enter_code),
            web.post("/me/sign-out", signing_in.sign_out),
            web.post("/me/preferences", preferences.save),
            web.post("/me/export", person.export),
            web.get("/me/erase", person.erase_form),
            web.post("/me/erase", person.erase),
            web.post("/unsubscribe", preferences.unsubscribe),
            web.get(f"/unsubscribe/{_LINK}", preferences.unsubscribe_form),
            web.post(f"/unsubscribe/{_LINK}", preferences.unsubscribe_at_once),
            web.get("/dev/inbox", me.inbox),
            web.get("/shows/{show_id}", seats.seat_page),
            web.get("/shows/{show_id}/quote", seats.quote),
            web.get("/shows/{show_id}/events", seats.seat_events),
            web.post("/shows/{show_id}/price", seats.price),
            web.post("/shows/{show_id}/suggest", seats.suggest),
            web.post("/shows/{show_id}/hold", seats.hold),
            web.get("/bookings/{booking_id}", bookings.booking_page),
            web.get("/bookings/{booking_id}/events", waiting.booking_events),
            web.get("/bookings/{booking_id}/calendar.ics", bookings.calendar),
            web.post("/bookings/{booking_id}/pay", bookings.pay),
            web.post("/bookings/{booking_id}/abandon", bookings.abandon),
            web.get("/bookings/{booking_id}/cancel", cancelling.preview),
            web.post("/bookings/{booking_id}/cancel", cancelling.cancel),
            web.get(f"/{_CITY}", movies.city_movies),
            web.get(f"/{_CITY}/search", movies.search),
            web.get(f"/{_CITY}/search/titles", movies.suggest_titles),
            web.get(f"/{_CITY}/movies/{{slug}}", movies.movie),
        ]
    )
