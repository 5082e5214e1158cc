"""What may be switched off, and what the links in messages stand for."""

import pytest

from mesh.errors import InvalidField
from notify_svc.convert import contents
from notify_svc.domain.news import KIND_OF, NewsKind
from notify_svc.domain.notifications import Channel
from notify_svc.domain.preferences import (
    Preferences,
    Switch,
    address_hint,
    address_key,
    may_ever_be_off,
    reach,
)
from notify_svc.domain.requests import BLANKS
from notify_svc.domain.unsubscribing import UnsubscribeTokens
from notify_svc.errors import AlwaysTold, ChannelNotOffered

ADA = "ada@example.com"
NUMBER = "+351912345678"
ALL = frozenset(Channel)
HERS = frozenset({Channel.EMAIL, Channel.PUSH})
MAIL = frozenset({Channel.EMAIL})
NOTIFICATION_ID = "0123456789abcdef" * 2


def off(
    *switches: Switch, offered: frozenset[Channel] = ALL, before: Preferences | None = None
) -> Preferences:
    return (before or Preferences()).changed(dict.fromkeys(switches, False), ADA, offered, "r-1")


def test_every_event_and_every_text_is_of_a_kind() -> None:
    events = {"booking_" + name for name in ("confirmed", "expired", "cancelled")}
    events |= {"payment_failed", "refund_issued", "show_rescheduled", "show_cancelled", "show_reminder"}
    assert KIND_OF.keys() == events | BLANKS.keys()
    assert len(contents._READERS) == len(KIND_OF), "an event without a kind could never be told"


@pytest.mark.parametrize("kind", [NewsKind.SIGN_IN, NewsKind.REFUNDS, NewsKind.SHOW_CHANGES])
def test_what_must_be_told_cannot_be_switched_off_and_is_told_even_if_it_is_stored(kind: NewsKind) -> None:
    switch = (Channel.EMAIL, kind)
    with pytest.raises(AlwaysTold) as refused:
        off((Channel.EMAIL, NewsKind.PAYMENTS), switch)
    assert refused.value.facts == {"channel": "email", "news_kind": kind.value}
    assert Preferences(frozenset({switch})).wants(switch, ALL)
    assert not may_ever_be_off(switch, ALL)


def test_tickets_are_told_on_one_channel_at_least() -> None:
    mail, push = (Channel.EMAIL, NewsKind.TICKETS), (Channel.PUSH, NewsKind.TICKETS)
    with pytest.raises(AlwaysTold):
        off(mail, offered=MAIL)
    for first, second in ((mail, push), (push, mail)):
        by_the_other = off(first)
        assert not by_the_other.wants(first, HERS)
        assert by_the_other.is_fixed(second, HERS)
        with pytest.raises(AlwaysTold):
            off(second, before=by_the_other)
    with pytest.raises(AlwaysTold):
        off(mail, push)
    # The other channel is not offered any more: what is stored does not keep the tickets back.
    assert off(mail).wants(mail, MAIL)
    assert may_ever_be_off(mail, HERS)
    assert not may_ever_be_off(mail, MAIL)


def test_what_is_not_named_stays_and_on_and_off_are_one_change() -> None:
    first = off((Channel.EMAIL, NewsKind.PAYMENTS), (Channel.PUSH, NewsKind.PAYMENTS))
    second = first.changed(
        {(Channel.EMAIL, NewsKind.PAYMENTS): True, (Channel.EMAIL, NewsKind.REMINDERS): False},
        ADA, ALL, "r-2",
    )  # fmt: skip
    assert second.unwanted == {(Channel.PUSH, NewsKind.PAYMENTS), (Channel.EMAIL, NewsKind.REMINDERS)}
    assert (second.version, second.request_ids) == (2, ("r-1", "r-2"))
    for n in range(100):
        second = second.changed({(Channel.EMAIL, NewsKind.PAYMENTS): bool(n % 2)}, ADA, ALL, f"n-{n}")
    assert len(second.request_ids) == 50


def test_a_channel_must_reach_the_address_and_be_there() -> None:
    with pytest.raises(InvalidField):
        Preferences().changed({(Channel.SMS, NewsKind.PAYMENTS): False}, ADA, ALL, "r")
    with pytest.raises(InvalidField):
        Preferences().changed({(Channel.EMAIL, NewsKind.PAYMENTS): True}, NUMBER, ALL, "r")
    with pytest.raises(ChannelNotOffered):
        Preferences().changed({(Channel.PUSH, NewsKind.PAYMENTS): False}, ADA, MAIL, "r")
    assert reach(ADA, ALL) == {Channel.EMAIL, Channel.PUSH}
    assert reach(NUMBER, MAIL | {Channel.SMS}) == {Channel.SMS}


def test_addresses_are_one_without_regard_to_case_and_never_two_mailboxes() -> None:
    assert address_key("Ada@Example.COM") == address_key(ADA)
    assert address_key("\u212aim@example.com") != address_key("kim@example.com")  # the Kelvin sign
    assert address_key("STRASSE@example.com") != address_key("straße@example.com")
    assert (address_hint(ADA), address_hint(NUMBER)) == ("a…@example.com", "…678")


def test_a_token_leads_back_to_its_message_and_survives_a_change_of_the_secret() -> None:
    old = UnsubscribeTokens([b"an-old-secret-of-some-length"])
    both = UnsubscribeTokens([b"a-new-secret-of-some-length!", b"an-old-secret-of-some-length"])
    token = old.token(NOTIFICATION_ID)
    assert both.notification_id(token) == both.notification_id(both.token(NOTIFICATION_ID)) == NOTIFICATION_ID
    assert both.token(NOTIFICATION_ID) != token
    assert old.notification_id(both.token(NOTIFICATION_ID)) is None


def test_a_token_that_was_changed_or_made_up_is_nobodys() -> None:
    tokens = UnsubscribeTokens([b"a-secret-of-some-length"])
    token = tokens.token(NOTIFICATION_ID)
    last = token[:-1] + ("A" if token[-1] != "A" else "B")
    other = "f" + token[1:]
    for forged in (
        "",
        token[:-1],
        token + "A",
        last,
        other,
        token.upper(),
        token + "\n",
        "ü" * 54,
        "x" * 10**6,
    ):
        assert tokens.notification_id(forged) is None, forged[:60]
