"""The pages on which tickets are cancelled: all of them, or single ones."""

import datetime as dt
from typing import Any

import pytest
from matinee.booking.v1 import booking_pb2

from tests.fixtures.bff import NOW, START, Answer, Frontend, Refused, euros, timestamp
from tests.rpc.test_bff_buying import held, ticketed

URL = "/bookings/booking-1/cancel"


def confirm_form(page: Answer, *seats: str) -> list[tuple[str, str]]:
    """What the page's own form sends."""
    fields = [(name, page.field(name, URL)) for name in ("csrf_token", "request_id", "refund", "currency")]
    return [*fields, *(("seat", seat) for seat in seats)]


async def test_each_ticket_can_be_ticked_and_the_form_only_asks(frontend: Frontend) -> None:
    page = await ticketed(frontend)
    assert page.text.count('type="checkbox" name="seat"') == 2
    assert f'<form method="get" action="{URL}"' in page.text
    assert "CancelBooking" not in frontend.cinema.calls


async def test_what_goes_back_is_told_in_lines_before_anything_is_cancelled(frontend: Frontend) -> None:
    await ticketed(frontend)
    page = await frontend.get(f"{URL}?seat=A2")
    assert "You get €6.80 back for A2." in page.text
    assert page.text.count("€13.60") == 1
    assert "−€6.80" in page.text
    assert page.headers["Cache-Control"] == "no-store"
    assert "CancelBooking" not in frontend.cinema.calls


async def test_one_ticket_is_cancelled_and_the_other_stays(frontend: Frontend) -> None:
    await ticketed(frontend)
    page = await frontend.get(f"{URL}?seat=A2")
    answer = await frontend.post(URL, confirm_form(page, "A2"))
    assert (answer.status, answer.headers["Location"]) == (303, "/bookings/booking-1")
    after = await frontend.get("/bookings/booking-1")
    assert after.text.count('<li class="ticket void">') == 1
    assert "A2: €6.80 back" in after.text
    assert after.text.count('type="checkbox" name="seat"') == 1
    assert 'value="A1" checked' in after.text, "the only ticket that is left"


async def test_all_tickets_are_cancelled(frontend: Frontend) -> None:
    await ticketed(frontend)
    page = await frontend.get(f"{URL}?seat=A1&seat=A2")
    answer = await frontend.post(URL, confirm_form(page, "A1", "A2"))
    assert "The tickets are void" in (await frontend.get(answer.headers["Location"])).text


async def test_another_amount_than_was_told_is_asked_about_again(frontend: Frontend) -> None:
    await ticketed(frontend)
    page = await frontend.get(f"{URL}?seat=A2")
    form = dict(confirm_form(page, "A2")) | {"refund": "1"}
    answer = await frontend.post(URL, form)
    assert answer.status == 409
    assert "Something else would go back" in answer.text
    assert answer.field("refund", URL) == "680"
    assert (await frontend.post(URL, confirm_form(answer, "A2"))).status == 303


async def test_nothing_ticked_cancels_nothing(frontend: Frontend) -> None:
    await ticketed(frontend)
    for answer in (
        await frontend.get(URL),
        await frontend.post(URL, confirm_form(await frontend.get(f"{URL}?seat=A1"))),
    ):
        assert answer.status == 422
        assert "Tick the tickets that you want to cancel" in answer.text
    assert "CancelBooking" not in frontend.cinema.calls


@pytest.mark.parametrize("refund", ["", "-1", "1e3", "9" * 16, "²"])
async def test_a_form_with_no_amount_is_refused(frontend: Frontend, refund: str) -> None:
    await ticketed(frontend)
    page = await frontend.get(f"{URL}?seat=A2")
    answer = await frontend.post(URL, dict(confirm_form(page, "A2")) | {"refund": refund})
    assert answer.status == 400
    assert "CancelBooking" not in frontend.cinema.calls


@pytest.mark.parametrize("call", ["PreviewCancellation", "CancelBooking"])
async def test_cancelling_too_late_keeps_the_tickets(frontend: Frontend, call: str) -> None:
    await ticketed(frontend)
    page = await frontend.get(f"{URL}?seat=A1")
    frontend.cinema.failures[call] = Refused("FAILED_PRECONDITION", "CANCEL_TOO_LATE")
    sending = call == "CancelBooking"
    answer = await (
        frontend.post(URL, confirm_form(page, "A1")) if sending else frontend.get(f"{URL}?seat=A1")
    )
    assert answer.status == 409
    assert "Too late to cancel" in answer.text
    assert "T-A1" in answer.text


