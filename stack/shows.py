"""``./matinee show cancel`` and ``./matinee show move``: an operator's way to change a show on sale."""

import asyncio
import datetime as dt
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

from google.protobuf.timestamp_pb2 import Timestamp
from matinee.catalog.v1 import admin_pb2, admin_pb2_grpc, catalog_pb2, catalog_pb2_grpc

from mesh.channel import MeshChannel, open_channel
from mesh.errors import RemoteError
from stack.errors import StackError
from stack.folder import DataFolder
from stack.importing import running_catalogue

T = TypeVar("T")

_CALL_SECONDS: Final = 15.0


class StartRefused(StackError):
    """The new start is no time, or one that the theatre's clock does not show exactly once."""


def cancel_show(data: Path, show_id: str, reason: str) -> int:
    """Cancel; booking_svc then tells and refunds everyone who has tickets."""

    async def cancel(channel: MeshChannel) -> catalog_pb2.Show:
        request = admin_pb2.CancelShowRequest(
            request_id=str(uuid.uuid4()), show_id=show_id, cancel_reason=reason
        )
        return (await channel.stub(admin_pb2_grpc.CatalogAdminServiceStub).CancelShow(request)).show

    show = _ask(data, cancel)
    print(f"{show.show_id} is cancelled; everyone with tickets is being told and refunded")
    return 0


def move_show(data: Path, show_id: str, start: str, reason: str) -> int:
    """Move; booking_svc then tells everyone who has tickets, who may keep them or have the money back."""

    async def move(channel: MeshChannel) -> tuple[catalog_pb2.Show, ZoneInfo]:
        catalogue = channel.stub(catalog_pb2_grpc.CatalogServiceStub)
        known = await catalogue.GetShow(catalog_pb2.GetShowRequest(show_id=show_id))
        zone = ZoneInfo(known.theatre.time_zone)
        stamp = Timestamp()
        stamp.FromDatetime(start_in(zone, start))
        request = admin_pb2.RescheduleShowRequest(
            request_id=str(uuid.uuid4()), show_id=show_id, start_time=stamp, reschedule_reason=reason
        )
        moved = await channel.stub(admin_pb2_grpc.CatalogAdminServiceStub).RescheduleShow(request)
        return moved.show, zone

    show, zone = _ask(data, move)
    local = show.start_time.ToDatetime(dt.UTC).astimezone(zone)
    print(
        f"{show.show_id} starts {local:%Y-%m-%d %H:%M} {zone.key} time; everyone with tickets is being told"
    )
    return 0


def start_in(zone: ZoneInfo, text: str) -> dt.datetime:
    """The instant of an ISO 8601 time; without an offset it is by the theatre's clock."""
    try:
        start = dt.datetime.fromisoformat(text)
    except ValueError:
        raise StartRefused(f"not a time: {text!r}; write it as 2026-06-01T20:30") from None
    if start.tzinfo is not None:
        return start.astimezone(dt.UTC)
    instants = {start.replace(tzinfo=zone, fold=fold).astimezone(dt.UTC) for fold in (0, 1)}
    shown = [each for each in instants if each.astimezone(zone).replace(tzinfo=None) == start]
    if len(shown) != 1:
        often = "twice" if shown else "never"
        raise StartRefused(f"the clock of {zone.key} shows {text} {often}: add an offset, such as +02:00")
    return shown[0]


def _ask(data: Path, ask: Callable[[MeshChannel], Awaitable[T]]) -> T:
    target, token = running_catalogue(DataFolder(data))

    async def answered() -> T:
        async with open_channel(target, token=token, timeout_seconds=_CALL_SECONDS) as channel:
            return await ask(channel)

    try:
        return asyncio.run(answered())
    except RemoteError as error:
        raise StackError(f"the catalogue refused: {_why(error)}") from error


def _why(error: RemoteError) -> str:
    if error.reason == "SCREEN_OCCUPIED":
        return f"the screen is taken then by the show {error.facts.get('other_show_id', '')}"
    return error.message or error.code
