"""RecordPaymentEvent: signed, in the store before it is answered, deduplicated, in any order."""

import datetime as dt
import json
import time
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from matinee.booking.v1 import booking_pb2
from prometheus_client import REGISTRY

from mesh.errors import RemoteError
from mesh.testing import eventually
from stack.engines import MongoEngine
from stack.sandbox.signatures import signature
from tests.fixtures import sandbox as cards
from tests.fixtures.booking_desk import Desk, gathered, new_database, open_desk
from tests.fixtures.sandbox import WEBHOOK_SECRET

LONG_AGO = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shared_desk(mongo: MongoEngine, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    """Nothing but webhooks tells of payments here: nobody asks the provider."""
    folder = tmp_path_factory.mktemp("desk")
    async with (
        new_database(mongo) as database,
        open_desk(database, folder, catch_up_seconds=300, payment_poll_seconds=300) as running,
    ):
        yield running


@pytest.fixture
def desk(shared_desk: Desk) -> Desk:
    shared_desk.begin_anew()
    shared_desk.page.lose = True
    return shared_desk


async def _open_payment(desk: Desk, *seat_ids: str) -> tuple[booking_pb2.Booking, dict[str, Any]]:
    """A booking at the provider, and its session."""
    booking = await desk.create(*(seat_ids or ("A1",)))
    url = (await desk.start(booking)).redirect_url
    return booking, await desk.sandbox.session(url.rpartition("/")[2])


def _event(session: dict[str, Any], kind: str = "session.paid", **changes: Any) -> dict[str, Any]:
    data = session | {"status": kind.partition(".")[2], "amount_captured": session["amount"]} | changes
    return {"id": f"evt_{uuid4().hex}", "type": kind, "created": time.time(), "data": data}


async def _send(
    desk: Desk, event: dict[str, Any] | bytes, at: float = 0, secret: str = WEBHOOK_SECRET
) -> bool:
    body = event if isinstance(event, bytes) else json.dumps(event).encode()
    request = booking_pb2.RecordPaymentEventRequest(
        provider="sandbox", body=body, signature=signature(body, secret, int(time.time() + at))
    )
    return (await desk.stub.RecordPaymentEvent(request)).repeated_event


async def _refused(call: object) -> RemoteError:
    with pytest.raises(RemoteError) as caught:
        await call  # type: ignore[misc]
    return caught.value


async def _serving(desk: Desk, expected: bool) -> bool:
    stub: Any = desk.channel.stub(health_pb2_grpc.HealthStub)
    answer = await stub.Check(health_pb2.HealthCheckRequest())
    return bool(expected == (answer.status == health_pb2.HealthCheckResponse.SERVING))


def _alarms(kind: str) -> float:
    return REGISTRY.get_sample_value("booking_alarms_total", {"kind": kind}) or 0.0


def _kept(desk: Desk, **chosen: Any) -> list[dict[str, Any]]:
    """Events that are kept beside the bookings."""
    with desk.mongo() as client:
        return list(client[desk.settings.mongo_database]["payment_events"].find(chosen))


def _keep(desk: Desk, booking: booking_pb2.Booking, provider: str, event_id: str) -> None:
    """Keeps an event that nobody has acted on: the booking's payment came in, says that provider."""
    payment = desk.stored(booking)["payments"][0]
    with desk.mongo() as client:
        client[desk.settings.mongo_database]["payment_events"].insert_one(
            {
                "_id": f"{provider}/{event_id}",
                "provider": provider,
                "event_id": event_id,
                "booking_id": booking.booking_id,
                "payment_id": payment["payment_id"],
                "session": {
                    "session_id": payment["session_id"],
                    "state": "PAID",
                    "captured": payment["amount"],
                    "decline_reason": "",
                },
                "refund": None,
                "received_time": LONG_AGO,
                "waiting_since": LONG_AGO,
            }
        )


async def test_a_signed_event_is_acted_on_and_the_booking_tells_which(desk: Desk) -> None:
    booking, session = await _open_payment(desk)
    event = _event(session)
    assert await _send(desk, event) is False
    stored = desk.stored(booking)
    assert stored["state"] in {"PAID", "CONFIRMED"}, "it is there before the webhook is answered"
    assert stored["heard"] == [f"sandbox/{event['id']}"]
    await desk.becomes(booking, "CONFIRMED")
    assert _kept(desk, booking_id=booking.booking_id) == [], "nothing else has to be written"


# Signatures tell whole seconds, and the event is on its way for a moment: nearer to 300 the moment counts.
@pytest.mark.parametrize("at", [-295, 299])
async def test_an_event_within_five_minutes_is_taken(desk: Desk, at: int) -> None:
    booking, session = await _open_payment(desk)
    await _send(desk, _event(session), at=at)
    await desk.becomes(booking, "CONFIRMED")


@pytest.mark.parametrize(
    "forge",
    [
        {"secret": "a forged secret"},
        {"at": -302},
        {"at": 310},
    ],
)
async def test_forged_and_replayed_events_are_refused_and_change_nothing(
    desk: Desk, forge: dict[str, Any]
) -> None:
    booking, session = await _open_payment(desk)
    error = await _refused(_send(desk, _event(session), **forge))
    assert (error.code, error.reason) == ("UNAUTHENTICATED", "WEBHOOK_SIGNATURE")
    assert (await desk.get(booking)).state == booking_pb2.BOOKING_STATE_AWAITING_PAYMENT
    assert desk.stored(booking)["heard"] == []
    assert _kept(desk, booking_id=booking.booking_id) == []


@pytest.mark.parametrize(
    "header",
    [
        "",
        "t=1",
        "v1=00",
        "t=,v1=",
        "t=now,v1=00",
        "t=1,v1=ключ",
        "t=99999999999999,v1=00",
        "garbage",
        "=,=,=",
    ],
)
async def test_a_malformed_signature_is_refused(desk: Desk, header: str) -> None:
    request = booking_pb2.RecordPaymentEventRequest(provider="sandbox", body=b"{}", signature=header)
    error = await _refused(desk.stub.RecordPaymentEvent(request))
    assert (error.code, error.reason) == ("UNAUTHENTICATED", "WEBHOOK_SIGNATURE")


async def test_a_body_that_was_changed_on_the_way_is_refused(desk: Desk) -> None:
    _, session = await _open_payment(desk)
    body = json.dumps(_event(session)).encode()
    signed = signature(body, WEBHOOK_SECRET, int(time.time()))
    request = booking_pb2.RecordPaymentEventRequest(
        provider="sandbox", body=body.replace(b"1000", b"1001"), signature=signed
    )
    assert (await _refused(desk.stub.RecordPaymentEvent(request))).reason == "WEBHOOK_SIGNATURE"


async def test_an_unknown_provider_is_told(desk: Desk) -> None:
    request = booking_pb2.RecordPaymentEventRequest(provider="acme", body=b"{}", signature="t=1,v1=0")
    error = await _refused(desk.stub.RecordPaymentEvent(request))
    assert (error.code, error.reason) == ("NOT_FOUND", "UNKNOWN_PROVIDER")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"[]",
        b'"text"',
        b"{}",
        b'{"id": "", "type": "session.paid", "data": {}}',
        b'{"id": "e", "type": "session.paid", "data": null}',
        b'{"id": "e", "type": "session.paid", "data": {"status": "strange"}}',
        b"\xff\xfe",
        b"x" * (64 * 1024 + 1),
    ],
)
async def test_a_signed_body_that_is_no_event_is_a_wrong_field(desk: Desk, body: bytes) -> None:
    error = await _refused(_send(desk, body))
    assert (error.code, error.reason) == ("INVALID_ARGUMENT", "INVALID_FIELD")