async def test_the_sums_alone_are_for_scripts(frontend: Frontend) -> None:
    await ticketed(frontend)
    part = await frontend.get(f"{URL}?seat=A1&part=sums")
    assert "You get €6.80 back for A1." in part.text
    assert "<html" not in part.text
    assert (await frontend.get(f"{URL}?part=sums")).status == 204


async def test_nothing_going_back_is_said_plainly(frontend: Frontend) -> None:
    await ticketed(frontend)
    frontend.cinema.bookings["booking-1"].quote.total.CopyFrom(euros(680))
    assert "Nothing goes back for A2." in (await frontend.get(f"{URL}?seat=A2")).text


async def test_a_booking_that_ended_meanwhile_tells_so_itself(frontend: Frontend) -> None:
    await ticketed(frontend)
    frontend.cinema.failures["PreviewCancellation"] = Refused("FAILED_PRECONDITION", "BOOKING_STATE")
    answer = await frontend.get(f"{URL}?seat=A1")
    assert (answer.status, answer.headers["Location"]) == (303, "/bookings/booking-1")


async def test_somebody_elses_tickets_cannot_be_looked_at(frontend: Frontend) -> None:
    await ticketed(frontend)
    async with frontend.another_browser() as stranger:
        for query in ("?seat=A1", "?seat=A1&part=sums", ""):
            async with stranger.get(f"{frontend.url}{URL}{query}") as answer:
                assert answer.status == 404
    assert frontend.cinema.bookings["booking-1"].state == booking_pb2.BOOKING_STATE_CONFIRMED


async def test_a_moved_show_offers_to_keep_or_to_have_the_money_back(frontend: Frontend) -> None:
    await ticketed(frontend)
    move = booking_pb2.ShowMove(
        previous_start_time=timestamp(NOW + dt.timedelta(hours=5)), move_reason="The film <was> late."
    )
    await frontend.cinema.change_booking("booking-1", booking_pb2.BOOKING_STATE_CONFIRMED, show_move=move)
    page = await frontend.get("/bookings/booking-1")
    assert "The show was moved" in page.text
    assert "The film &lt;was&gt; late." in page.text
    assert "Have the money back" in page.text
    form = page.text[page.text.index("The show was moved") : page.text.index("Have the money back")]
    assert 'name="seat" value="A1"' in form
    assert 'name="seat" value="A2"' in form
    late = timestamp(START)
    await frontend.cinema.change_booking("booking-1", booking_pb2.BOOKING_STATE_CONFIRMED, as_of_time=late)
    page = await frontend.get("/bookings/booking-1")
    assert "The show was moved" in page.text
    assert "Have the money back" not in page.text


async def test_a_moved_show_is_told_before_one_pays(frontend: Frontend) -> None:
    await held(frontend, "A1")
    move = booking_pb2.ShowMove(previous_start_time=timestamp(NOW + dt.timedelta(hours=5)))
    await frontend.cinema.change_booking("booking-1", booking_pb2.BOOKING_STATE_HELD, show_move=move)
    page = await frontend.get("/bookings/booking-1")
    assert "The show was moved" in page.text
    assert "Have the money back" not in page.text


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (booking_pb2.BOOKING_STATE_REFUNDING, "on its way back"),
        (booking_pb2.BOOKING_STATE_REFUNDED, "The money went back"),
        (booking_pb2.BOOKING_STATE_EXPIRED, "Nothing was charged"),
    ],
)
async def test_a_cancelled_show_is_told_with_the_theatres_reason(
    frontend: Frontend, state: Any, words: str
) -> None:
    await held(frontend, "A1")
    called_off = booking_pb2.ShowCancellation(cancel_reason="The projector broke.")
    await frontend.cinema.change_booking("booking-1", state, show_cancellation=called_off)
    page = await frontend.get("/bookings/booking-1")
    assert "The show was cancelled" in page.text
    assert "The projector broke." in page.text
    assert words in page.text
    assert "Choose seats again" not in page.text
