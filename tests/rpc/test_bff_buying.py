"""From seats to tickets without JavaScript: forms, redirects, and what is told when it goes wrong."""

import datetime as dt
import re

import pytest
from icalendar import Calendar
from matinee.booking.v1 import booking_pb2
from matinee.catalog.v1 import catalog_pb2
from matinee.theatre.v1 import seats_pb2

from bff.tickets import qr_code
from mesh.errors import MatineeError
from tests.fixtures.bff import ACCESS_KEY, NOW, PROVIDER_PAGE, SHOW_ID, Answer, Frontend, Refused, timestamp

SEAT_PAGE = f"/shows/{SHOW_ID}"
HOLD = f"{SEAT_PAGE}/hold"
CHECKED_SEAT = re.compile(r'name="seat" value="([A-Z]+[0-9]+)"[^>]* checked')


async def hold_form(frontend: Frontend, *seats: str) -> list[tuple[str, str]]:
    """The form of the seat page, filled in."""
    page = await frontend.get(SEAT_PAGE)
    hidden = [(name, page.field(name)) for name in ("csrf_token", "request_id")]
    return hidden + [("seat", seat) for seat in seats]


async def held(frontend: Frontend, *seats: str) -> Answer:
    """The page of a booking that was just made."""
    answer = await frontend.post(HOLD, await hold_form(frontend, *seats))
    assert answer.status == 303
    return await frontend.get(answer.headers["Location"])


def payment_form(page: Answer, **changes: str) -> dict[str, str]:
    """The payment form of a booking's page, filled in."""
    form = {
        "csrf_token": page.field("csrf_token", "/bookings/booking-1/pay"),
        "request_id": page.field("request_id", "/bookings/booking-1/pay"),
        "full_name": "Ada Lovelace",
        "email": "ada@example.com",
        "phone": "",
        "method": "credit_card",
    }
    return form | changes


async def ticketed(frontend: Frontend) -> Answer:
    """The page of a booking with tickets."""
    await held(frontend, "A1", "A2")
    tickets = [seats_pb2.Ticket(ticket_id=f"T-{seat}", seat_id=seat) for seat in ("A1", "A2")]
    await frontend.cinema.change_booking("booking-1", booking_pb2.BOOKING_STATE_CONFIRMED, tickets=tickets)
    return await frontend.get("/bookings/booking-1")


async def test_every_seat_is_a_checkbox_named_by_its_id_with_a_label(frontend: Frontend) -> None:
    frontend.cinema.states["A2"] = seats_pb2.SEAT_STATE_SOLD
    page = await frontend.get(SEAT_PAGE)
    assert page.text.count('type="checkbox" name="seat"') == 24
    assert 'value="A1" id="seat-A1"' in page.text
    assert 'aria-label="A1, Stalls, €8.50"' in page.text
    assert 'aria-label="A2, Stalls, €8.50, sold" disabled' in page.text
    assert 'aria-label="C1, Premium, €12.50, wheelchair place"' in page.text
    assert 'aria-label="C2, Premium, €12.50, companion of C1"' in page.text


async def test_the_price_is_shown_before_anything_is_held(frontend: Frontend) -> None:
    answer = await frontend.post(f"{SEAT_PAGE}/price", await hold_form(frontend, "A1", "A2"))
    assert (answer.status, answer.headers["Location"]) == (303, f"{SEAT_PAGE}?seat=A1&seat=A2")
    page = await frontend.get(answer.headers["Location"])
    assert "€13.60" in page.text
    assert "Afternoon show, 20 % off" in page.text
    assert page.text.count(" checked") == 2
    assert frontend.cinema.bookings == {}


async def test_the_price_comes_alone_for_scripts(frontend: Frontend) -> None:
    part = await frontend.get(f"{SEAT_PAGE}/quote?seat=A1")
    assert part.text.lstrip().startswith("<table")
    assert "€6.80" in part.text
    assert (await frontend.get(f"{SEAT_PAGE}/quote")).status == 204


