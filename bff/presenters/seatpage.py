"""The seat page around its map: what was chosen, what it costs, what went wrong."""

from collections.abc import Sequence
from dataclasses import dataclass

from bff.presenters.quotes import QuoteView
from bff.presenters.seatmap import SeatMapView
from bff.presenters.shows import ShowFacts
from bff.texts import Texts


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to tell above a page; `bad` when a wish could not be met."""

    title: str
    text: str
    bad: bool = True


@dataclass(frozen=True, slots=True)
class SeatPageView:
    """The whole page."""

    show: ShowFacts
    map: SeatMapView
    quote: QuoteView | None
    notice: Notice | None
    party: int
    party_sizes: Sequence[int]
    limit: int
    open: bool
    live: bool


def seats_lost(lost: Sequence[str], offered: Sequence[str], texts: Texts) -> Notice:
    """Somebody was faster."""
    title = texts.ngettext(
        "Seat %(seats)s has just gone", "Seats %(seats)s have just gone", len(lost), seats=texts.listed(lost)
    )
    if not offered:
        return Notice(title, texts.gettext("Somebody was faster by a moment, and no seats are left."))
    text = texts.gettext(
        "Somebody was faster by a moment. The nearest free seats are marked for you: %(seats)s.",
        seats=texts.listed(offered),
    )
    return Notice(title, text)


def nothing_chosen(texts: Texts) -> Notice:
    """A hold without seats."""
    return Notice(
        texts.gettext("No seat is chosen"), texts.gettext("Choose seats in the map, or let us find the best.")
    )


def too_many(limit: int, texts: Texts) -> Notice:
    """More seats than one booking may hold."""
    return Notice(
        texts.gettext("Too many seats"),
        texts.gettext("One booking holds at most %(limit)d seats. Take some away.", limit=limit),
    )


def no_group_free(party: int, texts: Texts) -> Notice:
    """No suggestion."""
    return Notice(
        texts.gettext("Not next to each other"),
        texts.ngettext(
            "No such seat is free any more. Try another category.",
            "No %(count)d seats next to each other are free there. Try fewer people or another category.",
            party,
        ),
    )


def show_closed(cancelled: bool, texts: Texts) -> Notice:
    """Why nothing can be held on this page."""
    if cancelled:
        return Notice(
            texts.gettext("The show was cancelled"),
            texts.gettext(
                "The theatre had to cancel it. Whoever has tickets is told, and the money goes back."
            ),
        )
    return Notice(
        texts.gettext("Sales have ended"), texts.gettext("This show has begun. Choose another one.")
    )


def hold_refused(reason: str, seats: Sequence[str], texts: Texts) -> Notice | None:
    """Why seats were not held, besides a lost race; None for what is no refusal."""
    named = texts.listed(seats)
    _ = texts.gettext
    words = {
        "SHOW_CLOSED": (
            _("Sales have ended"),
            _("This show has begun, or was cancelled. Choose another one."),
        ),
        "HOLD_LIMIT": (
            _("Too many seats"),
            _("You hold as many seats of this show as one person may. Pay for them or give them up first."),
        ),
        "LONE_SEAT": (
            _("One seat would be left alone"),
            _("This theatre does not sell seats so that a single one stays empty. Move by one seat."),
        ),
        "REQUEST_ID_REUSED": (
            _("Please choose once more"),
            _("You held other seats from this page before. Hold the marked ones if you want them too."),
        ),
        "SEATS_REFUSED": (_("Not for sale"), _("The theatre does not sell these seats now. Choose others.")),
        "UNKNOWN_SEAT": (_("No such seat"), _("The hall has no seat of that name. Choose in the map.")),
        "SEAT_BLOCKED": (
            _("Not for sale"),
            _("The theatre does not sell this seat: %(seats)s.", seats=named),
        ),
    }
    found = words.get(reason)
    return Notice(*found) if found else None