async def test_events_of_other_kinds_are_passed_over(desk: Desk) -> None:
    assert await _send(desk, {"id": "evt_1", "type": "payout.made", "created": 0, "data": {}}) is False


async def test_a_repeated_event_is_known(desk: Desk) -> None:
    booking, session = await _open_payment(desk)
    event = _event(session)
    assert [await _send(desk, event) for _ in range(3)] == [False, True, True]
    confirmed = await desk.becomes(booking, "CONFIRMED")
    assert list(confirmed.refunds) == []


async def test_a_repeated_event_is_known_at_another_replica(desk: Desk) -> None:
    booking, session = await _open_payment(desk)
    event = _event(session)
    assert await _send(desk, event) is False
    body = json.dumps(event).encode()
    request = booking_pb2.RecordPaymentEventRequest(
        provider="sandbox", body=body, signature=signature(body, WEBHOOK_SECRET, int(time.time()))
    )
    assert (await (await desk.replica()).RecordPaymentEvent(request)).repeated_event
    await desk.becomes(booking, "CONFIRMED")


async def test_an_event_that_says_nothing_new_is_known_when_it_comes_again(desk: Desk) -> None:
    booking, session = await _open_payment(desk)
    await _send(desk, _event(session))
    await desk.becomes(booking, "CONFIRMED")
    late = _event(session, "session.expired")
    version = desk.stored(booking)["version"]
    assert [await _send(desk, late) for _ in range(3)] == [False, True, True]
    assert [event["waiting_since"] for event in _kept(desk, booking_id=booking.booking_id)] == [None]
    assert desk.stored(booking)["version"] == version


