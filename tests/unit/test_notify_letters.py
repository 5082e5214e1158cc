"""What customers read."""

import datetime as dt
import email
import email.policy
from collections.abc import Callable
from email.header import decode_header, make_header
from email.utils import parseaddr
from html.parser import HTMLParser
from typing import Any

import icalendar
import pytest
from google.protobuf.message import Message as ProtoMessage
from matinee.booking.v1 import booking_pb2, events_pb2

from notify_svc.channels.email.envelope import sealed
from notify_svc.channels.email.letter import Letter
from notify_svc.channels.email.letters import LetterWriter
from notify_svc.convert.contents import content_of
from notify_svc.domain.contents import DirectMessage
from notify_svc.domain.notifications import Channel, Notification
from notify_svc.errors import RecipientRefused
from tests.fixtures.booking_events import START, a_booking, a_header, event_type, rupees, timestamp
from tests.fixtures.mail import ReceivedMail

WRITER = LetterWriter("https://matinee.example")
NOW = START - dt.timedelta(hours=5)


def letter_about(event: ProtoMessage) -> Letter:
    return WRITER.write(content_of(event_type(event), event.SerializeToString()))


def mail_about(event: ProtoMessage, recipient: str = "ada@example.com") -> ReceivedMail:
    return as_received(letter_about(event), recipient)


def as_received(letter: Letter, recipient: str = "ada@example.com") -> ReceivedMail:
    notification = Notification("event-1", "any", "booking-1", Channel.EMAIL, recipient)
    mail = sealed(letter, notification, "Matinee <tickets@matinee.example>", NOW)
    return ReceivedMail([mail.recipient], email.message_from_bytes(mail.content, policy=email.policy.default))


def confirmed(booking: booking_pb2.Booking | None = None) -> events_pb2.BookingConfirmed:
    return events_pb2.BookingConfirmed(header=a_header(booking))


def test_the_qr_codes_say_the_ticket_ids_and_the_page_shows_each_one() -> None:
    mail = mail_about(confirmed())
    assert mail.qr_codes() == {"ticket-0": "REX-2026-000017", "ticket-1": "REX-2026-000018"}
    for content_id in ("ticket-0", "ticket-1"):
        assert f'src="cid:{content_id}"' in mail.html


def test_the_ticket_mail_tells_where_when_and_which_seats_in_the_theatres_time() -> None:
    mail = mail_about(confirmed())
    assert mail.message["Subject"] == "Your tickets: Tears of Steel"
    for told in (
        "Sunday, 29 November 2026",
        "14:30",
        "Kolkata time",
        "Screen 2",
        "12 Marine Drive",
        "C7 and C8",
    ):
        assert told in mail.text
        assert told in mail.html
    assert "Rex & Regal" in mail.text
    assert "Rex &amp; Regal" in mail.html


def test_a_clock_change_is_told_right() -> None:
    booking = a_booking()
    booking.show.time_zone = "Europe/Berlin"
    # The second 02:30 of the night in which the clock is put back.
    booking.show.start_time.CopyFrom(timestamp(dt.datetime(2026, 10, 25, 1, 30, tzinfo=dt.UTC)))
    booking.cancel_until_time.CopyFrom(timestamp(dt.datetime(2026, 10, 24, 22, 30, tzinfo=dt.UTC)))
    text = mail_about(confirmed(booking)).text
    assert "Sunday, 25 October 2026, 02:30 (Berlin time)" in text
    assert "until Sunday, 25 October 2026, 00:30" in text


def test_the_price_lines_add_up_to_the_total() -> None:
    text = mail_about(confirmed()).text
    amounts = [line.rpartition(": ")[2] for line in text.splitlines() if "₹" in line]
    units = [round(float(amount.replace("₹", "")) * 100) for amount in amounts]
    assert units[:-1] == [30_000, -6_000, 30_000, -6_000]
    assert units[-1] == sum(units[:-1]) == 48_000


def test_the_link_opens_the_booking_with_its_key_and_the_calendar_does_not_give_the_key_away() -> None:
    booking = a_booking(booking_id="b/1")
    mail = mail_about(confirmed(booking))
    link = "https://matinee.example/bookings/b%2F1?key=k%2By%2Fwith%3Dsigns"
    assert link in mail.text
    assert f'href="{link}"' in mail.html
    calendar = mail.parts("text/calendar")[0].get_content()
    assert "https://matinee.example/bookings/b%2F1" in calendar
    assert "k%2By" not in calendar


