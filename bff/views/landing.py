"""The first page, and finding the nearest city."""

from aiohttp import web

from bff.errors import FormMalformed
from bff.keys import ADDRESSES, CATALOGUE, SESSION, VISITOR_TEXTS
from bff.presenters.places import present_landing
from bff.respond import render, see_other
from bff.views.fields import text_in_form, text_in_query


async def landing(request: web.Request) -> web.Response:
    """Cities to choose from; a query that names exactly one city leads there."""
    catalogue = request.app[CATALOGUE]
    query = text_in_query(request, "q")
    cities = await catalogue.cities()
    for city in cities:
        if query and query.casefold() in (city.display_name.casefold(), city.city_id):
            return see_other(f"/{city.city_id}")
    session = request[SESSION]
    guessed = ""
    address = "" if session.city or query else request.app[ADDRESSES].public(request)
    if address:
        nearest = await catalogue.locate_address(address)
        guessed = nearest.city_id if nearest else ""
    view = present_landing(cities, request[VISITOR_TEXTS], query, session.city, guessed)
    return render(request, "landing.html", view=view)


async def locate(request: web.Request) -> web.Response:
    """The city nearest to the position that the browser's owner agreed to send."""
    try:
        latitude = float(await text_in_form(request, "latitude", 30))
        longitude = float(await text_in_form(request, "longitude", 30))
    except ValueError:
        raise FormMalformed from None
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        raise FormMalformed
    city = await request.app[CATALOGUE].locate(latitude=latitude, longitude=longitude)
    return see_other(f"/{city.city_id}")
