"""Recorded webhooks: bodies, times, secrets and headers that are fixed here.

The digests were not made by any code of this project or of Stripe's library, but by OpenSSL 3.0.19
on the bytes `TIME.BODY`, with the body in a file of its own:

    { printf %s. 1795600000; cat body; } | openssl dgst -sha256 -hmac whsec_…
"""

import datetime as dt

import aiohttp
import pytest
from pydantic import SecretStr

from booking_svc.errors import WebhookSignatureInvalid
from booking_svc.payments.stripe import StripeCalls, StripePayments
from booking_svc.ports import SessionState
from mesh.clock import SystemClock
from mesh.errors import InvalidField

NEW = "whsec_0new1111111111111111111111111"
OLD = "whsec_0old2222222222222222222222222"
AT = 1795600000
PLAIN = (
    b'{"id":"evt_1","object":"event","livemode":false,"type":"checkout.session.expired",'
    b'"data":{"object":{"id":"cs_test_1","status":"expired","payment_status":"unpaid",'
    b'"metadata":{"booking_id":"b-1","payment_id":"p-1"}}}}'
)
NON_ASCII = PLAIN.replace(b'"p-1"', '"p-1","film":"Zoë — 映画 🎬"'.encode())
SPACED = PLAIN.replace(b":", b": ") + b"\r\n"

PLAIN_NEW = "cb4f3052715c05daafcae19e70133232090a546ad224181b4f1c5df225bb5c6c"
PLAIN_OLD = "86f73d3c340bb814d2c625c73c3f44f6f2c7ec6d9d9a6615fe8de10312ecfff3"
NON_ASCII_NEW = "270e35bbe7ec571a3ccb78a4b1d968e1f5a11f779825957757cdc8d05b12a430"
NON_ASCII_OLD = "5f26d4195af93e30589cd2cb7c1fecaa298749263e3ef5b358cdb86f74b36d2a"
SPACED_NEW = "706648dad0075c8eb365719ae974fa23b46a35922ae62bed0b12ba9587706c67"
A_SECOND_LATER_NEW = "5d81eee46866c4091b52da1ca8c95a2730b6da6f9263b66c1d5aeb235c2ac57e"
NOISE = "0" * 64

GOOD = {
    "one v1": (PLAIN, f"t={AT},v1={PLAIN_NEW}"),
    "the old secret": (PLAIN, f"t={AT},v1={PLAIN_OLD}"),
    "both, as while a secret is rolled": (PLAIN, f"t={AT},v1={PLAIN_NEW},v1={PLAIN_OLD}"),
    "both, the other way round": (PLAIN, f"t={AT},v1={PLAIN_OLD},v1={PLAIN_NEW}"),
    "one of several is enough": (PLAIN, f"t={AT},v1={NOISE},v1={PLAIN_OLD},v1={NOISE}"),
    "with test mode's v0": (PLAIN, f"t={AT},v1={PLAIN_NEW},v0={NOISE}"),
    "with a scheme to come": (PLAIN, f"t={AT},v2=abc,v1={PLAIN_NEW}"),
    "the time is not the first": (PLAIN, f"v1={PLAIN_NEW},t={AT}"),
    "another alphabet": (NON_ASCII, f"t={AT},v1={NON_ASCII_NEW}"),
    "another alphabet, the old secret": (NON_ASCII, f"t={AT},v1={NON_ASCII_OLD}"),
    "white space counts": (SPACED, f"t={AT},v1={SPACED_NEW}"),
    "another second": (PLAIN, f"t={AT + 1},v1={A_SECOND_LATER_NEW}"),
}
BAD = {
    "nothing": (PLAIN, ""),
    "v0 only": (PLAIN, f"t={AT},v0={PLAIN_NEW}"),
    "a scheme that is not known": (PLAIN, f"t={AT},v2={PLAIN_NEW}"),
    "no time": (PLAIN, f"v1={PLAIN_NEW}"),
    "no signature": (PLAIN, f"t={AT}"),
    "an empty signature": (PLAIN, f"t={AT},v1="),
    "shortened": (PLAIN, f"t={AT},v1={PLAIN_NEW[:-1]}"),
    "in capitals": (PLAIN, f"t={AT},v1={PLAIN_NEW.upper()}"),
    "of another second": (PLAIN, f"t={AT},v1={A_SECOND_LATER_NEW}"),
    "two times, the first of them the signed one": (PLAIN, f"t={AT},t={AT + 9},v1={PLAIN_NEW}"),
    "two times, the last of them the signed one": (PLAIN, f"t={AT + 9},t={AT},v1={PLAIN_NEW}"),
    "a time with a sign": (PLAIN, f"t=+{AT},v1={PLAIN_NEW}"),
    "a time with an underscore": (PLAIN, f"t=1795_600000,v1={PLAIN_NEW}"),
    "a time in other digits": (PLAIN, f"t=١٧٩٥٦٠٠٠٠٠,v1={PLAIN_NEW}"),
    "a time too long": (PLAIN, f"t={AT:030d},v1={PLAIN_NEW}"),
    "not ASCII": (PLAIN, f"t={AT},v1=ключ,v1={PLAIN_NEW}"),
    "another body": (PLAIN.replace(b"b-1", b"b-2"), f"t={AT},v1={PLAIN_NEW}"),
    "white space lost": (PLAIN, f"t={AT},v1={SPACED_NEW}"),
    "a body that is not UTF-8": (b"\xff\xfe", f"t={AT},v1={PLAIN_NEW}"),
    "separators only": (PLAIN, "=,=,="),
}