def test_the_calendar_file_has_the_show_from_start_to_end() -> None:
    booking = a_booking()
    mail = mail_about(confirmed(booking))
    [part] = mail.parts("text/calendar")
    assert part.get_param("method") == "PUBLISH"
    calendar = icalendar.Calendar.from_ical(part.get_content())
    [event] = calendar.walk("VEVENT")
    assert event.decoded("dtstart") == START
    assert event.decoded("dtend") == START + dt.timedelta(minutes=92)
    assert str(event["summary"]) == "Tears of Steel"
    assert str(event["location"]) == "Rex & Regal, Screen 2, 12 Marine Drive, Mumbai 400020"
    assert event.decoded("sequence") == booking.version


def test_cancelling_takes_the_entry_out_of_the_calendar() -> None:
    booking = a_booking(state=booking_pb2.BOOKING_STATE_CANCELLED)
    entry = _calendar_event(confirmed(booking))
    booking.version += 1
    removal = _calendar_event(events_pb2.BookingCancelled(header=a_header(booking)))
    assert (entry["uid"], removal["status"]) == (removal["uid"], "CANCELLED")
    assert removal.decoded("sequence") > entry.decoded("sequence")


def _calendar_event(event: ProtoMessage) -> Any:
    [part] = mail_about(event).parts("text/calendar")
    [found] = icalendar.Calendar.from_ical(part.get_content()).walk("VEVENT")
    return found


@pytest.mark.parametrize("title", ["Tears, of; Steel\\ \\n", "Ü" * 200, "ab" + "票" * 90, "x" * 74, "x" * 75])
def test_calendar_files_are_read_back_whatever_the_words_are(title: str) -> None:
    booking = a_booking()
    booking.show.movie_title = title
    booking.show.theatre_name = f"{title}; END:VEVENT"
    [part] = mail_about(confirmed(booking)).parts("text/calendar")
    raw = part.get_payload(decode=True)
    assert isinstance(raw, bytes)
    assert max(len(line) for line in raw.split(b"\r\n")) <= 75
    [event] = icalendar.Calendar.from_ical(raw).walk("VEVENT")
    assert str(event["summary"]) == title
    assert str(event["location"]).startswith(f"{title}; END:VEVENT, Screen 2")
    [alarm] = event.walk("VALARM")
    assert alarm.decoded("trigger") == dt.timedelta(hours=-1)


def test_cancelled_tickets_are_never_shown_as_valid() -> None:
    booking = a_booking(state=booking_pb2.BOOKING_STATE_REFUNDING)
    mail = mail_about(events_pb2.BookingCancelled(header=a_header(booking)))
    assert mail.qr_codes() == {}
    assert "REX-2026-000017" not in mail.text + mail.html

    partly = a_booking()
    partly.tickets[0].cancelled = True
    mail = mail_about(events_pb2.BookingCancelled(header=a_header(partly)))
    assert list(mail.qr_codes().values()) == ["REX-2026-000018"]
    assert "REX-2026-000017" not in mail.text + mail.html
    assert mail.parts("text/calendar") == []


def test_the_letter_names_the_seats_that_were_cancelled() -> None:
    booking = a_booking(partial_cancellations=[booking_pb2.PartialCancellation(seat_ids=["C7"])])
    mail = mail_about(events_pb2.BookingCancelled(header=a_header(booking), cancelled_seat_ids=["C7"]))
    for text in (mail.text, mail.html):
        assert "is on its way: C7." in text
        assert "still valid" in text
    assert list(mail.qr_codes().values()) == ["REX-2026-000018"]


def test_who_had_not_paid_is_told_that_the_show_was_cancelled_and_not_that_time_ran_out() -> None:
    booking = a_booking(
        state=booking_pb2.BOOKING_STATE_EXPIRED,
        show_cancellation=booking_pb2.ShowCancellation(cancel_reason="The projector broke."),
    )
    mail = mail_about(events_pb2.BookingExpired(header=a_header(booking)))
    for text in (mail.text, mail.html):
        assert "cancel the show before you had paid" in text
        assert "The projector broke." in text
        assert "Time ran out" not in text
    assert "Time ran out" in mail_about(events_pb2.BookingExpired(header=a_header())).text


def refunded(reason: str) -> events_pb2.RefundIssued:
    refund = booking_pb2.Refund(refund_id="r-1", amount=rupees(48_000), refund_reason=reason)
    return events_pb2.RefundIssued(header=a_header(), refund=refund)


def declined() -> events_pb2.PaymentFailed:
    booking = a_booking(state=booking_pb2.BOOKING_STATE_HELD)
    booking.payment.decline_reason = "The card has expired."
    return events_pb2.PaymentFailed(header=a_header(booking))


