"""Holds and claims in Redis: every change is one Lua script, so each is atomic for its show."""

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from mesh.errors import InvalidField, RequestIdReused
from mesh.ids import new_token
from seat_svc.domain.layout import Layout
from seat_svc.domain.orders import HoldOrder, InventoryRules
from seat_svc.domain.sale import Purchase, RefusedSale, Sale
from seat_svc.domain.seats import Hold, SeatState
from seat_svc.domain.show import Show
from seat_svc.errors import HoldLimit
from seat_svc.ports import (
    ChangesReading,
    Claim,
    Judged,
    Lives,
    MapReading,
    Overdue,
    RebuildTurn,
    SaleRecorded,
    StatesChanged,
)
from seat_svc.stores.answers import map_reading, milliseconds, milliseconds_at, parse_change, refuse, time_at
from seat_svc.stores.connection import Argument, life_in
from seat_svc.stores.scripts import Script, redis_time
from seat_svc.stores.servers import Servers

_KEYS: Final = (
    "facts", "states", "holds", "due", "holders", "claims", "claims-due", "sold", "sales", "changes",
)  # fmt: skip
_RECHECK: Final = b"*"


@dataclass(frozen=True, slots=True)
class LedgerTimes:
    """How long the ledger remembers and waits."""

    claim_for: dt.timedelta = dt.timedelta(seconds=30)
    """After this a claim whose confirm was never heard of again is settled by what MongoDB says."""
    remember_requests_for: dt.timedelta = dt.timedelta(minutes=15)
    remember_refusals_for: dt.timedelta = dt.timedelta(minutes=2)
    """Longer than a command can be on its way. A crowd is refused far more often than seats are held, so that
    this, with how many may ask, bounds the memory of a show."""
    forget_shows_after: dt.timedelta = dt.timedelta(days=2)
    """After the end of sales; a show that is asked for later is rebuilt."""
    rebuild_within: dt.timedelta = dt.timedelta(seconds=10)
    """After this another caller may rebuild in place of one that was never heard of again."""