async def test_the_best_seats_are_chosen_for_the_party(frontend: Frontend) -> None:
    form = [*await hold_form(frontend), ("party", "3")]
    answer = await frontend.post(f"{SEAT_PAGE}/suggest", form)
    assert answer.headers["Location"] == f"{SEAT_PAGE}?seat=B1&seat=B2&seat=B3"


async def test_no_group_of_that_size_is_told(frontend: Frontend) -> None:
    form = [*await hold_form(frontend), ("party", "9")]
    answer = await frontend.post(f"{SEAT_PAGE}/suggest", form)
    assert "No 9 seats next to each other" in (await frontend.get(answer.headers["Location"])).text


async def test_a_hold_leads_to_a_booking_with_its_time_left(frontend: Frontend) -> None:
    page = await held(frontend, "A1", "A2")
    assert re.search(r"4:4[5-7]", page.text)  # the clock of its page runs on for the two seconds it is kept
    assert "A1 and A2" in page.text
    assert page.headers["Cache-Control"] == "no-store"


async def test_the_page_that_a_hold_leads_to_is_of_what_the_hold_answered(frontend: Frontend) -> None:
    await held(frontend, "A1")
    assert "GetBooking" not in frontend.cinema.calls
    await frontend.cinema.change_booking("booking-1", booking_pb2.BOOKING_STATE_EXPIRED)
    assert "4:4" not in (await frontend.get("/bookings/booking-1")).text  # from then on it is asked for
    assert frontend.cinema.calls.count("GetBooking") == 1


async def test_a_stranger_is_not_shown_a_booking_that_was_just_made(frontend: Frontend) -> None:
    location = (await frontend.post(HOLD, await hold_form(frontend, "A1"))).headers["Location"]
    async with (
        frontend.another_browser() as stranger,
        stranger.get(f"{frontend.url}{location}") as answer,
    ):
        assert answer.status == 404


async def test_a_hold_without_seats_asks_for_some(frontend: Frontend) -> None:
    answer = await frontend.post(HOLD, await hold_form(frontend))
    assert answer.status == 422
    assert "No seat is chosen" in answer.text


async def test_more_seats_than_a_booking_holds_are_refused(frontend: Frontend) -> None:
    seats = [f"{row}{n}" for row in "AB" for n in range(1, 7)]
    answer = await frontend.post(HOLD, await hold_form(frontend, *seats))
    assert answer.status == 422
    assert "Too many seats" in answer.text
    assert "CreateBooking" not in frontend.cinema.calls


async def test_the_same_form_twice_is_one_booking(frontend: Frontend) -> None:
    form = await hold_form(frontend, "A1")
    first, second = await frontend.post(HOLD, form), await frontend.post(HOLD, form)
    assert first.headers["Location"] == second.headers["Location"]
    assert len(frontend.cinema.bookings) == 1


async def test_the_same_form_with_other_seats_asks_once_more(frontend: Frontend) -> None:
    form = await hold_form(frontend, "A1")
    await frontend.post(HOLD, form)
    answer = await frontend.post(HOLD, [*form[:2], ("seat", "B1")])
    assert answer.status == 409
    assert "Please choose once more" in answer.text
    again = [
        ("csrf_token", answer.field("csrf_token")),
        ("request_id", answer.field("request_id")),
        ("seat", "B1"),
    ]
    assert (await frontend.post(HOLD, again)).status == 303


async def test_the_loser_of_a_race_is_told_which_seat_went_and_offered_the_nearest(
    frontend: Frontend,
) -> None:
    form = await hold_form(frontend, "B3", "B4")
    frontend.cinema.states["B3"] = seats_pb2.SEAT_STATE_SOLD
    answer = await frontend.post(HOLD, form)
    assert answer.status == 409
    assert "Seat B3 has just gone" in answer.text
    chosen = set(CHECKED_SEAT.findall(answer.text))
    assert chosen in ({"A3", "A4"}, {"C3", "C4"})
    assert frontend.cinema.bookings == {}


