"""What can go wrong between this process and the broker."""

from typing import ClassVar

from mesh.errors import MatineeError


class PublishFailed(MatineeError):
    """A message was not confirmed. Publishing it again with the same message id is always right."""

    code = "UNAVAILABLE"
    reason = "PUBLISH_FAILED"
    outcome_unknown: ClassVar[bool] = False
    """Whether the broker may have the message all the same."""


class PublisherBusy(PublishFailed):
    """Too many messages were in flight until the time was up; this one was not sent."""

    reason = "PUBLISHER_BUSY"


class BrokerAway(PublishFailed):
    """There was no connection until the time was up; the message was not sent."""

    reason = "BROKER_AWAY"


class MessageReturned(PublishFailed):
    """No queue takes this exchange and routing key; the broker has dropped the message."""

    reason = "MESSAGE_RETURNED"


class MessageRefused(PublishFailed):
    """The broker refused the message: a queue is full or has lost its leader."""

    reason = "MESSAGE_REFUSED"


class PublishUnconfirmed(PublishFailed):
    """The time was up, or the connection was lost, before the confirmation: the outcome is unknown."""

    reason = "PUBLISH_UNCONFIRMED"
    outcome_unknown = True