async def test_a_storm_of_repeated_reordered_and_forged_events_buys_the_tickets_once(desk: Desk) -> None:
    booking, session = await _open_payment(desk, "A1", "A2")
    paid = [_event(session) for _ in range(4)]
    older = [_event(session, "session.expired"), _event(session, "session.declined")]
    sent = [_send(desk, event) for event in [*older, *paid, *paid, *older, *paid]]
    forged = [_send(desk, _event(session, amount_captured=1), secret="forged") for _ in range(5)]
    results = await gathered(*sent, *forged)
    assert sum(isinstance(result, RemoteError) for result in results) == 5
    assert results.count(False) == 6, "each of the six events was new once"
    confirmed = await desk.becomes(booking, "CONFIRMED")
    assert len(confirmed.tickets) == 2
    assert list(confirmed.refunds) == []


async def test_an_event_of_another_currency_or_amount_is_an_alarm_and_a_refund(desk: Desk) -> None:
    booking, session = await _open_payment(desk)
    # The provider took something else than was asked for; its refund is asked of the real session.
    await desk.sandbox.pay(session["url"], cards.SUCCESS)
    before = _alarms("amount_mismatch")
    await _send(desk, _event(session, currency="EUR"))
    refunding = await desk.becomes(booking, "REFUNDED")
    assert refunding.refunds[0].amount.currency_code == "EUR"
    assert _alarms("amount_mismatch") == before + 1


async def test_an_event_about_nothing_of_ours_is_stored_and_an_alarm(desk: Desk) -> None:
    _, session = await _open_payment(desk)
    before = _alarms("payment_event_unmatched")
    for metadata in (
        {},
        {"booking_id": "no-such-booking", "payment_id": "p"},
        session["metadata"] | {"payment_id": "another"},
    ):
        await _send(desk, _event(session, metadata=metadata))

    async def alarmed() -> bool:
        return _alarms("payment_event_unmatched") == before + 3

    await eventually(alarmed)
    assert _kept(desk, waiting_since={"$ne": None}) == []


async def test_events_that_were_kept_but_not_acted_on_are_acted_on_later(desk: Desk) -> None:
    booking, _ = await _open_payment(desk)
    # As when the booking could not be changed at that moment.
    _keep(desk, booking, "sandbox", "evt_waiting")
    await desk.becomes(booking, "CONFIRMED")
    assert desk.stored(booking)["heard"] == ["sandbox/evt_waiting"]

    async def nothing_waits() -> bool:
        return not _kept(desk, waiting_since={"$ne": None})

    await eventually(nothing_waits)


async def test_one_providers_event_says_nothing_about_another_ones_payment(desk: Desk) -> None:
    booking, _ = await _open_payment(desk)
    before = _alarms("payment_event_unmatched")
    _keep(desk, booking, "stripe", "evt_other")

    async def alarmed() -> bool:
        # A replica that comes to it at the same moment raises the alarm as well.
        return _alarms("payment_event_unmatched") > before

    await eventually(alarmed)
    assert desk.stored(booking)["state"] == "AWAITING_PAYMENT"


async def test_while_the_store_is_away_a_webhook_is_not_accepted_and_the_health_says_so(
    desk: Desk, mongo: MongoEngine
) -> None:
    booking, session = await _open_payment(desk)
    event = _event(session)
    mongo.pause()
    try:
        error = await _refused(_send(desk, event))
        await eventually(lambda: _serving(desk, False), within_seconds=20)
    finally:
        mongo.resume()
    assert error.code == "UNAVAILABLE"
    await eventually(lambda: _serving(desk, True), within_seconds=20)
    await _send(desk, event)
    await desk.becomes(booking, "CONFIRMED", within_seconds=30)
