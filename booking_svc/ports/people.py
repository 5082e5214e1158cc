"""Who is signed in, and the codes that lead there."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from booking_svc.domain.booking import Booking
from booking_svc.domain.erasing import Erasure
from booking_svc.domain.people import Address, SignIn
from booking_svc.domain.sign_in import Challenge, Limit


@dataclass(frozen=True, slots=True)
class KnownRequest:
    """A request for a code that came before: a digest of what it asked, and until when its code is good."""

    content: str
    expire_time: dt.datetime
    settled: bool
    """Its code was sent, is being sent at this moment, or was replaced by a newer one."""


@dataclass(frozen=True, slots=True)
class Try:
    """A try at a code that was counted before anything was compared."""

    challenge: Challenge
    tries_left: int


class SignInCodes(Protocol):
    """One live code for each address, and how often codes were asked for.

    Every method raises `StoreUnavailable`: what was done is then unknown.
    """

    async def grant(self, limit: Limit, now: dt.datetime) -> dt.datetime | None:
        """Counts one more code within the limit; or, when it is reached, tells when to come again."""
        ...

    async def known(self, request_id: str, now: dt.datetime) -> KnownRequest | None:
        """What came before under that request id."""
        ...

    async def put(self, address_ref: str, challenge: Challenge, now: dt.datetime) -> bool:
        """Makes this the address's one code, about to be sent; False when the request's code is settled."""
        ...

    async def sending_ended(self, address_ref: str, challenge_id: str, sent: bool) -> None:
        """The code was sent, or it was not and a repeat of its request may send another."""
        ...

    async def take_try(self, challenge_id: str, now: dt.datetime) -> Try | None:
        """Counts one try at a live code, in one atomic step; None when there is no try left to take."""
        ...

    async def spend(self, challenge: Challenge, request_id: str) -> bool:
        """Uses the code up for this request; False when it is used up already, or was replaced."""
        ...

    async def spent_by(self, challenge_id: str, request_id: str, now: dt.datetime) -> Challenge | None:
        """The code that this request has used up, until its time is over."""
        ...


class People(Protocol):
    """People and where they are signed in. Every method raises `StoreUnavailable`."""

    async def person_id(self, address: Address, now: dt.datetime) -> str:
        """The person with that address; new when there was none."""
        ...

    async def add(self, token_hash: str, sign_in: SignIn) -> SignIn:
        """Keeps the sign-in, once; answers with what is kept."""
        ...

    async def find(self, token_hash: str, now: dt.datetime) -> SignIn | None:
        """The sign-in, unless it is over."""
        ...

    async def end(self, token_hash: str, now: dt.datetime) -> None:
        """It is over; harmless when it is already."""
        ...


class Notices(Protocol):
    """Messages to people."""

    async def send_code(
        self, challenge: Challenge, code: str, minutes: int, language: str, request_id: str
    ) -> None:
        """Sends the challenge's code, unless it is over by then; returns once the message is safe.

        Raises `NotificationsUnavailable`, `ChannelNotOffered`, or `InvalidField` for an address that
        no message can be sent to.
        """
        ...

    async def forget(self, recipients: Sequence[str], booking_ids: Sequence[str], request_id: str) -> None:
        """Nothing is kept of who got the messages to these recipients, or about these bookings.

        Nor of what these recipients want to be told.

        Raises `NotificationsUnavailable`.
        """
        ...


class Erasures(Protocol):
    """People who are to be erased. Every method raises `StoreUnavailable`."""

    async def add(self, erasure: Erasure) -> Erasure:
        """Keeps the erasure; answers with the one that its request made first."""
        ...

    async def known(self, request_id: str) -> Erasure | None:
        """The erasure that the request made."""
        ...

    async def claim(self, now: dt.datetime, until: dt.datetime) -> Erasure | None:
        """One that is due; nobody else gets it until then."""
        ...

    async def erase(self, booking: Booking, now: dt.datetime) -> bool:
        """Keeps the booking without its person, by one update.

        False if it was changed meanwhile, if somebody is about to change it, or if it has something
        to tell that was not published yet.
        """
        ...

    async def end_sign_ins(self, person_id: str, now: dt.datetime) -> None:
        """The person is signed in nowhere any more."""
        ...

    async def forget(self, person_id: str, address: Address, address_ref: str) -> None:
        """Nothing is kept that leads from the address to the person or back."""
        ...

    async def sweep_again(self, erasure_id: str, time: dt.datetime) -> None:
        """Everything was erased once; it is due again at that time."""
        ...

    async def done(self, erasure_id: str, now: dt.datetime) -> None:
        """Nothing is left to do; of the erasure itself only that it was done is kept."""
        ...


@dataclass(frozen=True, slots=True)
class SignInPorts:
    """What signing in needs."""

    codes: SignInCodes
    people: People
    notices: Notices = field(repr=False)
