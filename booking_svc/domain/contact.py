"""Who the tickets go to, checked and in one normal form."""

import re
import unicodedata
from dataclasses import dataclass, field
from typing import Final

import email_validator
import phonenumbers

from mesh.errors import InvalidField

_LONGEST_NAME: Final = 100
_LONGEST_EMAIL: Final = 254
_LONGEST_PHONE: Final = 40
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,4}")
# Characters that turn the direction of what follows them: a name could rewrite a mail's text.
_TURNING: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_LINE_BREAKING: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})


@dataclass(frozen=True, slots=True)
class Contact:
    """A person and where to reach them; e-mail or phone may be empty, not both. Phone is E.164."""

    full_name: str = field(repr=False)
    email: str = field(repr=False)
    phone: str = field(repr=False)
    language: str = "en"


def checked_contact(full_name: str, email: str, phone: str, language: str) -> Contact:
    """The contact in normal form; raises `InvalidField` without repeating what was typed."""
    contact = Contact(
        full_name=_name(full_name),
        email=checked_email(email, "contact.email"),
        phone=checked_phone(phone, "contact.phone"),
        language=checked_language(language, "contact.language"),
    )
    if not contact.email and not contact.phone:
        raise InvalidField("contact.email", "an e-mail address or a phone number is needed")
    return contact


def _name(text: str) -> str:
    name = unicodedata.normalize("NFC", text).strip()
    if not 1 <= len(name) <= _LONGEST_NAME:
        raise InvalidField("contact.full_name", f"must have 1 to {_LONGEST_NAME} characters")
    if any(unicodedata.category(char) in _LINE_BREAKING or char in _TURNING for char in name):
        raise InvalidField("contact.full_name", "must be one line of plain text")
    if not any(char.isprintable() and not char.isspace() for char in name):
        raise InvalidField("contact.full_name", "must have a visible character")
    return name


def checked_email(text: str, field_name: str) -> str:
    """The address in normal form, empty for none; raises `InvalidField`."""
    if not text.strip():
        return ""
    if len(text) > _LONGEST_EMAIL:
        raise InvalidField(field_name, "is too long")
    try:
        # Other letters than ASCII's before the @ need SMTPUTF8, which few mail servers take, and notify_svc
        # does not send to: there would be no tickets.
        checked = email_validator.validate_email(
            text.strip(), check_deliverability=False, allow_smtputf8=False
        )
    except email_validator.EmailNotValidError:
        raise InvalidField(field_name, "is not an e-mail address") from None
    return checked.normalized


def checked_phone(text: str, field_name: str) -> str:
    """The number as E.164, empty for none; raises `InvalidField`."""
    if not text.strip():
        return ""
    problem = InvalidField(field_name, "must be a full number with its country, such as +91 98765 43210")
    if len(text) > _LONGEST_PHONE:
        raise problem
    try:
        number = phonenumbers.parse(text.strip(), None)
    except phonenumbers.NumberParseException:
        raise problem from None
    if not phonenumbers.is_valid_number(number):
        raise problem
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def checked_language(text: str, field_name: str) -> str:
    """The BCP 47 tag, English for none; raises `InvalidField`."""
    if not text:
        return "en"
    if _LANGUAGE.fullmatch(text) is None:
        raise InvalidField(field_name, "must be a BCP 47 tag, such as en or pt-BR")
    return text
