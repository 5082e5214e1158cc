"""What another service may ask to send."""

import re
from collections.abc import Mapping, Set

from email_validator import EmailNotValidError, validate_email

from mesh.errors import InvalidField
from mesh.ids import is_request_id
from notify_svc.domain.contents import DirectMessage
from notify_svc.domain.notifications import Channel
from notify_svc.errors import ChannelNotOffered

BLANKS: Mapping[str, Set[str]] = {"sign_in_code": {"code", "minutes"}}
"""Template id → blanks that must be filled."""
OPTIONAL_BLANKS = frozenset({"language"})
_LONGEST_VALUE = 200
_NUMBER = re.compile(r"\+[1-9][0-9]{4,14}")


def check(message: DirectMessage) -> None:
    """Raises InvalidField or ChannelNotOffered for what cannot be sent anywhere."""
    check_request_id(message.request_id)
    match message.channel:
        case Channel.EMAIL if not is_address(message.address):
            raise InvalidField("recipient", "must be an e-mail address")
        case Channel.SMS if not is_number(message.address):
            raise InvalidField("recipient", "must be an E.164 number")
        case Channel.PUSH:
            raise ChannelNotOffered(message.channel.value)
    blanks = BLANKS.get(message.template_id)
    if blanks is None:
        raise InvalidField("template_id", "there is no such text")
    if missing := blanks - message.values.keys():
        raise InvalidField("values", f"must fill {', '.join(sorted(missing))}")
    if message.values.keys() - blanks - OPTIONAL_BLANKS:
        raise InvalidField("values", f"may fill only {', '.join(sorted(blanks | OPTIONAL_BLANKS))}")
    if any(len(value) > _LONGEST_VALUE or not value.isprintable() for value in message.values.values()):
        raise InvalidField("values", f"must be printable and at most {_LONGEST_VALUE} characters")


def check_request_id(request_id: str) -> None:
    """Raises InvalidField unless it is a UUID."""
    if not is_request_id(request_id):
        raise InvalidField("request_id", "must be a UUID")


def check_reachable(field: str, address: str) -> None:
    """Raises InvalidField unless it is an e-mail address or an E.164 number."""
    if not (is_number(address) or is_address(address)):
        raise InvalidField(field, "must be an e-mail address or an E.164 number")


def is_number(text: str) -> bool:
    """Whether it has the form of an E.164 number."""
    return _NUMBER.fullmatch(text) is not None


def is_address(text: str) -> bool:
    """Whether mail can be addressed to it, by its form alone."""
    return ascii_address(text) is not None


def ascii_address(text: str) -> str | None:
    """The address as every mail server takes it, its domain in ASCII; None for what is none."""
    try:
        # The default refuses reserved names such as example.test, which installations may use inside.
        checked = validate_email(
            text, check_deliverability=False, test_environment=True, allow_smtputf8=False
        )
    except EmailNotValidError:
        return None
    return checked.ascii_email
