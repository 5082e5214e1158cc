"""What is kept about a person, as a file for them."""

import json
from collections.abc import Sequence
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from matinee.booking.v1 import buyer_pb2
from matinee.notify.v1 import notify_pb2


class Export:
    """Collects the parts and writes them as JSON, in the names of the protos."""

    def __init__(self) -> None:
        self._person: dict[str, Any] = {}
        self._bookings: list[dict[str, Any]] = []
        self._messages: list[dict[str, Any]] = []
        self._preferences: list[dict[str, Any]] = []
        self.address = ""
        """The person's e-mail address or phone number, once the person was added."""

    def add(self, part: buyer_pb2.ExportBuyerResponse) -> None:
        """Adds the person or one booking."""
        if part.WhichOneof("part") == "buyer":
            self.address = part.buyer.email or part.buyer.phone
            self._person = _plain(part.buyer)
            return
        booking = _plain(part.booking.booking)
        booking.pop("payment", None)  # it is one of the payments
        self._bookings.append(booking | {"payments": [_plain(each) for each in part.booking.payments]})

    def add_messages(self, messages: Sequence[notify_pb2.Notification]) -> None:
        """Adds the messages that were sent to the person."""
        self._messages += [_plain(message) for message in messages]

    def add_preferences(self, preferences: Sequence[notify_pb2.Preference]) -> None:
        """Adds what the person wants to be told; what is not wanted as well."""
        self._preferences += [{"wanted": each.wanted} | _plain(each) for each in preferences]

    def as_json(self) -> bytes:
        """The whole file."""
        whole = {
            "person": self._person,
            "bookings": self._bookings,
            "messages": self._messages,
            "preferences": self._preferences,
        }
        return json.dumps(whole, ensure_ascii=False, indent=2).encode()


def _plain(message: Message) -> dict[str, Any]:
    return MessageToDict(message, preserving_proto_field_name=True)
