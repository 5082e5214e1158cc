"""Writing letters: what happened, in words and pictures."""

import gettext
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template, select_autoescape

from mesh import qr
from notify_svc.channels.email import calendar
from notify_svc.channels.email.letter import Calendar, Letter, Picture
from notify_svc.channels.email.words import BookingWords, booking_words
from notify_svc.channels.texts import Texts, TextsByLanguage
from notify_svc.domain.bookings import Booking, Ticket
from notify_svc.domain.contents import BookingEvent, Content, DirectMessage
from notify_svc.domain.news import UNPAID

_GAP = re.compile(r"\n{3,}")
_NO_NAME = re.compile(r"[^A-Za-z0-9-]")
_TEMPLATES = Path(__file__).parent.parent.parent / "templates"
_WITH_QR_CODES = frozenset({"booking_confirmed", "booking_cancelled", "show_reminder", "show_rescheduled"})
_WITH_ENTRY = frozenset({"booking_confirmed", "show_rescheduled"})
_TAKES_ENTRY_BACK = frozenset({"booking_cancelled", "show_cancelled"})


class LetterWriter:
    """Writes letters by the templates `<name>.txt` and `<name>.html`; thread-safe."""

    def __init__(self, public_url: str) -> None:
        self._public_url = public_url
        self._texts = TextsByLanguage()
        # Each keeps its compiled templates: compiling takes far longer than writing.
        self._environments = {
            language: _environment(translations) for language, translations in self._texts.languages.items()
        }

    def write(self, content: Content, unsubscribe_url: str = "") -> Letter:
        """The letter that tells of the content; with the link that switches off its kind, if there is one."""
        if isinstance(content, DirectMessage):
            return self._direct(content)
        return self._about_booking(content, unsubscribe_url)

    def write_short(self, content: Content, longest: int) -> str:
        """The same in a few lines, for where there is room for no more; cut before the link, never in it."""
        texts = self._texts_for(content)
        if isinstance(content, DirectMessage):
            return self._subject(content.name, texts, {"blanks": content.values, "words": None})[:longest]
        words = booking_words(content, texts, self._link(content.booking))
        place = ", ".join(part for part in (words.day, words.time, words.theatre, words.screen) if part)
        seats = texts.translations.gettext("Seats: %(seats)s") % {"seats": words.seats}
        headline = self._subject(content.name, texts, {"blanks": {}, "words": words})
        what = f"{headline}\n{place}. {seats}"
        return f"{what[: longest - len(words.link) - 1]}\n{words.link}"

    def no_more(self, content: Content) -> str:
        """Words before the link that switches off messages of this kind."""
        return self._texts_for(content).translations.gettext("No more of these:")

    def _texts_for(self, content: Content) -> Texts:
        if isinstance(content, DirectMessage):
            return self._texts.for_tag(content.values.get("language", ""))
        return self._texts.for_tag(content.booking.contact.language)

    def _subject(self, name: str, texts: Texts, values: dict[str, Any]) -> str:
        plain = self._environments[texts.language].get_template(f"{name}.txt")
        return _block(plain, "subject", values | {"texts": texts}).strip()

    def _link(self, booking: Booking) -> str:
        page = self._page(booking)
        return f"{page}?key={quote(booking.access_key, safe='')}" if booking.access_key else page

    def _page(self, booking: Booking) -> str:
        return f"{self._public_url}/bookings/{quote(booking.booking_id, safe='')}"

    def _direct(self, message: DirectMessage) -> Letter:
        texts = self._texts_for(message)
        return self._letter(message.template_id, texts, "", {"blanks": message.values, "words": None})

    def _about_booking(self, event: BookingEvent, unsubscribe_url: str) -> Letter:
        booking = event.booking
        texts = self._texts_for(event)
        words = booking_words(event, texts, self._link(booking))
        tickets = booking.tickets if event.name in _WITH_QR_CODES else ()
        return self._letter(
            event.name,
            texts,
            "" if event.news_kind is UNPAID else booking.contact.full_name,
            {"blanks": {}, "words": words},
            pictures=[_qr_code(n, ticket) for n, ticket in enumerate(tickets)],
            calendar_file=_calendar_file(event, self._page(booking), words, texts),
            unsubscribe_url=unsubscribe_url,
        )

    def _letter(
        self,
        name: str,
        texts: Texts,
        recipient_name: str,
        values: dict[str, Any],
        pictures: list[Picture] | None = None,
        calendar_file: Calendar | None = None,
        unsubscribe_url: str = "",
    ) -> Letter:
        environment = self._environments[texts.language]
        values = values | {
            "texts": texts,
            "recipient_name": recipient_name,
            "site_url": self._public_url,
            "preferences_url": f"{self._public_url}/me#news",
            "unsubscribe_url": unsubscribe_url,
        }
        plain = environment.get_template(f"{name}.txt")
        return Letter(
            subject=_block(plain, "subject", values).strip(),
            text=_without_gaps(plain.render(values)),
            html=environment.get_template(f"{name}.html").render(values),
            language_tag=texts.language_tag,
            recipient_name=recipient_name,
            pictures=pictures or (),
            calendar=calendar_file,
            unsubscribe_url=unsubscribe_url,
        )


def _environment(translations: gettext.NullTranslations) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
    )
    environment.install_gettext_translations(translations, newstyle=True)  # type: ignore[attr-defined]
    return environment


def _without_gaps(text: str) -> str:
    """Parts that were left out leave no more than one empty line."""
    return _GAP.sub("\n\n", text).strip() + "\n"


def _block(template: Template, name: str, values: dict[str, Any]) -> str:
    return "".join(template.blocks[name](template.new_context(values)))


def _qr_code(n: int, ticket: Ticket) -> Picture:
    name = _NO_NAME.sub("_", ticket.seat_id)
    return Picture(f"ticket-{n}", f"ticket-{name}.png", qr.png(ticket.ticket_id))


def _calendar_file(event: BookingEvent, page: str, words: BookingWords, texts: Texts) -> Calendar | None:
    booking, title = event.booking, event.booking.show.movie_title
    if event.name in _TAKES_ENTRY_BACK and not booking.tickets:
        return calendar.cancellation(booking, event.event_time, title)
    if event.name not in _WITH_ENTRY:
        return None
    seats = texts.translations.gettext("Seats: %(seats)s") % {"seats": words.seats}
    # Without the access key: calendars are shared with people who should not be able to cancel.
    return calendar.entry(booking, event.event_time, page, title, f"{seats}\n{page}")
