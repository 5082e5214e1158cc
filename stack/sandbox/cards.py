"""The test cards and demo banks, and what each of them does."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What becomes of a payment. Without any flag it succeeds at once, and so do its refunds."""

    key: str
    title: str
    decline_reason: str = ""
    """Why it is declined; empty when it is not."""
    authentication: bool = False
    """Asks the payer for a code first."""
    late: bool = False
    """Succeeds only some time after the session has ended."""
    surplus: int = 0
    """Minor units captured beyond what was asked for."""
    lost_webhooks: bool = False
    """Its events are never posted: the merchant must ask."""
    webhook_copies: int = 1
    """How often each event is posted although it was accepted."""
    delayed_webhooks: bool = False
    """Its events are posted late."""
    reversed_webhooks: bool = False
    """An earlier event is posted after the later one."""
    pending_refunds: bool = False
    """Its refunds stay pending for a while, then succeed."""
    failing_refunds: bool = False
    """Its first refund fails; a new one succeeds. With `pending_refunds` it fails only after a while."""


SUCCESS: Final = Behaviour("success", "succeeds")
DECLINED: Final = Behaviour("declined", "declined by the bank", decline_reason="declined")

_CARDS: Final = {
    "4242424242424242": SUCCESS,
    "5555555555554444": Behaviour("success-2", "succeeds"),
    "4000056655665556": Behaviour("success-debit", "succeeds (a debit card)"),
    "4000000000000002": DECLINED,
    "4000000000009995": Behaviour("poor", "insufficient funds", decline_reason="insufficient_funds"),
    "4000000000003220": Behaviour("authentication", "asks for a code, then succeeds", authentication=True),
    "4000000000000101": Behaviour("lost", "succeeds; its webhooks are lost", lost_webhooks=True),
    "4000000000000119": Behaviour("double", "succeeds; its webhooks come twice", webhook_copies=2),
    "4000000000000127": Behaviour("delayed", "succeeds; its webhooks come late", delayed_webhooks=True),
    "4000000000000135": Behaviour("reversed", "succeeds; webhooks out of order", reversed_webhooks=True),
    "4000000000000143": Behaviour("late", "succeeds after the session has ended", late=True),
    "4000000000000150": Behaviour(
        "late-lost", "succeeds after the end; its webhooks are lost", late=True, lost_webhooks=True
    ),
    "4000000000000168": Behaviour("surplus", "captures 1 unit too much", surplus=1),
    "4000000000000176": Behaviour("shortfall", "captures 1 unit too little", surplus=-1),
    "4000000000007726": Behaviour("slow-refund", "succeeds; refunds stay pending", pending_refunds=True),
    "4000000000005126": Behaviour("failing-refund", "succeeds; the first refund fails", failing_refunds=True),
    "4000000000003725": Behaviour(
        "late-failing-refund",
        "succeeds; the first refund stays pending, then fails",
        pending_refunds=True,
        failing_refunds=True,
    ),
}
_BANKS: Final = {
    "first-demo-bank": SUCCESS,
    "slow-demo-bank": Behaviour("slow-bank", "succeeds after the session has ended", late=True),
    "strict-demo-bank": Behaviour("strict-bank", "declined by the bank", decline_reason="declined"),
    "empty-demo-bank": Behaviour("empty-bank", "insufficient funds", decline_reason="insufficient_funds"),
    "careful-demo-bank": Behaviour("careful-bank", "asks for a code, then succeeds", authentication=True),
    "silent-demo-bank": Behaviour("silent-bank", "succeeds; its webhooks are lost", lost_webhooks=True),
}
BANK_NAMES: Final = {
    "first-demo-bank": "First Demo Bank",
    "slow-demo-bank": "Slow Demo Bank (answers too late)",
    "strict-demo-bank": "Strict Demo Bank (says no)",
    "empty-demo-bank": "Empty Demo Bank (not enough money)",
    "careful-demo-bank": "Careful Demo Bank (asks for a code)",
    "silent-demo-bank": "Silent Demo Bank (never tells the shop)",
}
_BY_KEY: Final = {behaviour.key: behaviour for behaviour in (*_CARDS.values(), *_BANKS.values())}

DECLINE_TEXTS: Final = {
    "declined": "The bank declined the payment.",
    "insufficient_funds": "There is not enough money in the account.",
    "authentication_failed": "The payment was not authenticated.",
}


class CardRefused(Exception):
    """A form field is wrong; nothing happened to the session."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(problem)
        self.field = field
        self.problem = problem


def behaviour_of_card(number: str) -> Behaviour:
    """What the card with these digits (spaces and hyphens allowed) does; raises `CardRefused`.

    A number that is not a test card's is refused even if it is well-formed:
    a real card has no business here.
    """
    digits = number.replace(" ", "").replace("-", "")
    if not digits.isascii() or not digits.isdigit() or not 12 <= len(digits) <= 19:
        raise CardRefused("number", "Enter the card number: 12 to 19 digits.")
    if not passes_luhn(digits):
        raise CardRefused("number", "This card number has a typing error.")
    if digits not in _CARDS:
        raise CardRefused("number", "Only the test cards listed below work here; never enter a real one.")
    return _CARDS[digits]


def behaviour_of_bank(bank_id: str) -> Behaviour:
    """What that demo bank does; raises `CardRefused`."""
    try:
        return _BANKS[bank_id]
    except KeyError:
        raise CardRefused("bank", "Choose a bank from the list.") from None


def behaviour(key: str) -> Behaviour:
    """The behaviour that was stored by its key."""
    return _BY_KEY[key]


def passes_luhn(digits: str) -> bool:
    """Whether the last digit is the check digit of ISO/IEC 7812-1, annex B."""
    total = 0
    for position, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if position % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def listed() -> list[tuple[str, str]]:
    """Card numbers in groups of four and what they do, for the hosted page."""
    return [
        (" ".join(number[start : start + 4] for start in range(0, len(number), 4)), card.title)
        for number, card in _CARDS.items()
    ]


def listed_banks() -> list[tuple[str, str]]:
    """Demo banks and what they do."""
    return [(BANK_NAMES[bank_id], bank.title) for bank_id, bank in _BANKS.items()]
