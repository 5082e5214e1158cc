"""Channels, records and page tokens, to and from their protos."""

import base64
import binascii
import datetime as dt
import re
from collections.abc import Mapping

from matinee.notify.v1 import notify_pb2

from mesh.errors import InvalidField
from notify_svc.domain.notifications import Channel, Record, SkipReason, State
from notify_svc.ports import Place

_CHANNELS: Mapping[int, Channel] = {
    notify_pb2.CHANNEL_EMAIL: Channel.EMAIL,
    notify_pb2.CHANNEL_SMS: Channel.SMS,
    notify_pb2.CHANNEL_PUSH: Channel.PUSH,
}
_CHANNEL_PROTOS: "Mapping[Channel, notify_pb2.Channel.ValueType]" = {
    Channel.EMAIL: notify_pb2.CHANNEL_EMAIL,
    Channel.SMS: notify_pb2.CHANNEL_SMS,
    Channel.PUSH: notify_pb2.CHANNEL_PUSH,
}
_STATES: "Mapping[State, notify_pb2.NotificationState.ValueType]" = {
    State.SENDING: notify_pb2.NOTIFICATION_STATE_SENDING,
    State.SENT: notify_pb2.NOTIFICATION_STATE_SENT,
    State.DEAD: notify_pb2.NOTIFICATION_STATE_DEAD,
    State.SKIPPED: notify_pb2.NOTIFICATION_STATE_SKIPPED,
}
_SKIP_REASONS: "Mapping[SkipReason, notify_pb2.SkipReason.ValueType]" = {
    SkipReason.UNWANTED: notify_pb2.SKIP_REASON_UNWANTED,
    SkipReason.TOO_MANY: notify_pb2.SKIP_REASON_TOO_MANY,
}
_PLACE = re.compile(rb"(\d{1,15}):([0-9a-f]{32})")


def channel_of(field: str, channel: int) -> Channel:
    """The channel; raises InvalidField for one that is unspecified or unknown."""
    known = _CHANNELS.get(channel)
    if known is None:
        raise InvalidField(field, "must be a known channel")
    return known


def channel_proto(channel: Channel) -> "notify_pb2.Channel.ValueType":
    """The channel."""
    return _CHANNEL_PROTOS[channel]


def notification_proto(record: Record) -> notify_pb2.Notification:
    """A message as callers see it."""
    notification = record.notification
    proto = notify_pb2.Notification(
        notification_id=record.notification_id,
        event_id=notification.event_id,
        event_name=notification.event_name,
        channel=_CHANNEL_PROTOS[notification.channel],
        recipient=notification.recipient,
        state=_STATES[record.state],
    )
    if record.sent_time is not None:
        proto.sent_time.FromDatetime(record.sent_time)
    if record.skip_reason is not None:
        proto.skip_reason = _SKIP_REASONS[record.skip_reason]
    return proto


def page_token(place: Place | None) -> str:
    """The token for the page after that place; empty when there is none."""
    if place is None:
        return ""
    milliseconds = round(place.create_time.timestamp() * 1000)
    return base64.urlsafe_b64encode(f"{milliseconds}:{place.notification_id}".encode()).decode().rstrip("=")


def place_of(token: str) -> Place | None:
    """The place that the token stands for; None for an empty one. Raises InvalidField."""
    if not token:
        return None
    try:
        padded = token.encode("ascii") + b"=" * (-len(token) % 4)
        match = _PLACE.fullmatch(base64.b64decode(padded, b"-_", validate=True))
        if match:
            seconds = int(match.group(1)) / 1000
            return Place(dt.datetime.fromtimestamp(seconds, dt.UTC), match.group(2).decode())
    except (UnicodeEncodeError, binascii.Error, OverflowError, ValueError):
        pass
    raise InvalidField("page_token", "is not one that was given out")