async def test_a_page_on_which_nothing_can_be_held_says_why(frontend: Frontend) -> None:
    assert 'id="notice"' not in (await frontend.get(SEAT_PAGE)).text
    frontend.clock.advance(24 * 3600)
    assert "This show has begun" in (await frontend.get(f"{SEAT_PAGE}?seat=A1")).text
    frontend.cinema.show.status = catalog_pb2.SHOW_STATUS_CANCELLED
    assert "The show was cancelled" in (await frontend.get(SEAT_PAGE)).text


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("SHOW_CLOSED", "Sales have ended"),
        ("HOLD_LIMIT", "Too many seats"),
        ("LONE_SEAT", "One seat would be left alone"),
        ("UNKNOWN_SEAT", "No such seat"),
        ("SEATS_REFUSED", "does not sell these seats"),
    ],
)
async def test_a_refused_hold_says_why(frontend: Frontend, reason: str, words: str) -> None:
    form = await hold_form(frontend, "A1")
    frontend.cinema.failures["CreateBooking"] = Refused("FAILED_PRECONDITION", reason, seat_ids="A1")
    answer = await frontend.post(HOLD, form)
    assert answer.status == 409
    assert words in answer.text


@pytest.mark.parametrize("seat", ["A1; DROP", "<b>", "A" * 9, "a1", "🎬1", ""])
async def test_a_seat_that_cannot_be_one_is_refused_before_any_call(frontend: Frontend, seat: str) -> None:
    form = await hold_form(frontend, seat)
    frontend.cinema.calls.clear()
    answer = await frontend.post(HOLD, form)
    assert answer.status == 400
    assert frontend.cinema.calls == []


async def test_paying_stores_the_contact_and_goes_to_the_provider(frontend: Frontend) -> None:
    page = await held(frontend, "A1")
    answer = await frontend.post(
        "/bookings/booking-1/pay", payment_form(page, full_name=" Ada  Lovelace ", phone="+44 20 7946 0958")
    )
    assert answer.status == 200
    assert f'content="0; url={PROVIDER_PAGE}"' in answer.text
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    (started,) = frontend.cinema.payments_started
    assert started.contact.full_name == "Ada Lovelace"
    assert started.contact.phone == "+442079460958"
    assert started.return_url == f"{frontend.url}/bookings/booking-1?from=payment"


async def test_a_phone_number_alone_is_enough_where_it_can_be_reached(frontend: Frontend) -> None:
    page = await held(frontend, "A1")
    email = page.text[page.text.index('<input id="email"') :].partition(">")[0]
    assert "required" not in email
    form = payment_form(page, email="", phone="+44 20 7946 0958")
    frontend.cinema.guests.unreachable.add("+442079460958")
    refused = await frontend.post("/bookings/booking-1/pay", form)
    assert refused.status == 422
    assert "We cannot send text messages here" in refused.text
    assert frontend.cinema.payments_started == []
    frontend.cinema.guests.unreachable.clear()
    assert (await frontend.post("/bookings/booking-1/pay", form)).status == 200
    (started,) = frontend.cinema.payments_started
    assert (started.contact.email, started.contact.phone) == ("", "+442079460958")


async def test_not_knowing_whether_a_phone_can_be_reached_keeps_nobody_from_paying(
    frontend: Frontend,
) -> None:
    page = await held(frontend, "A1")
    frontend.cinema.failures["GetPreferences"] = Refused("UNAVAILABLE", "STORE_UNAVAILABLE")
    form = payment_form(page, email="", phone="+44 20 7946 0958")
    assert (await frontend.post("/bookings/booking-1/pay", form)).status == 200