@pytest.fixture
async def payments() -> StripePayments:
    async with aiohttp.ClientSession() as client:
        calls = StripeCalls(client, SecretStr("sk_test_1"), "http://127.0.0.1:9")
        return StripePayments(calls, (SecretStr(NEW), SecretStr(OLD)), SystemClock())


def _now(seconds: float = 0) -> dt.datetime:
    return dt.datetime.fromtimestamp(AT + seconds, dt.UTC)


@pytest.mark.parametrize(("body", "header"), GOOD.values(), ids=GOOD.keys())
async def test_what_stripe_has_signed_is_taken(payments: StripePayments, body: bytes, header: str) -> None:
    event = payments.parse_event(body, header, _now())
    assert event is not None
    assert event.session is not None
    assert (event.event_id, event.booking_id, event.payment_id) == ("evt_1", "b-1", "p-1")
    assert event.session.state is SessionState.CLOSED


@pytest.mark.parametrize(("body", "header"), BAD.values(), ids=BAD.keys())
async def test_anything_else_is_refused(payments: StripePayments, body: bytes, header: str) -> None:
    with pytest.raises(WebhookSignatureInvalid):
        payments.parse_event(body, header, _now())


@pytest.mark.parametrize("seconds", [-300, 0, 300])
async def test_five_minutes_either_way_are_taken(payments: StripePayments, seconds: int) -> None:
    assert payments.parse_event(PLAIN, f"t={AT},v1={PLAIN_NEW}", _now(seconds)) is not None


@pytest.mark.parametrize("seconds", [-301, 301, 86_400])
async def test_more_is_refused(payments: StripePayments, seconds: int) -> None:
    with pytest.raises(WebhookSignatureInvalid):
        payments.parse_event(PLAIN, f"t={AT},v1={PLAIN_NEW}", _now(seconds))


async def test_a_secret_that_was_taken_away_is_no_good_any_more() -> None:
    async with aiohttp.ClientSession() as client:
        calls = StripeCalls(client, SecretStr("sk_test_1"), "http://127.0.0.1:9")
        only_new = StripePayments(calls, (SecretStr(NEW),), SystemClock())
    with pytest.raises(WebhookSignatureInvalid):
        only_new.parse_event(PLAIN, f"t={AT},v1={PLAIN_OLD}", _now())


async def test_an_event_of_test_mode_sells_nothing_where_the_key_is_a_live_one() -> None:
    async with aiohttp.ClientSession() as client:
        calls = StripeCalls(client, SecretStr("sk_live_1"), "https://api.stripe.com")
        live = StripePayments(calls, (SecretStr(NEW),), SystemClock())
    with pytest.raises(InvalidField):
        live.parse_event(PLAIN, f"t={AT},v1={PLAIN_NEW}", _now())