class RedisSeatLedger:
    """The `SeatLedger` port. All keys of a show share the hash tag `{show_id}`."""

    def __init__(
        self,
        servers: Servers,
        rules: InventoryRules,
        times: LedgerTimes | None = None,
        clock: Callable[[], str] = redis_time,
    ) -> None:
        """`clock` gives Lua that sets `now`, milliseconds: a test hands in one that it can move."""
        self._servers = servers
        self._rules = rules
        times = times or LedgerTimes()
        self._claim_ms = milliseconds(times.claim_for)
        self._memory_ms = milliseconds(times.remember_requests_for)
        self._refusal_memory_ms = milliseconds(times.remember_refusals_for)
        self._forget_ms = milliseconds(times.forget_shows_after)
        self._guard_ms = milliseconds(times.rebuild_within)
        now = clock()
        self._hold = Script("hold", now)
        self._get_hold = Script("get_hold", now)
        self._release = Script("release", now)
        self._claim = Script("claim", now)
        self._record = Script("record", now)
        self._seat_map = Script("seat_map", now)
        self._changes = Script("changes", now)
        self._overdue = Script("overdue", now)
        self._rechecked = Script("rechecked", now)
        self._remember = Script("remember", now)
        self._begin_rebuild = Script("begin_rebuild", now)
        self._abandon_rebuild = Script("abandon_rebuild", now)
        self._rebuild = Script("rebuild", now)
        self._begin_refresh = Script("begin_refresh", now)
        self._refresh = Script("refresh", now)

    async def seat_map(self, show: Show) -> MapReading:
        """See `SeatLedger.seat_map`."""
        answer = await self._seat_map.run(self._servers, _keys(show.show_id), show.layout.layout_id)
        if answer[0] != b"MAP":
            refuse(answer, show)
        return map_reading(answer, show)

    async def changes(self, show: Show, after_sequence: int) -> ChangesReading | MapReading:
        """See `SeatLedger.changes`."""
        answer = await self._changes.run(
            self._servers, _keys(show.show_id), show.layout.layout_id, after_sequence
        )
        if answer[0] == b"MAP":
            return map_reading(answer, show)
        if answer[0] != b"CHANGES":
            refuse(answer, show)
        return ChangesReading([parse_change(change) for change in answer[2:]], answer[1])

    async def hold(self, show: Show, order: HoldOrder, judged: Judged) -> Hold:
        """See `SeatLedger.hold`."""
        hold_id = new_token()
        answer = await self._hold.run(
            self._servers,
            (*_keys(show.show_id), _request_key(show.show_id, order.request_id)),
            show.layout.layout_id,
            show.revision,
            hold_id,
            order.holder,
            order.content,
            milliseconds(order.hold_for),
            self._memory_ms,
            self._refusal_memory_ms,
            self._rules.seats_per_holder,
            len(judged),
            *(part for stretch in judged for part in stretch),
            *show.layout.indexes_of(order.seat_ids),
        )
        if answer[0] == b"CHANGED":
            raise StatesChanged(answer[1])
        if answer[0] == b"LIMIT":
            raise HoldLimit(self._rules.seats_per_holder)
        if answer[0] != b"HELD":
            refuse(answer, show)
        return Hold(
            answer[2].decode(),
            show.show_id,
            order.seat_ids,
            order.holder_id,
            expire_time=time_at(answer[3]),
            as_of_time=time_at(answer[1]),
        )

    async def find_hold(self, show: Show, hold_id: str) -> Hold:
        """See `SeatLedger.find_hold`."""
        answer = await self._get_hold.run(self._servers, _keys(show.show_id), show.layout.layout_id, hold_id)
        if answer[0] != b"HELD":
            refuse(answer, show)
        _, now, holder, expire, *seats = answer
        return Hold(
            hold_id,
            show.show_id,
            show.layout.seat_ids(map(int, seats)),
            holder.decode(),
            expire_time=time_at(expire),
            as_of_time=time_at(now),
        )

    async def release(self, show: Show, hold_id: str, request_id: str) -> None:
        """See `SeatLedger.release`."""
        answer = await self._release.run(
            self._servers,
            (*_keys(show.show_id), _request_key(show.show_id, request_id)),
            show.layout.layout_id,
            hold_id,
            f"release {hold_id}",
            self._memory_ms,
        )
        if answer[0] not in (b"RELEASED", b"OVER"):
            refuse(answer, show)

    async def claim(self, show: Show, purchase: Purchase, request_id: str) -> Claim:
        """See `SeatLedger.claim`."""
        answer = await self._claim.run(
            self._servers,
            (*_keys(show.show_id), _request_key(show.show_id, request_id)),
            show.layout.layout_id,
            purchase.sale_id,
            purchase.hold_id,
            self._claim_ms,
            _content_of(purchase),
            self._memory_ms,
            *show.layout.indexes_of(purchase.seat_ids),
        )
        if answer[0] == b"SOLD":
            raise SaleRecorded
        if answer[0] == b"MISMATCH":
            raise InvalidField("payments", "must name exactly the seats of the hold")
        if answer[0] != b"CLAIMED":
            refuse(answer, show)
        return Claim(purchase.sale_id, int(answer[1]))

    async def record(self, show: Show, sale: Sale | RefusedSale) -> None:
        """See `SeatLedger.record`."""
        if isinstance(sale, RefusedSale) or sale.show_id != show.show_id:
            # An id that stands for a sale of another show will never stand for one of this.
            await self._record_word(show, sale.sale_id, 1, "", 0)
            return
        # A show that moved to another screen may have lost seats that were sold.
        live = _known(show.layout, sale.live_seat_ids)
        cancelled = _known(show.layout, sale.cancelled_seat_ids)
        await self._record_word(show, sale.sale_id, sale.version, "", len(live), *live, *cancelled)

    async def give_up(self, show: Show, claim: Claim) -> None:
        """See `SeatLedger.give_up`."""
        await self._record_word(show, claim.sale_id, 0, str(claim.due_ms), 0)

    async def _record_word(self, show: Show, *arguments: Argument) -> None:
        answer = await self._record.run(self._servers, _keys(show.show_id), show.layout.layout_id, *arguments)
        if answer[0] not in (b"RECORDED", b"OLDER", b"OTHER"):
            refuse(answer, show)

    async def overdue(self, show: Show) -> Overdue:
        """See `SeatLedger.overdue`."""
        answer = await self._overdue.run(self._servers, _keys(show.show_id), show.layout.layout_id)
        if answer[0] != b"OVERDUE":
            refuse(answer, show)
        due_of = {sale_id: int(due) for sale_id, due in zip(answer[1::2], answer[2::2], strict=True)}
        recheck_due = due_of.pop(_RECHECK, None)
        return Overdue(tuple(Claim(sale_id.decode(), due) for sale_id, due in due_of.items()), recheck_due)

    async def rechecked(self, show: Show, due_ms: int) -> None:
        """See `SeatLedger.rechecked`."""
        answer = await self._rechecked.run(self._servers, _keys(show.show_id), show.layout.layout_id, due_ms)
        if answer[0] != b"RECHECKED":
            refuse(answer, show)

    async def remember(self, show_id: str, request_id: str, content: str) -> None:
        """See `SeatLedger.remember`."""
        keys = (*_keys(show_id), _request_key(show_id, request_id))
        answer = await self._remember.run(self._servers, keys, content, self._memory_ms)
        if answer[0] == b"REUSED":
            raise RequestIdReused

    async def lives(self) -> Lives:
        """See `SeatLedger.lives`."""
        answers = await self._servers.run_everywhere("INFO", "server")
        life_at = {address: life_in(info).decode() for address, info in answers.items() if info is not None}
        return Lives(
            frozenset(life_at.values()),
            complete=len(life_at) == len(answers),
            of_show=lambda show_id: life_at.get(self._servers.address_of(_keys(show_id)[0])),
        )

    async def begin_rebuild(self, show_id: str, token: str) -> RebuildTurn:
        """See `SeatLedger.begin_rebuild`."""
        keys = (*_keys(show_id), _rebuilding_key(show_id))
        answer = await self._begin_rebuild.run(self._servers, keys, token, self._guard_ms)
        return RebuildTurn(answer[0].decode())

    async def abandon_rebuild(self, show_id: str, token: str) -> None:
        """See `SeatLedger.abandon_rebuild`."""
        keys = (*_keys(show_id), _rebuilding_key(show_id))
        await self._abandon_rebuild.run(self._servers, keys, token)

    async def rebuild(
        self, show: Show, token: str, sales: Sequence[Sale], blocked: frozenset[str]
    ) -> RebuildTurn:
        """See `SeatLedger.rebuild`."""
        states = bytearray([SeatState.AVAILABLE]) * len(show.layout.seats)
        for seat in _known(show.layout, blocked):
            states[seat] = SeatState.BLOCKED
        sold: list[Argument] = []
        for sale in sales:
            for seat in _known(show.layout, sale.live_seat_ids):
                states[seat] = SeatState.SOLD
                sold += [seat, sale.sale_id]
        versions = [part for sale in sales for part in (sale.sale_id, sale.version)]
        answer = await self._rebuild.run(
            self._servers,
            (*_keys(show.show_id), _rebuilding_key(show.show_id)),
            token,
            show.layout.layout_id,
            show.revision,
            *self._closing(show),
            self._claim_ms,
            bytes(states),
            len(sold) // 2,
            *sold,
            *versions,
        )
        return RebuildTurn.READY if answer[0] == b"REBUILT" else RebuildTurn(answer[0].decode())

    async def begin_refresh(self, show_id: str) -> int:
        """See `SeatLedger.begin_refresh`."""
        keys = (*_keys(show_id), _rebuilding_key(show_id))
        answer = await self._begin_refresh.run(self._servers, keys)
        return int(answer[1])

    async def refresh(self, show: Show, turn: int, blocked: frozenset[str]) -> None:
        """See `SeatLedger.refresh`."""
        answer = await self._refresh.run(
            self._servers,
            _keys(show.show_id),
            show.layout.layout_id,
            show.revision,
            *self._closing(show),
            turn,
            *_known(show.layout, blocked),
        )
        if answer[0] not in (b"REFRESHED", b"OLDER"):
            refuse(answer, show)

    def _closing(self, show: Show) -> tuple[int, int, int]:
        closes = show.start_time + self._rules.sales_end_after_start
        return milliseconds_at(closes), int(show.cancelled), self._forget_ms


def changes_channel(show_id: str) -> str:
    """Where the show's changes are told; it is also the key of those remembered."""
    return _keys(show_id)[-1]


@lru_cache(maxsize=4096)
def _keys(show_id: str) -> tuple[str, ...]:
    return tuple(f"{{{show_id}}}:{name}" for name in _KEYS)


def _request_key(show_id: str, request_id: str) -> str:
    return f"{{{show_id}}}:request:{request_id}"


def _rebuilding_key(show_id: str) -> str:
    return f"{{{show_id}}}:rebuilding"


def _content_of(purchase: Purchase) -> str:
    paid = ",".join(payment.word for payment in purchase.payments)
    return f"confirm {purchase.sale_id} {purchase.hold_id} {paid}"


def _known(layout: Layout, seat_ids: Iterable[str]) -> list[int]:
    return [layout.index_of[seat_id] for seat_id in seat_ids if seat_id in layout.index_of]
