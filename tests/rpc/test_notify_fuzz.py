"""Nasty values in every field of every call of NotificationService: a clear answer, never INTERNAL.

Requests are good ones with one or two fields made bad, so that most get past the first checks.
"""

import datetime as dt
import random
from collections import Counter
from typing import Any
from uuid import uuid4

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor import FieldDescriptor
from matinee.notify.v1 import notify_pb2

from mesh.clock import SystemClock
from mesh.errors import RemoteError
from mesh.mongo import close, open_client
from notify_svc.domain.notifications import Channel, Notification
from notify_svc.domain.unsubscribing import UnsubscribeTokens
from notify_svc.settings import Settings
from notify_svc.stores.ledger import MongoNotificationLedger
from notify_svc.stores.mongo import NotifyDatabase
from tests.fixtures.notify import notifying

ROUNDS = 40
METHODS = {
    method.name: method
    for method in descriptor_pool.Default().FindServiceByName("matinee.notify.v1.NotificationService").methods
}
CODES = {"OK", "INVALID_ARGUMENT", "FAILED_PRECONDITION", "NOT_FOUND", "ALREADY_EXISTS", "UNIMPLEMENTED"}
TEXTS = (
    "", " ", "\x00", "a\x00b", "{'$gt': ''}", "$where", "../../etc/passwd", "\u202e", "e\u0301", "𝕏", "nan",
    "-1", "ada@example.com\r\nBcc: eve@example.com", "\u212ate@example.com", "ada@\u0131.example", "@", "a@b",
    '"a b"@example.com', "ada@[127.0.0.1]", "+", "+1", "+\u0663\u0665\u0661", "tel:+351912345678", "x" * 54,
    "0" * 54, "x" * 65, "x" * 100_000, "5b3c8a52-5c0e-4f0e-9c36-0f2d2d1c7a11",
)  # fmt: skip
NUMBERS = (0, 1, 2, 3, 7, 99, -1, 2**31 - 1, -(2**31))


def good(kind: type[Any], token: str) -> Any:
    """A request that would be granted."""
    preference = notify_pb2.Preference(
        channel=notify_pb2.CHANNEL_EMAIL, news_kind=notify_pb2.NEWS_KIND_PAYMENTS
    )
    values: dict[str, Any] = {
        "request_id": str(uuid4()),
        "channel": notify_pb2.CHANNEL_EMAIL,
        "recipient": "ada@example.com",
        "template_id": "sign_in_code",
        "values": {"code": "271828", "minutes": "10"},
        "address": "ada@example.com",
        "preferences": [preference],
        "token": token,
        "recipients": ["eve@example.com"],
        "person_id": "person-1",
    }
    names = {asked.name for asked in kind.DESCRIPTOR.fields}
    return kind(**{name: value for name, value in values.items() if name in names})


def spoil(request: Any, asked: FieldDescriptor, chance: random.Random) -> None:
    """Gives one field a bad value."""
    if asked.message_type is not None and asked.message_type.GetOptions().map_entry:
        getattr(request, asked.name)[chance.choice(TEXTS)] = chance.choice(TEXTS)
    elif asked.name == "preferences":
        for _ in range(chance.choice((0, 1, 2, 60))):
            request.preferences.add(channel=chance.choice(NUMBERS), news_kind=chance.choice(NUMBERS))
    elif asked.message_type is not None:
        getattr(request, asked.name).seconds = chance.choice((0, -1, 2**40, 2**62))
    elif isinstance(getattr(request, asked.name), str):
        setattr(request, asked.name, chance.choice(TEXTS))
    elif isinstance(getattr(request, asked.name), int):
        setattr(request, asked.name, chance.choice(NUMBERS))
    else:
        getattr(request, asked.name).extend(chance.choice(TEXTS) for _ in range(chance.choice((1, 3, 150))))


async def test_nasty_values_get_a_clear_answer_and_leave_others_alone(notify_settings: Settings) -> None:
    about = Notification("event-1", "payment_failed", "b-1", Channel.EMAIL, "ada@example.com")
    token = UnsubscribeTokens(notify_settings.unsubscribe_secrets).token(about.notification_id)
    others = notify_pb2.SetPreferencesRequest(request_id=str(uuid4()), address="other@example.org")
    others.preferences.add(channel=notify_pb2.CHANNEL_EMAIL, news_kind=notify_pb2.NEWS_KIND_PAYMENTS)
    client = open_client(notify_settings.mongo_url, "test")
    ledger = MongoNotificationLedger(NotifyDatabase(client, notify_settings.mongo_database))
    await ledger.claim(about, "claim", SystemClock().now(), dt.timedelta(hours=1))
    await close(client)
    async with notifying(notify_settings) as stub:
        before = (await stub.SetPreferences(others)).preferences
        for name, method in sorted(METHODS.items()):
            chance = random.Random(name)
            kind = message_factory.GetMessageClass(method.input_type)
            fields: list[Any] = list(kind.DESCRIPTOR.fields)
            answers: Counter[str] = Counter()
            for turn in range(ROUNDS):
                request = good(kind, token)
                for asked in chance.sample(fields, min(len(fields), turn % 3)):
                    spoil(request, asked, chance)
                try:
                    await getattr(stub, name)(request)
                    code, reason = "OK", ""
                except RemoteError as error:
                    code = error.code
                    reason = error.reason
                assert code in CODES, (name, code, request)
                assert code == "OK" or reason, (name, request)
                answers[code] += 1
            assert len(answers) > 1 or name == "RegisterPushSubscription", (name, answers)
        after = await stub.GetPreferences(notify_pb2.GetPreferencesRequest(address=others.address))
        assert list(after.preferences) == list(before)
