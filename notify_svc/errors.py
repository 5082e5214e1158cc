"""What can go wrong with a message to a customer."""

from mesh.errors import MatineeError


class ChannelNotOffered(MatineeError):
    """Messages do not go out on this channel yet; metadata `channel`."""

    code = "UNIMPLEMENTED"
    reason = "CHANNEL_NOT_OFFERED"

    def __init__(self, channel: str) -> None:
        super().__init__(f"messages by {channel} are not offered", channel=channel)


class AlwaysTold(MatineeError):
    """This kind of news cannot be switched off, there or at all; metadata `channel` and `news_kind`."""

    code = "FAILED_PRECONDITION"
    reason = "ALWAYS_TOLD"

    def __init__(self, channel: str, news_kind: str) -> None:
        super().__init__(f"{news_kind} are always told by {channel}", channel=channel, news_kind=news_kind)


class LinkOver(MatineeError):
    """The link in a message is not one of ours, or its message is not kept any more."""

    code = "NOT_FOUND"
    reason = "LINK_OVER"

    def __init__(self) -> None:
        super().__init__("this link leads to no message")


class PreferencesBusy(MatineeError):
    """The same preferences are being changed by others at this very moment."""

    code = "UNAVAILABLE"
    reason = "PREFERENCES_BUSY"

    def __init__(self) -> None:
        super().__init__("these preferences are being changed; try again")


class MalformedMessage(MatineeError):
    """A message from the queue does not say what it has to; it never will."""

    code = "INVALID_ARGUMENT"
    reason = "MALFORMED_MESSAGE"


class ChannelUnavailable(MatineeError):
    """The outside did not take the message now; it may have all the same, and may later."""

    code = "UNAVAILABLE"
    reason = "CHANNEL_UNAVAILABLE"


class RecipientRefused(MatineeError):
    """The outside will never take this message for this recipient."""

    code = "FAILED_PRECONDITION"
    reason = "RECIPIENT_REFUSED"
