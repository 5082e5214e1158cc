"""What a person may ask about themselves: everything that is kept, and to be forgotten."""

import datetime as dt
from collections.abc import AsyncIterator
from typing import Final

import structlog
from prometheus_client import Counter

from booking_svc.domain.booking import Booking
from booking_svc.domain.erasing import Erasure, is_settled, without_person
from booking_svc.domain.people import Address, SignIn
from booking_svc.domain.proof import Viewer
from booking_svc.domain.sign_in import SignInKeys, SignInTerms, token_hash
from booking_svc.errors import LiveBookings, SignInStale, TryAgain
from booking_svc.ports import Erasures, Notices, Ports
from booking_svc.usecases.signing_in import SignIns, check_request_id
from mesh.errors import RequestIdReused, StoreUnavailable
from mesh.ids import derived_request_id, new_token

log = structlog.get_logger()

_PAGE: Final = 50
_TURN: Final = dt.timedelta(seconds=60)
"""An erasure is one replica's for so long; what is not done by then is begun again."""
_SWEEP_AFTER: Final = dt.timedelta(hours=2)
"""Longer than a message is tried to be sent: one that was under way may have been written down since."""

ERASURES: Final = Counter("booking_erasures", "Erasures of people, by how far they came.", ["step"])


class Rights:
    """Exports and erases people."""

    def __init__(
        self,
        ports: Ports,
        sign_ins: SignIns,
        erasures: Erasures,
        notices: Notices,
        keys: SignInKeys,
        terms: SignInTerms,
    ) -> None:
        self._ports = ports
        self._sign_ins = sign_ins
        self._erasures = erasures
        self._notices = notices
        self._keys = keys
        self._terms = terms

    async def signed_in_lately(self, sign_in_token: str) -> SignIn:
        """Who is signed in; raises `NotSignedIn`, and `SignInStale` when that was too long ago."""
        sign_in = await self._sign_ins.of(sign_in_token)
        if not sign_in.is_fresh(self._ports.now(), self._terms.fresh):
            raise SignInStale
        return sign_in

    async def bookings_of(self, address: Address) -> AsyncIterator[Booking]:
        """All bookings with that address, newest first."""
        before: tuple[dt.datetime, str] | None = None
        while True:
            page = await self._ports.bookings.of_viewer(Viewer(address=address), before, _PAGE)
            for booking in page:
                yield booking
            if len(page) < _PAGE:
                return
            before = (page[-1].create_time, page[-1].booking_id)

    async def erase(self, request_id: str, sign_in_token: str) -> str:
        """Stores that the person is to be erased, and answers with the erasure's id.

        Raises `NotSignedIn`, `SignInStale`, `LiveBookings` and `RequestIdReused`.
        """
        check_request_id(request_id)
        token = token_hash(sign_in_token)
        known = await self._erasures.known(request_id)
        if known is not None:
            if known.token_hash != token:
                raise RequestIdReused
            return known.erasure_id
        sign_in = await self.signed_in_lately(sign_in_token)
        now = self._ports.now()
        live = 0
        async for booking in self.bookings_of(sign_in.address):
            live += not is_settled(booking, self._ports.terms.pace, now)
        if live:
            raise LiveBookings(live)
        erasure = Erasure(new_token(), request_id, token, sign_in.person_id, sign_in.address, now)
        return await self._ports.background.finish(self._begin(erasure, now))

    async def go_on(self) -> None:
        """Drives every erasure that is due, one after the other."""
        while True:
            now = self._ports.now()
            erasure = await self._erasures.claim(now, now + _TURN)
            if erasure is None:
                return
            try:
                await self._drive(erasure)
            except (TryAgain, StoreUnavailable) as error:
                log.warning("erasure_put_off", erasure_id=erasure.erasure_id, reason=error.reason)

    async def _begin(self, erasure: Erasure, now: dt.datetime) -> str:
        kept = await self._erasures.add(erasure)
        if kept.token_hash != erasure.token_hash:
            raise RequestIdReused
        await self._erasures.end_sign_ins(kept.person_id, now)
        ERASURES.labels("asked").inc()
        log.info("erasure_asked", erasure_id=kept.erasure_id)
        return kept.erasure_id

    async def _drive(self, erasure: Erasure) -> None:
        """Each step may be taken again: what is erased is found no more, or erased once more."""
        await self._erasures.end_sign_ins(erasure.person_id, self._ports.now())
        erased, left = await self._erase_bookings(erasure)
        await self._notices.forget(
            [erasure.address.text],
            [],
            derived_request_id("erase", erasure.erasure_id),
        )
        if left:
            # Somebody booked with the address meanwhile, or a late payment came: until that is settled.
            log.info("erasure_waits", erasure_id=erasure.erasure_id, erased=erased, left=left)
            return
        await self._erasures.forget(
            erasure.person_id, erasure.address, self._keys.address_ref(erasure.address)
        )
        if erasure.swept:
            await self._erasures.done(erasure.erasure_id, self._ports.now())
        else:
            await self._erasures.sweep_again(erasure.erasure_id, self._ports.now() + _SWEEP_AFTER)
        step = "done" if erasure.swept else "swept"
        ERASURES.labels(step).inc()
        log.info("erasure_advanced", step=step, erasure_id=erasure.erasure_id, erased=erased)

    async def _erase_bookings(self, erasure: Erasure) -> tuple[int, int]:
        """How many were erased, and how many cannot be yet."""
        erased = left = 0
        async for booking in self.bookings_of(erasure.address):
            if booking.create_time > erasure.create_time:
                continue  # made after the person asked: another matter
            if is_settled(booking, self._ports.terms.pace, self._ports.now()) and await self._erase(booking):
                erased += 1
            else:
                left += 1
        return erased, left

    async def _erase(self, booking: Booking) -> bool:
        # The messages first: once the booking has no address, nobody would find the way back here.
        request_id = derived_request_id("erase-booking", booking.booking_id)
        await self._notices.forget([], [booking.booking_id], request_id)
        return await self._erasures.erase(without_person(booking, new_token()), self._ports.now())
