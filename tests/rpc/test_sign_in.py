"""BuyerService over a socket: signing in by a code, and what a sign-in opens."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
import pytest_asyncio
from matinee.booking.v1 import booking_pb2, buyer_pb2
from matinee.notify.v1 import notify_pb2

from booking_svc.domain.people import email_address
from booking_svc.domain.proof import Viewer
from booking_svc.stores.mongo import listed_for
from stack.engines import MongoEngine
from tests.fixtures.booking_desk import gathered, refusal
from tests.fixtures.door import Door, an_address, an_ip, another, open_door, refused
from tests.fixtures.post_office import Away, NoTexts


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shared_door(mongo: MongoEngine, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Door]:
    async with open_door(mongo, tmp_path_factory.mktemp("door")) as running:
        yield running


@pytest.fixture
def door(shared_door: Door) -> Door:
    shared_door.begin_anew()
    return shared_door


async def test_the_right_code_signs_in(door: Door) -> None:
    email = an_address()
    challenge = await door.start(email, language="pt-BR")
    [message] = [each for each in door.post.sent if each.recipient == email]
    assert (message.channel, message.template_id) == (notify_pb2.CHANNEL_EMAIL, "sign_in_code")
    assert (message.values["minutes"], message.values["language"]) == ("10", "pt-BR")
    assert len(message.values["code"]) == 6
    assert message.expire_time == challenge.expire_time
    left = challenge.expire_time.ToDatetime(dt.UTC) - door.clock.now()
    assert dt.timedelta(minutes=9, seconds=59) < left <= dt.timedelta(minutes=10)
    opened = await door.enter(challenge, message.values["code"])
    assert opened.buyer.email == email
    assert await door.buyer(opened.sign_in_token) == opened.buyer


async def test_a_person_is_the_same_each_time_and_another_address_is_another_person(door: Door) -> None:
    email = an_address()
    first = await door.buyer(await door.sign_in(email))
    again = await door.buyer(await door.sign_in(email.upper().replace("EXAMPLE", "Example")))
    other = await door.buyer(await door.sign_in(an_address()))
    assert first.person_id == again.person_id != other.person_id
    assert email not in first.person_id


async def test_codes_go_to_phones_as_texts(door: Door) -> None:
    challenge = await door.stub.StartSignIn(
        buyer_pb2.StartSignInRequest(request_id=str(uuid4()), phone="+351 912 345 678", client_ip=an_ip())
    )
    assert door.post.sent[-1].channel == notify_pb2.CHANNEL_SMS
    assert door.post.sent[-1].recipient == "+351912345678"
    assert (await door.enter(challenge, door.post.code)).buyer.phone == "+351912345678"


async def test_a_code_is_good_once(door: Door) -> None:
    challenge = await door.start(an_address())
    code = door.post.code
    await door.enter(challenge, code)
    for given in (code, another(code)):
        assert (await refused(door.enter(challenge, given))).reason == "SIGN_IN_OVER"


async def test_the_request_that_was_right_gets_its_answer_again_but_not_after_signing_out(
    door: Door,
) -> None:
    challenge, request_id = await door.start(an_address()), str(uuid4())
    code = door.post.code
    first = await door.enter(challenge, code, request_id=request_id)
    assert await door.enter(challenge, code, request_id=request_id) == first
    wrong = door.enter(challenge, another(code), request_id=request_id)
    assert (await refused(wrong)).reason == "SIGN_IN_OVER"
    end = buyer_pb2.EndSignInRequest(request_id=str(uuid4()), sign_in_token=first.sign_in_token)
    await door.stub.EndSignIn(end)
    await door.stub.EndSignIn(end)
    assert (await refused(door.buyer(first.sign_in_token))).reason == "NOT_SIGNED_IN"
    again = door.enter(challenge, code, request_id=request_id)
    assert (await refused(again)).reason == "SIGN_IN_OVER"


async def test_the_same_right_code_twice_at_once_opens_one_sign_in(door: Door) -> None:
    challenge = await door.start(an_address())
    results = await gathered(*(door.enter(challenge, door.post.code) for _ in range(5)))
    assert len(refusal(results)) == 4
    challenge, request_id = await door.start(an_address()), str(uuid4())
    results = await gathered(
        *(door.enter(challenge, door.post.code, request_id=request_id) for _ in range(3))
    )
    assert len({result.sign_in_token for result in results}) == 1


async def test_after_five_tries_even_the_right_code_is_refused(door: Door) -> None:
    challenge = await door.start(an_address())
    code = door.post.code
    for left in (4, 3, 2, 1, 0):
        error = await refused(door.enter(challenge, another(code)))
        assert (error.code, error.reason) == ("INVALID_ARGUMENT", "WRONG_CODE")
        assert error.facts == {"tries_left": str(left)}
    assert (await refused(door.enter(challenge, code))).reason == "SIGN_IN_OVER"


async def test_a_code_is_over_after_ten_minutes_without_any_sweeper(door: Door) -> None:
    challenge, in_time = await door.start(an_address()), await door.start(an_address())
    in_time_code, code = door.post.sent[-1].values["code"], door.post.sent[-2].values["code"]
    door.clock.advance(599.9)
    await door.enter(in_time, in_time_code)
    door.clock.advance(0.2)
    assert (await refused(door.enter(challenge, code))).reason == "SIGN_IN_OVER"
    door.clock.advance(-0.2)
    await door.enter(challenge, code)


async def test_a_sign_in_ends_by_the_clock(door: Door) -> None:
    token = await door.sign_in(an_address())
    days = door.desk.settings.sign_in_days * 86_400
    door.clock.advance(days - 1)
    await door.buyer(token)
    door.clock.advance(2)
    error = await refused(door.buyer(token))
    assert (error.code, error.reason) == ("UNAUTHENTICATED", "NOT_SIGNED_IN")
    door.clock.advance(-days - 1)


async def test_a_newer_code_replaces_the_one_before(door: Door) -> None:
    email = an_address()
    first = await door.start(email)
    first_code = door.post.code
    second = await door.start(email)
    assert (await refused(door.enter(first, first_code))).reason == "SIGN_IN_OVER"
    await door.enter(second, door.post.code)


async def test_a_code_of_another_address_does_not_fit(door: Door) -> None:
    eve = await door.start(an_address())
    await door.start(an_address())
    theirs, mine = door.post.sent[-1].values["code"], door.post.sent[-2].values["code"]
    if theirs != mine:
        assert (await refused(door.enter(eve, theirs))).reason == "WRONG_CODE"
    for unknown in ("x" * 43, "no-such-challenge"):
        assert (await refused(door.enter(unknown, theirs))).reason == "SIGN_IN_OVER"


@pytest.mark.parametrize(
    "code",
    ["", "12345", "1234567", "١٢٣٤٥٦", "１２３４５６", "12345\n", "-12345", "1e5", "²²²²²²", "0" * 100_000],
)
async def test_what_is_not_six_digits_is_refused_and_costs_no_try(door: Door, code: str) -> None:
    challenge = await door.start(an_address())
    error = await refused(door.enter(challenge, code))
    assert (error.reason, error.facts) == ("INVALID_FIELD", {"field": "code"})
    assert (await refused(door.enter(challenge, another(door.post.code)))).facts == {"tries_left": "4"}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"email": ""}, "email"),
        ({"email": "ada"}, "email"),
        ({"email": "ada@example.com\r\nBcc: eve@example.com"}, "email"),
        ({"email": "ada@example.com, eve@example.com"}, "email"),
        ({"email": "Ada <ada@example.com>"}, "email"),
        ({"email": "a" * 300 + "@example.com"}, "email"),
        ({"email": "x" * 1_000_000}, "email"),
        ({"phone": ""}, "phone"),
        ({"phone": "912345678"}, "phone"),
        ({"phone": "+" + "1" * 100}, "phone"),
        ({"phone": "+351912345678\nX-Header: 1"}, "phone"),
        ({"request_id": "1"}, "request_id"),
        ({"client_ip": "not an address"}, "client_ip"),
        ({"client_ip": "10.0.0.1, 10.0.0.2"}, "client_ip"),
        ({"language": "en\r\n"}, "language"),
    ],
)
async def test_hostile_addresses_are_refused_and_nothing_is_sent(
    door: Door, changes: dict[str, str], field: str
) -> None:
    before = len(door.post.sent)
    wanted = {"request_id": str(uuid4()), "client_ip": an_ip()}
    if "phone" not in changes:
        wanted["email"] = an_address()
    error = await refused(door.stub.StartSignIn(buyer_pb2.StartSignInRequest(**(wanted | changes))))
    assert (error.reason, error.facts) == ("INVALID_FIELD", {"field": field})
    assert len(door.post.sent) == before


async def test_an_address_gets_so_many_codes_an_hour_and_is_told_when_to_come_again(door: Door) -> None:
    email = an_address()
    for _ in range(5):
        await door.start(email)
        door.clock.advance(60)
    error = await refused(door.start(email))
    assert (error.code, error.reason) == ("RESOURCE_EXHAUSTED", "SIGN_IN_LIMIT")
    assert 3290 <= int(error.facts["retry_seconds"]) <= 3300
    await door.start(an_address())
    door.clock.advance(int(error.facts["retry_seconds"]) + 1)
    await door.start(email)
    assert (await refused(door.start(email))).reason == "SIGN_IN_LIMIT"


async def test_an_address_gets_so_many_codes_a_day(door: Door) -> None:
    email = an_address()
    for _ in range(10):
        await door.start(email)
        door.clock.advance(1000)
    assert (await refused(door.start(email))).reason == "SIGN_IN_LIMIT"
    door.clock.advance(-10_000)


@pytest.mark.parametrize(
    ("addresses", "count"),
    [(("192.0.2.7", "::ffff:192.0.2.7"), 20), (("2001:db8:1:2::1", "2001:db8:1:2:ffff::9"), 20)],
    ids=["IPv4, mapped as well", "one IPv6 network"],
)
async def test_one_ip_address_gets_codes_for_so_many_addresses(
    door: Door, addresses: tuple[str, str], count: int
) -> None:
    for number in range(count):
        await door.start(an_address(), client_ip=addresses[number % 2])
    error = await refused(door.start(an_address(), client_ip=addresses[0]))
    assert error.reason == "SIGN_IN_LIMIT"
    await door.start(an_address(), client_ip="2001:db8:1:3::1")


async def test_the_limit_holds_when_all_ask_at_once(door: Door) -> None:
    email = an_address()
    results = await gathered(*(door.start(email) for _ in range(30)))
    refusals = refusal(results)
    assert {error.reason for error in refusals} == {"SIGN_IN_LIMIT"}
    assert len(refusals) == 25


async def test_a_repeated_request_gets_the_same_challenge_and_no_second_message(door: Door) -> None:
    email, request_id, ip = an_address(), str(uuid4()), an_ip()
    first = await door.start(email, request_id=request_id, client_ip=ip)
    assert await door.start(email, request_id=request_id, client_ip=ip) == first
    assert len([message for message in door.post.sent if message.recipient == email]) == 1
    other = await refused(door.start(an_address(), request_id=request_id, client_ip=ip))
    assert (other.code, other.reason) == ("ALREADY_EXISTS", "REQUEST_ID_REUSED")
    await door.enter(first, door.post.code)


async def test_the_same_request_many_times_at_once_sends_one_message(door: Door) -> None:
    email, request_id, ip = an_address(), str(uuid4()), an_ip()
    door.post.slow_seconds = 0.2
    results = await asyncio.gather(
        *(door.start(email, request_id=request_id, client_ip=ip) for _ in range(5)), return_exceptions=True
    )
    started = [each for each in results if isinstance(each, buyer_pb2.StartSignInResponse)]
    assert len({each.challenge_id for each in started}) == 1
    assert len([message for message in door.post.sent if message.recipient == email]) == 1
    await door.enter(started[0], door.post.code)


async def test_a_code_that_could_not_be_sent_is_sent_by_a_repeat(door: Door) -> None:
    email, request_id, ip = an_address(), str(uuid4()), an_ip()
    door.post.failure = Away("away")
    error = await refused(door.start(email, request_id=request_id, client_ip=ip))
    assert (error.code, error.reason) == ("UNAVAILABLE", "DEPENDENCY_UNAVAILABLE")
    door.post.failure = None
    challenge = await door.start(email, request_id=request_id, client_ip=ip)
    await door.enter(challenge, door.post.code)


async def test_where_there_are_no_text_messages_that_is_told(door: Door) -> None:
    door.post.failure = NoTexts("no texts")
    request = buyer_pb2.StartSignInRequest(request_id=str(uuid4()), phone="+351912345679", client_ip=an_ip())
    error = await refused(door.stub.StartSignIn(request))
    assert (error.code, error.reason) == ("UNIMPLEMENTED", "CHANNEL_NOT_OFFERED")


async def test_the_store_holds_no_code_no_token_and_no_ip_address(door: Door) -> None:
    challenge = await door.start(an_address(), client_ip="198.51.100.77")
    code = door.post.code
    opened = await door.enter(challenge, code)
    stored = door.stored()
    for secret in (f"'{code}'", opened.sign_in_token, "198.51.100.77"):
        assert secret not in stored


async def test_logs_hold_neither_codes_nor_addresses(door: Door, capfd: pytest.CaptureFixture[str]) -> None:
    email = an_address()
    challenge = await door.start(email, client_ip="198.51.100.78")
    code = door.post.code
    await refused(door.enter(challenge, another(code)))
    opened = await door.enter(challenge, code)
    await door.buyer(opened.sign_in_token)
    door.post.failure = Away("away")
    await refused(door.start(email))
    captured = capfd.readouterr()
    text = captured.out + captured.err
    assert "sign_in_code_sent" in text
    assert "StartSignIn" in text
    for secret in (email, code, challenge.challenge_id, opened.sign_in_token, "198.51.100.78"):
        assert secret not in text


# What a sign-in opens


async def test_bookings_with_the_persons_address_are_listed_with_the_browsers_own(door: Door) -> None:
    email = an_address()
    made = [
        (await door.bought(email.upper().replace("EXAMPLE", "Example"), seat=f"A{n}")).booking_id
        for n in (1, 2)
    ]
    door.clock.advance(0.01)
    own = (await door.desk.create("A3")).booking_id
    made += [own, (await door.bought(email, seat="A4")).booking_id]
    strangers = await door.bought(an_address(), seat="A5")
    token = await door.sign_in(email)
    for size in (1, 2, 100):
        assert await door.listed(token, door.desk.buyer_id, size) == made[::-1]
    assert await door.listed(token) == [each for each in made[::-1] if each != own]
    assert strangers.booking_id not in await door.listed(token, door.desk.buyer_id)
    assert await door.listed("no such token", door.desk.buyer_id) == [own]


async def test_the_list_is_read_in_order_from_indexes(door: Door) -> None:
    viewer = Viewer("a-buyer", "", email_address("ada@example.com"), ("another",))
    chosen = listed_for(viewer, (door.clock.now(), "x"))
    with door.desk.mongo() as client:
        bookings = client[door.desk.settings.mongo_database]["bookings"]
        plan = str(
            bookings.find(chosen)
            .sort([("create_time", -1), ("_id", -1)])
            .explain()["queryPlanner"]["winningPlan"]
        )
    assert "SORT_MERGE" in plan
    assert "'SORT'" not in plan
    assert "COLLSCAN" not in plan


async def test_a_signed_in_person_opens_and_changes_their_bookings(door: Door) -> None:
    email = an_address()
    booking = await door.bought(email)
    viewer = booking_pb2.BookingViewer(sign_in_token=await door.sign_in(email))
    request = booking_pb2.GetBookingRequest(booking_id=booking.booking_id, viewer=viewer)
    assert (await door.desk.stub.GetBooking(request)).booking.booking_id == booking.booking_id
    watched = booking_pb2.WatchBookingRequest(booking_id=booking.booking_id, viewer=viewer)
    assert (await anext(aiter(door.desk.stub.WatchBooking(watched, timeout=20)))).booking.version
    assert (await door.desk.abandon(booking, viewer=viewer)).state


async def test_a_phone_opens_the_bookings_that_have_it(door: Door) -> None:
    booking = await door.bought(phone="+351 912 345 670")
    request = buyer_pb2.StartSignInRequest(request_id=str(uuid4()), phone="+351912345670", client_ip=an_ip())
    challenge = await door.stub.StartSignIn(request)
    token = (await door.enter(challenge, door.post.code)).sign_in_token
    assert booking.booking_id in await door.listed(token)


async def test_other_peoples_bookings_are_not_found(door: Door) -> None:
    booking = await door.bought(an_address())
    ended = await door.sign_in(an_address())
    await door.stub.EndSignIn(buyer_pb2.EndSignInRequest(request_id=str(uuid4()), sign_in_token=ended))
    for token in (await door.sign_in(an_address()), ended, "x" * 43, "x" * 10_000, ""):
        viewer = booking_pb2.BookingViewer(sign_in_token=token)
        for call in (
            door.desk.stub.GetBooking(
                booking_pb2.GetBookingRequest(booking_id=booking.booking_id, viewer=viewer)
            ),
            door.desk.start(booking, viewer=viewer),
            door.desk.cancel(booking, viewer=viewer),
            door.desk.abandon(booking, viewer=viewer),
        ):
            error = await refused(call)
            assert (error.code, error.reason) == ("NOT_FOUND", "UNKNOWN_BOOKING")


async def test_what_the_browser_booked_as_a_guest_stays_with_this_sign_in_alone(door: Door) -> None:
    email = an_address()
    guest = (await door.desk.create("A1")).booking_id
    here = await door.sign_in(email, buyer_id=door.desk.buyer_id)
    elsewhere = await door.sign_in(email)
    assert await door.listed(here, "the-browsers-new-id") == [guest]
    assert await door.listed(elsewhere) == []


async def test_signing_in_again_keeps_what_the_browser_booked_and_ends_the_sign_in_before(door: Door) -> None:
    email = an_address()
    guest = (await door.desk.create("A1")).booking_id
    first = await door.sign_in(email, buyer_id=door.desk.buyer_id)
    second = await door.sign_in(email, buyer_id="the-second-buyer", earlier_sign_in_token=first)
    assert await door.listed(second) == [guest]
    assert (await refused(door.buyer(first))).reason == "NOT_SIGNED_IN"
    # Somebody else at the same browser gets nothing of it.
    third = await door.sign_in(an_address(), buyer_id="the-third-buyer", earlier_sign_in_token=second)
    assert await door.listed(third) == []
    assert (await refused(door.buyer(second))).reason == "NOT_SIGNED_IN"


async def test_what_was_booked_while_somebody_was_signed_in_is_not_for_who_signs_in_next(door: Door) -> None:
    first = await door.sign_in(an_address(), buyer_id="the-guest")
    booked = (await door.desk.create("A1")).booking_id  # by the buyer that the browser has become
    assert await door.listed(first, door.desk.buyer_id) == [booked]
    second = await door.sign_in(an_address(), buyer_id=door.desk.buyer_id, earlier_sign_in_token=first)
    assert await door.listed(second, "the-next-buyer") == []


async def test_the_answer_is_the_same_whether_or_not_the_address_is_known(door: Door) -> None:
    known = an_address()
    await door.bought(known)
    await door.sign_in(known)
    answers = [await door.start(email) for email in (known, an_address())]
    assert {len(answer.challenge_id) for answer in answers} == {43}
    assert len({answer.expire_time.seconds for answer in answers}) == 1
