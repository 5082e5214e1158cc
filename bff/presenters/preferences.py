"""What somebody is told, as a form: a box for each kind of news that can be switched off."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from matinee.notify.v1 import notify_pb2

from bff.texts import Texts

_CHANNELS: Final = {
    "email": notify_pb2.CHANNEL_EMAIL,
    "sms": notify_pb2.CHANNEL_SMS,
    "push": notify_pb2.CHANNEL_PUSH,
}
_KINDS: Final = {
    "sign_in": notify_pb2.NEWS_KIND_SIGN_IN,
    "tickets": notify_pb2.NEWS_KIND_TICKETS,
    "refunds": notify_pb2.NEWS_KIND_REFUNDS,
    "show_changes": notify_pb2.NEWS_KIND_SHOW_CHANGES,
    "payments": notify_pb2.NEWS_KIND_PAYMENTS,
    "cancellations": notify_pb2.NEWS_KIND_CANCELLATIONS,
}
"""Without reminders, which nobody sends yet: a box for them would promise some."""
_CHANNEL_NAMES: Final = {number: name for name, number in _CHANNELS.items()}
_KIND_NAMES: Final = {number: name for name, number in _KINDS.items()}


@dataclass(frozen=True, slots=True)
class SwitchView:
    """One box."""

    name: str
    """Such as "email.payments"."""
    label: str
    on: bool


@dataclass(frozen=True, slots=True)
class ChannelView:
    """One channel."""

    name: str
    legend: str
    switches: Sequence[SwitchView]
    always: str
    """What cannot be switched off there, as a list in a sentence."""


def present_preferences(
    preferences: Iterable[notify_pb2.Preference], texts: Texts
) -> tuple[ChannelView, ...]:
    """The channels that reach the address, in the contract's order."""
    by_channel: dict[str, list[notify_pb2.Preference]] = {}
    for each in preferences:
        if each.channel in _CHANNEL_NAMES and each.news_kind in _KIND_NAMES:
            by_channel.setdefault(_CHANNEL_NAMES[each.channel], []).append(each)
    return tuple(_channel(name, of_channel, texts) for name, of_channel in by_channel.items())


def preference_named(name: str, wanted: bool) -> notify_pb2.Preference | None:
    """The preference that a box stands for; None for a name that no box has."""
    channel, _, kind = name.partition(".")
    if channel not in _CHANNELS or kind not in _KINDS:
        return None
    return notify_pb2.Preference(channel=_CHANNELS[channel], news_kind=_KINDS[kind], wanted=wanted)


def news_words(preference: notify_pb2.Preference, texts: Texts) -> str:
    """What a kind of news is about; empty for one of a later day."""
    return _labels(texts).get(_KIND_NAMES.get(preference.news_kind, "reminders"), "")


def _channel(name: str, preferences: Sequence[notify_pb2.Preference], texts: Texts) -> ChannelView:
    labels = _labels(texts)
    legends = {
        "email": texts.gettext("By e-mail"),
        "sms": texts.gettext("By text message"),
        "push": texts.gettext("As a notification on your devices"),
    }
    return ChannelView(
        name=name,
        legend=legends[name],
        switches=tuple(
            SwitchView(
                f"{name}.{_KIND_NAMES[each.news_kind]}", labels[_KIND_NAMES[each.news_kind]], each.wanted
            )
            for each in preferences
            if not each.always_told
        ),
        always=texts.listed(labels[_KIND_NAMES[each.news_kind]] for each in preferences if each.always_told),
    )


def _labels(texts: Texts) -> Mapping[str, str]:
    _ = texts.gettext
    return {
        "sign_in": _("codes to sign in"),
        "tickets": _("your tickets"),
        "refunds": _("refunds"),
        "show_changes": _("a show that the theatre cancels or moves"),
        "payments": _("a payment that did not go through, or seats that were released"),
        "cancellations": _("what you cancelled yourself"),
        "reminders": _("a show that begins soon"),
    }
