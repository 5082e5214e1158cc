"""Preferences, to and from their protos."""

from collections.abc import Mapping, Sequence
from typing import Final

from matinee.notify.v1 import notify_pb2

from mesh.errors import InvalidField
from notify_svc.convert.notifications import channel_of, channel_proto
from notify_svc.domain.news import NewsKind
from notify_svc.domain.preferences import Switch
from notify_svc.usecases.preferences import Standing

_KINDS: Final = {kind: notify_pb2.NewsKind.Value(f"NEWS_KIND_{kind.name}") for kind in NewsKind}
_KIND_OF: Final[Mapping[int, NewsKind]] = {number: kind for kind, number in _KINDS.items()}
_MOST: Final = 50


def preference_proto(standing: Standing) -> notify_pb2.Preference:
    """How one kind of news stands."""
    return notify_pb2.Preference(
        channel=channel_proto(standing.channel),
        news_kind=_KINDS[standing.kind],
        wanted=standing.wanted,
        always_told=standing.always_told,
    )


def changes_of(preferences: Sequence[notify_pb2.Preference]) -> Mapping[Switch, bool]:
    """What is switched; raises InvalidField for too many, none, unknown ones and contradictions."""
    if not 0 < len(preferences) <= _MOST:
        raise InvalidField("preferences", f"must be 1 to {_MOST}")
    changes = {_switch(each): each.wanted for each in preferences}
    if len(changes) < len(preferences):
        raise InvalidField("preferences", "must name each channel and kind of news once")
    return changes


def _switch(preference: notify_pb2.Preference) -> Switch:
    kind = _KIND_OF.get(preference.news_kind)
    if kind is None:
        raise InvalidField("preferences", "must be about a known kind of news")
    return channel_of("preferences", preference.channel), kind