async def test_a_second_click_on_pay_opens_no_second_payment(frontend: Frontend) -> None:
    page = await held(frontend, "A1")
    form = payment_form(page)
    for _ in range(2):
        answer = await frontend.post("/bookings/booking-1/pay", form)
        assert f'content="0; url={PROVIDER_PAGE}"' in answer.text
    assert len(frontend.cinema.payments_started) == 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"full_name": ""}, "Please tell us your name."),
        ({"full_name": "x" * 101}, "at most 100 letters"),
        ({"full_name": "Ada\r\nBcc: everybody@example.com"}, "at most 100 letters"),
        ({"email": "ada@"}, "This is not an e-mail address."),
        ({"email": "ada@example.com\r\nBcc: b@example.com"}, "This is not an e-mail address."),
        ({"email": ""}, "We need an e-mail address or a phone number"),
        ({"phone": "12345"}, "This is not a phone number."),
        ({"method": "gold"}, "Choose how you pay."),
        ({"email": "ada@localhost.test"}, "This is not an e-mail address."),
    ],
)
async def test_a_wrong_form_says_which_field_and_keeps_the_rest(
    frontend: Frontend, changes: dict[str, str], words: str
) -> None:
    page = await held(frontend, "A1")
    answer = await frontend.post("/bookings/booking-1/pay", payment_form(page, **changes))
    assert answer.status == 422
    assert words in answer.text
    assert 'role="alert"' in answer.text
    assert frontend.cinema.payments_started == []
    if "full_name" not in changes:
        assert 'value="Ada Lovelace"' in answer.text


async def test_what_the_booking_service_refuses_is_told_beside_its_field(frontend: Frontend) -> None:
    page = await held(frontend, "A1")
    frontend.cinema.failures["StartPayment"] = Refused(
        "INVALID_ARGUMENT", "INVALID_FIELD", field="contact.phone"
    )
    answer = await frontend.post("/bookings/booking-1/pay", payment_form(page))
    assert answer.status == 422
    assert 'id="phone-problem"' in answer.text


@pytest.mark.parametrize(
    ("code", "reason", "words"),
    [
        ("UNAVAILABLE", "PAYMENT_PROVIDER_UNAVAILABLE", "does not answer"),
        ("FAILED_PRECONDITION", "PAYMENT_METHOD_REFUSED", "not possible here"),
        ("RESOURCE_EXHAUSTED", "PAYMENT_LIMIT", "too often"),
    ],
)
async def test_a_payment_that_cannot_be_started_says_why_and_keeps_the_form(
    frontend: Frontend, code: str, reason: str, words: str
) -> None:
    page = await held(frontend, "A1")
    frontend.cinema.failures["StartPayment"] = Refused(code, reason)
    answer = await frontend.post("/bookings/booking-1/pay", payment_form(page))
    assert answer.status == 422
    assert words in answer.text
    assert 'value="Ada Lovelace"' in answer.text


async def test_a_hold_that_ran_out_while_the_form_was_filled_in_is_told_by_the_booking(
    frontend: Frontend,
) -> None:
    page = await held(frontend, "A1")
    # A little before the hold is over, as the time to pay is.
    late = timestamp(NOW + dt.timedelta(minutes=4, seconds=57))
    await frontend.cinema.change_booking("booking-1", booking_pb2.BOOKING_STATE_EXPIRED, update_time=late)
    frontend.cinema.failures["StartPayment"] = Refused("FAILED_PRECONDITION", "HOLD_EXPIRED")
    answer = await frontend.post("/bookings/booking-1/pay", payment_form(page))
    assert answer.status == 303
    assert "Time is up" in (await frontend.get(answer.headers["Location"])).text


async def test_coming_back_from_the_provider_proves_nothing(frontend: Frontend) -> None:
    page = await held(frontend, "A1")
    await frontend.post("/bookings/booking-1/pay", payment_form(page))
    waiting = await frontend.get("/bookings/booking-1?paid=yes&status=success")
    assert "We are waiting for the payment provider" in waiting.text
    assert '<noscript><meta http-equiv="refresh" content="4"></noscript>' in waiting.text


