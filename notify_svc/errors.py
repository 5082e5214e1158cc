"""What can go wrong with a message to a customer."""

from mesh.errors import MatineeError


class ChannelNotOffered(MatineeError):
    """Messages do not go out on this channel yet; metadata `channel`."""

    code = "UNIMPLEMENTED"
    reason = "CHANNEL_NOT_OFFERED"

    def __init__(self, channel: str) -> None:
        super().__init__(f"messages by {channel} are not offered", channel=channel)


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
