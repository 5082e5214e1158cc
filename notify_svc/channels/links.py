"""Links in messages that switch off what they tell."""

from collections.abc import Set

from notify_svc.domain.contents import Content
from notify_svc.domain.notifications import Channel, Notification
from notify_svc.domain.preferences import may_ever_be_off, reach
from notify_svc.domain.unsubscribing import UnsubscribeTokens


class UnsubscribeLinks:
    """Makes them. `offered` are the channels that messages go out by here."""

    def __init__(self, public_url: str, tokens: UnsubscribeTokens, offered: Set[Channel]) -> None:
        self._public_url = public_url
        self._tokens = tokens
        self._offered = offered

    def link(self, notification: Notification, content: Content) -> str:
        """The message's own link; empty where there is nothing to switch off."""
        channels = reach(notification.recipient, self._offered)
        if not may_ever_be_off((notification.channel, content.news_kind), channels):
            return ""
        return f"{self._public_url}/unsubscribe/{self._tokens.token(notification.notification_id)}"
