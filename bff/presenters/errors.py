"""What a visitor is told when there is no page to show."""

from dataclasses import dataclass
from enum import Enum, auto

from bff.presenters.places import CityChoice
from bff.texts import Texts


class ErrorKind(Enum):
    """Why there is no page, as far as a visitor can do something about it."""

    MISSING = auto()
    SHOW_MISSING = auto()
    BOOKING_MISSING = auto()
    FORM_REFUSED = auto()
    FORM_REPEATED = auto()
    MALFORMED = auto()
    METHOD = auto()
    TOO_LARGE = auto()
    TOO_SLOW = auto()
    HOST = auto()
    BUSY = auto()
    THEATRE_AWAY = auto()
    BROKEN = auto()


@dataclass(frozen=True, slots=True)
class ErrorView:
    """What happened and what to do."""

    title: str
    what: str
    advice: str
    url: str
    link: str
    request_id: str


def present_error(
    kind: ErrorKind, city: CityChoice | None, texts: Texts, request_id: str = "", again: str = ""
) -> ErrorView:
    """The words for an error.

    The request id is for the visitor to quote; `again` is the address that may work in a moment.
    """
    title, what, advice = _words(kind, texts)
    url, link = (again, texts.gettext("Try again")) if again else _way_on(kind, city, texts)
    return ErrorView(title=title, what=what, advice=advice, url=url, link=link, request_id=request_id)


def _way_on(kind: ErrorKind, city: CityChoice | None, texts: Texts) -> tuple[str, str]:
    if kind is ErrorKind.BOOKING_MISSING:
        return "/me", texts.gettext("My bookings")
    if city is not None:
        return city.url, texts.gettext("Movies in %(city)s", city=city.name)
    return "/", texts.gettext("Choose a city")


def _words(kind: ErrorKind, texts: Texts) -> tuple[str, str, str]:
    _ = texts.gettext
    words = {
        ErrorKind.MISSING: (
            _("Not found"),
            _("There is no page at this address."),
            _("The movie may have left the city, or the address has a typing mistake."),
        ),
        ErrorKind.SHOW_MISSING: (
            _("No such show"),
            _("We know of no show at this address."),
            _("It may be over. The movie's page has the coming shows."),
        ),
        ErrorKind.BOOKING_MISSING: (
            _("No such booking"),
            _("This browser has no booking at this address."),
            _(
                "A booking opens in the browser that made it, by the link in its message, or for whoever "
                "signs in with the address or number that it was made with."
            ),
        ),
        ErrorKind.FORM_REFUSED: (
            _("Please try again"),
            _("This form did not come from one of our pages, or the page was open for too long."),
            _("Nothing was changed. Go back, load the page again, and send the form once more."),
        ),
        ErrorKind.FORM_REPEATED: (
            _("Please try again"),
            _("This form was sent before, with something else in it."),
            _("Nothing was changed. Go back, load the page again, and send the form once more."),
        ),
        ErrorKind.MALFORMED: (
            _("We did not understand"),
            _("Something in that request has a form we do not know."),
            _("Nothing was changed. Go back, load the page again, and try once more."),
        ),
        ErrorKind.METHOD: (
            _("Not that way"),
            _("This address cannot be used like that."),
            _("Nothing was changed. Start from the page that the form is on."),
        ),
        ErrorKind.TOO_LARGE: (
            _("Too much at once"),
            _("That was more than this page takes in."),
            _("Nothing was changed."),
        ),
        ErrorKind.TOO_SLOW: (
            _("That took too long"),
            _("Your browser did not finish sending the form."),
            _("Nothing was changed. Please try again."),
        ),
        ErrorKind.HOST: (
            _("Wrong address"),
            _("This site does not answer under that name."),
            _("Please use the address that you know it by."),
        ),
        ErrorKind.BUSY: (
            _("One moment"),
            _("Too much is going on right now, or a part of this site is starting again."),
            _("Please try again in a few seconds. What you paid for is safe."),
        ),
        ErrorKind.THEATRE_AWAY: (
            _("No line to the theatre"),
            _("This theatre's own system does not answer at the moment."),
            _("Other theatres are not affected. Please try again in a minute."),
        ),
        ErrorKind.BROKEN: (
            _("Our mistake"),
            _("Something went wrong on our side."),
            _("Please try again. What you paid for is safe."),
        ),
    }
    return words[kind]
