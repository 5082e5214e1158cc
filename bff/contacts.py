"""Names, e-mail addresses and phone numbers as people type them, checked and brought to one form."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import phonenumbers
from email_validator import EmailNotValidError, validate_email

from bff.texts import Texts

LONGEST_NAME = 100
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_UNSEEN = re.compile("[\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")
"""Marks that come along when an address is copied, above all beside right-to-left writing."""


@dataclass(frozen=True, slots=True)
class TypedContact:
    """What was typed into the form."""

    full_name: str = ""
    email: str = ""
    phone: str = ""


@dataclass(frozen=True, slots=True)
class CheckedContact:
    """The contact in one form (e-mail normalised, phone E.164) and what is wrong, by form field."""

    contact: TypedContact
    problems: Mapping[str, str]


def check_contact(typed: TypedContact, texts: Texts) -> CheckedContact:
    """Checks the form of each field; nothing is looked up or sent."""
    problems: dict[str, str] = {}
    name = " ".join(typed.full_name.split())
    if not any(letter.isprintable() and not letter.isspace() for letter in name):
        problems["full_name"] = texts.gettext("Please tell us your name.")
    elif len(name) > LONGEST_NAME or _CONTROL.search(typed.full_name):
        problems["full_name"] = texts.gettext("Please use a name of at most 100 letters.")
    email = _email(seen(typed.email), problems, texts)
    phone = _phone(seen(typed.phone), problems, texts)
    if not email and not phone:
        problems["email"] = texts.gettext("We need an e-mail address or a phone number for the tickets.")
    return CheckedContact(TypedContact(name, email, phone), problems)


@dataclass(frozen=True, slots=True)
class TypedAddress:
    """An e-mail address or a phone number in one form; the other is empty. Or what is wrong."""

    email: str = ""
    phone: str = ""
    problem: str = ""

    @property
    def hint(self) -> str:
        """Enough for whoever typed it to know which it was."""
        if self.phone:
            return f"…{self.phone[-3:]}"
        name, _, domain = self.email.rpartition("@")
        return f"{name[:1]}…@{domain}"


def check_address(typed: str, texts: Texts) -> TypedAddress:
    """Takes either: what has an @ is an e-mail address."""
    problems: dict[str, str] = {}
    typed = seen(typed)
    if not typed:
        return TypedAddress(problem=texts.gettext("Please type your e-mail address or phone number."))
    if "@" in typed:
        checked = TypedAddress(email=_email(typed, problems, texts))
    else:
        checked = TypedAddress(phone=_phone(typed, problems, texts))
    return TypedAddress(problem=next(iter(problems.values()))) if problems else checked


def seen(typed: str) -> str:
    """What was typed, as whoever typed it sees it."""
    return _UNSEEN.sub("", typed).strip()


def _email(typed: str, problems: dict[str, str], texts: Texts) -> str:
    if not typed:
        return ""
    try:
        return validate_email(typed, check_deliverability=False, allow_smtputf8=False).normalized
    except EmailNotValidError:
        problems["email"] = (
            texts.gettext("This is not an e-mail address. It looks like name@example.org.")
            if typed.rpartition("@")[0].isascii()
            else texts.gettext("Letters with marks or of other scripts do not work before the @.")
        )
        return typed


def _phone(typed: str, problems: dict[str, str], texts: Texts) -> str:
    if not typed:
        return ""
    try:
        # In most countries one dials 00 where others write +; no number of a country begins so.
        number = phonenumbers.parse(re.sub("^00", "+", typed), None)
    except phonenumbers.NumberParseException:
        number = None
    if number is None or not phonenumbers.is_valid_number(number):
        problems["phone"] = texts.gettext("This is not a phone number. Begin with + and the country code.")
        return typed
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