async def test_a_declined_payment_leads_back_to_paying(frontend: Frontend) -> None:
    await held(frontend, "A1")
    await frontend.cinema.change_booking(
        "booking-1",
        booking_pb2.BOOKING_STATE_HELD,
        payment=booking_pb2.Payment(
            state=booking_pb2.PAYMENT_STATE_DECLINED, decline_reason="The card was declined."
        ),
    )
    page = await frontend.get("/bookings/booking-1")
    assert "The card was declined." in page.text
    assert page.field("request_id", "/bookings/booking-1/pay")


async def test_tickets_carry_a_qr_code_each(frontend: Frontend) -> None:
    page = await ticketed(frontend)
    assert page.text.count(str(qr_code("T-A1"))) == 1
    assert page.text.count(str(qr_code("T-A2"))) == 1


async def test_the_calendar_file_says_when_and_where(frontend: Frontend) -> None:
    await ticketed(frontend)
    answer = await frontend.get("/bookings/booking-1/calendar.ics")
    (event,) = Calendar.from_ical(answer.text).walk("VEVENT")
    assert event.decoded("dtstart").isoformat() == "2026-06-01T14:00:00+00:00"
    assert "Cinema Ideal" in str(event.decoded("location"))
    assert answer.headers["Content-Type"] == "text/calendar; charset=utf-8"


async def test_giving_up_frees_the_seats(frontend: Frontend) -> None:
    page = await held(frontend, "A1")
    form = {
        "csrf_token": page.field("csrf_token", "/bookings/booking-1/abandon"),
        "request_id": page.field("request_id", "/bookings/booking-1/abandon"),
    }
    answer = await frontend.post("/bookings/booking-1/abandon", form)
    assert answer.status == 303
    page = await frontend.get(answer.headers["Location"])
    assert "<title>Given up" in page.text
    assert "Given up" in (await frontend.get("/me")).text
    assert "Choose seats again" in page.text


async def test_the_bookings_of_this_browser_are_listed(frontend: Frontend) -> None:
    assert "No bookings yet" in (await frontend.get("/me")).text
    await held(frontend, "A1")
    assert '<a href="/bookings/booking-1">Sintel</a>' in (await frontend.get("/me")).text


async def test_somebody_elses_booking_is_not_there(frontend: Frontend) -> None:
    await ticketed(frontend)
    async with frontend.another_browser() as stranger:
        for path in ("", "?from=payment", "/events", "/calendar.ics"):
            async with stranger.get(f"{frontend.url}/bookings/booking-1{path}") as answer:
                text = await answer.text()
                assert answer.status == 404
                assert "T-A1" not in text
                assert '<a class="admit" href="/me">' in text  # there one can sign in


async def test_the_link_of_an_email_opens_the_booking_and_leaves_the_address(frontend: Frontend) -> None:
    await ticketed(frontend)
    async with frontend.another_browser() as friend:
        url = f"{frontend.url}/bookings/booking-1"
        async with friend.get(f"{url}?key={ACCESS_KEY}") as answer:
            assert str(answer.url) == url
            assert "T-A1" in await answer.text()
        async with friend.get(f"{url}?key=wrong") as answer:
            assert answer.status == 404


class Gone(MatineeError):
    """A service that stopped answering."""

    code = "UNAVAILABLE"


async def test_a_hold_of_which_the_outcome_is_unknown_can_be_sent_again(frontend: Frontend) -> None:
    form = await hold_form(frontend, "A1")
    frontend.cinema.failures["CreateBooking"] = Gone("restarting")
    assert (await frontend.post(HOLD, form)).status == 503
    frontend.cinema.failures.clear()
    assert (await frontend.post(HOLD, form)).status == 303