def rescheduled() -> events_pb2.ShowRescheduled:
    return events_pb2.ShowRescheduled(
        header=a_header(),
        previous_start_time=timestamp(START - dt.timedelta(hours=3)),
        reschedule_reason="The projector had to be mended.",
    )


@pytest.mark.parametrize(
    ("event", "subject", "told"),
    [
        (declined, "Your payment for Tears of Steel did not go through", ["The card has expired."]),
        (
            lambda: events_pb2.BookingExpired(header=a_header()),
            "Your seats for Tears of Steel were released",
            ["money back"],
        ),
        (lambda: refunded("seats_lost"), "Your refund: ₹480.00", ["₹480.00", "somebody else"]),
        (lambda: refunded("paid_twice"), "Your refund: ₹480.00", ["You paid twice"]),
        (lambda: refunded("theatre_unavailable"), "Your refund: ₹480.00", ["could not be reached"]),
        (lambda: refunded("a_reason_of_tomorrow"), "Your refund: ₹480.00", ["₹480.00"]),
        (
            lambda: events_pb2.ShowCancelled(header=a_header(), cancel_reason="A burst pipe."),
            "Show cancelled: Tears of Steel",
            ["A burst pipe.", "money is on its way back"],
        ),
        (
            rescheduled,
            "New time: Tears of Steel",
            ["11:30", "14:30", "The projector had to be mended.", "REX-2026-000018"],
        ),
        (
            lambda: events_pb2.ShowReminder(header=a_header()),
            "Today at 14:30: Tears of Steel",
            ["starts soon", "REX-2026-000017"],
        ),
    ],
)
def test_every_event_has_its_letter(event: Callable[[], ProtoMessage], subject: str, told: list[str]) -> None:
    mail = mail_about(event())
    assert mail.message["Subject"] == subject
    for words in told:
        assert words in mail.text
        assert words in mail.html
    assert "a_reason_of_tomorrow" not in mail.text


def test_a_letter_that_anybody_can_have_sent_has_no_words_of_whoever_has_it_sent() -> None:
    contact = booking_pb2.Contact(full_name="You won! evil.example", email="ada@example.com")
    header = a_header(a_booking(contact=contact))
    for event in (events_pb2.PaymentFailed(header=header), events_pb2.BookingExpired(header=header)):
        letter = letter_about(event)
        for part in (letter.subject, letter.text, letter.html):
            assert "evil.example" not in part
    assert "Hello You won! evil.example," in letter_about(events_pb2.BookingConfirmed(header=header)).text


def test_a_sign_in_code_is_in_subject_text_and_page() -> None:
    message = DirectMessage(
        "r-1", Channel.EMAIL, "ada@example.com", "sign_in_code", {"code": "271828", "minutes": "10"}
    )
    mail = as_received(WRITER.write(message))
    assert mail.message["Subject"] == "271828 is your sign-in code"
    assert "271828" in mail.text
    assert "271828" in mail.html
    assert "10 minutes" in mail.text


def test_the_pages_elements_are_all_closed() -> None:
    for event in (confirmed(), declined(), refunded("seats_lost"), rescheduled()):
        _Balance().check(letter_about(event).html)


class _Balance(HTMLParser):
    """Fails on an element that is not closed, or not where it should be."""

    void = frozenset({"meta", "br", "img"})

    def check(self, html: str) -> None:
        self.open: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.void:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, tag
        assert self.open.pop() == tag


def test_what_people_typed_is_neither_markup_nor_a_header() -> None:
    booking = a_booking()
    booking.contact.full_name = "Eve\r\nBcc: all@example.com\r\n\r\n<script>alert(1)</script>"
    booking.show.movie_title = "Steel\nSubject: other <b>bold</b>"
    mail = mail_about(confirmed(booking))

    assert mail.message["Bcc"] is None
    assert mail.message.get_all("Subject") == ["Your tickets: Steel Subject: other <b>bold</b>"]
    assert "<script>" not in mail.html
    assert "<b>bold" not in mail.html
    assert b"\r\nBcc:" not in mail.message.as_bytes()
    [to] = mail.message["To"].addresses
    assert to.addr_spec == "ada@example.com"


@pytest.mark.parametrize(
    "recipient",
    ["", "ada", "ada@", "a b@example.com", "ada@example.com\r\nBcc: x@y.example", "a@b.example, c@d.example"],
)
def test_what_is_no_address_is_refused(recipient: str) -> None:
    with pytest.raises(RecipientRefused):
        as_received(letter_about(confirmed()), recipient)


def test_the_message_id_is_the_same_in_each_repeat_and_another_for_another_recipient() -> None:
    once, again, elsewhere = (
        mail_about(confirmed(), recipient).message["Message-ID"]
        for recipient in ("ada@example.com", "ada@example.com", "eve@example.com")
    )
    assert once == again != elsewhere
    assert once.endswith("@matinee.example>")


def test_amounts_follow_their_currency_and_the_customers_region() -> None:
    booking = a_booking()
    booking.quote.total.currency_code = "JPY"
    booking.quote.total.minor_units = 1_500
    booking.contact.language = "en-US"
    text = mail_about(confirmed(booking)).text
    assert "¥1,500\n" in text
    assert "2:30" in text
    assert "Sunday, November 29, 2026" in text


def test_a_language_without_texts_gets_english_throughout() -> None:
    booking = a_booking()
    booking.contact.language = "hi"
    mail = mail_about(confirmed(booking))
    assert mail.message["Content-Language"] == "en"
    assert "November 29" in mail.text


def sealed_bytes(letter: Letter, recipient: str = "ada@example.com") -> bytes:
    notification = Notification("event-1", "any", "booking-1", Channel.EMAIL, recipient)
    return sealed(letter, notification, "Matinee <tickets@matinee.example>", NOW).content


@pytest.mark.parametrize(
    "name", ["", "Ada", 'Ada "the Countess" \\ Lovelace', "Åda Lövelace", "爱达" * 40, "a" * 99]
)
def test_names_and_subjects_come_out_as_they_went_in(name: str) -> None:
    booking = a_booking()
    booking.contact.full_name = name
    booking.show.movie_title = f"=?utf-8?q?no?= {name} " * 3
    # Not by the newer parser, which keeps the space between encoded words of a name.
    mail = email.message_from_bytes(sealed_bytes(letter_about(confirmed(booking))))
    words, address = parseaddr(mail["To"])
    assert (decoded(words), address) == (name, "ada@example.com")
    title = " ".join(booking.show.movie_title.split())
    assert decoded(mail["Subject"]) == f"Your tickets: {title}"


def decoded(header: str) -> str:
    return str(make_header(decode_header(header.replace("\r\n", ""))))


def test_every_mail_is_lines_of_ascii_that_any_server_takes() -> None:
    booking = a_booking()
    booking.contact.full_name = "Åda " + "L" * 90
    booking.show.movie_title = "Wörds " * 60
    booking.show.theatre_name = ".\n.\r..\n" * 50
    for event in (confirmed(booking), events_pb2.PaymentFailed(header=a_header(booking))):
        content = sealed_bytes(WRITER.write(content_of(event_type(event), event.SerializeToString()), LINK))
        assert content.isascii()
        lines = content.split(b"\r\n")
        assert not any(b"\n" in line or b"\r" in line for line in lines)
        assert max(len(line) for line in lines if b"unsubscribe" not in line) <= 110


LINK = "https://matinee.example/unsubscribe/" + "0" * 54


def test_the_link_to_unsubscribe_is_one_line_that_a_mail_program_reads() -> None:
    event = declined()
    letter = WRITER.write(content_of(event_type(event), event.SerializeToString()), LINK)
    head = sealed_bytes(letter).partition(b"\r\n\r\n")[0].decode()
    assert f"\r\nList-Unsubscribe: <{LINK}>\r\n" in head
    assert "\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in head
    assert LINK in letter.text
    assert "List-Unsubscribe" not in sealed_bytes(letter_about(event)).decode()


def test_a_domain_outside_ascii_is_written_as_servers_know_it() -> None:
    notification = Notification("event-1", "any", "booking-1", Channel.EMAIL, "ada@bücher.example")
    mail = sealed(letter_about(confirmed()), notification, "tickets@matinee.example", NOW)
    assert mail.recipient == "ada@xn--bcher-kva.example"
    assert b"<ada@xn--bcher-kva.example>" in mail.content
    assert mail.content.startswith(b"From: tickets@matinee.example\r\n")


def test_a_name_from_right_to_left_turns_nothing_beside_it_round() -> None:
    booking = a_booking()
    booking.show.screen_name, booking.show.movie_title = "אולם 2", "قصة 3"
    mail = mail_about(confirmed(booking))
    assert "\u2068אולם 2\u2069 · 14:30" in mail.html
    assert "\n\u2068قصة 3\u2069 (" in mail.text
    assert mail.message["Subject"] == "Your tickets: \u2068قصة 3\u2069"
    assert "\u2068" not in mail_about(confirmed()).html
    booking.show.screen_name, booking.show.movie_title = "Säle 票", "É"
    assert "\u2068" not in mail_about(confirmed(booking)).html
