"""Cancelling and moving shows, and the list of these changes."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace

from catalog_svc.domain.schedule import ScheduleChange
from catalog_svc.domain.shows import (
    Show,
    ShowStatus,
    possible_business_dates,
    start_time_problem,
    starts_in_afternoon,
)
from catalog_svc.domain.theatres import Theatre
from catalog_svc.errors import ScreenOccupied, ShowCancelled, UnknownShow
from catalog_svc.ports import Catalogue, CatalogueArchive, CatalogueChange, Receipt, RequestKey
from mesh.errors import InvalidField, RequestIdReused
from mesh.ids import is_request_id

_CHANGE_SECONDS = 5.0
_LONGEST_REASON = 500
_DEFAULT_PAGE = 100
_LARGEST_PAGE = 1000


async def cancel_show(
    key: RequestKey, show_id: str, reason: str, archive: CatalogueArchive, catalogue: Catalogue
) -> tuple[Show, Theatre]:
    """The show, which does not take place any more; cancelling twice is cancelling once.

    Raises UnknownShow, RequestIdReused, InvalidField.
    """
    _check(key, reason, "cancel_reason")

    async def cancel(change: CatalogueChange) -> tuple[Show, Theatre]:
        show, theatre, answered = await _show_to_change(change, key, show_id)
        if answered:
            return show, theatre
        cancelled = replace(show, plan=replace(show.plan, status=ShowStatus.CANCELLED))
        if cancelled != show:
            await change.reschedule(show, cancelled, reason)
        await change.keep_receipt(key.request_id, Receipt(key.digest, cancelled))
        return cancelled, theatre

    answer = await archive.change(cancel, _CHANGE_SECONDS)
    catalogue.expire()
    return answer


async def reschedule_show(
    key: RequestKey,
    show_id: str,
    start_time: dt.datetime,
    reason: str,
    now: dt.datetime,
    archive: CatalogueArchive,
    catalogue: Catalogue,
) -> tuple[Show, Theatre]:
    """The show at its new time; a show after midnight belongs to the business date before.

    Raises UnknownShow, ShowCancelled, ScreenOccupied, RequestIdReused, InvalidField.
    """
    _check(key, reason, "reschedule_reason")
    problem = start_time_problem(start_time)
    if problem:
        raise InvalidField("start_time", problem)

    async def move(change: CatalogueChange) -> tuple[Show, Theatre]:
        show, theatre, answered = await _show_to_change(change, key, show_id)
        if answered:
            return show, theatre
        if show.plan.status is ShowStatus.CANCELLED:
            raise ShowCancelled(show_id)
        if start_time <= now:
            raise InvalidField("start_time", "must be in the future")
        moved = _moved(show, start_time, theatre)
        await _require_free_screen(change, moved)
        if moved != show:
            await change.reschedule(show, moved, reason)
        await change.keep_receipt(key.request_id, Receipt(key.digest, moved))
        return moved, theatre

    answer = await archive.change(move, _CHANGE_SECONDS)
    catalogue.expire()
    return answer


async def list_schedule_changes(
    after_sequence: int, page_size: int, catalogue: Catalogue
) -> Sequence[ScheduleChange]:
    """Changes after that place, in order. Raises InvalidField."""
    if after_sequence < 0:
        raise InvalidField("after_sequence", "must not be negative")
    if page_size < 0:
        raise InvalidField("page_size", "must not be negative")
    return await catalogue.schedule_changes(after_sequence, min(page_size or _DEFAULT_PAGE, _LARGEST_PAGE))


def _check(key: RequestKey, reason: str, reason_field: str) -> None:
    if not is_request_id(key.request_id):
        raise InvalidField("request_id", "must be a UUID")
    if len(reason) > _LONGEST_REASON:
        raise InvalidField(reason_field, f"must have at most {_LONGEST_REASON} characters")


async def _show_to_change(
    change: CatalogueChange, key: RequestKey, show_id: str
) -> tuple[Show, Theatre, bool]:
    """The show, or (True) as an earlier request with the same id left it."""
    receipt = await change.receipt(key.request_id)
    if receipt is not None and receipt.digest != key.digest:
        raise RequestIdReused
    stored = await change.show(show_id)
    if stored is None:
        raise UnknownShow(show_id)
    show, theatre = stored
    if receipt is not None and receipt.show is not None:
        return receipt.show, theatre, True
    return show, theatre, False


def _moved(show: Show, start_time: dt.datetime, theatre: Theatre) -> Show:
    business_date = possible_business_dates(start_time, theatre.zone)[0]
    return replace(
        show,
        plan=replace(show.plan, start_time=start_time, business_date=business_date),
        end_time=start_time + (show.end_time - show.plan.start_time),
        in_afternoon=starts_in_afternoon(start_time, theatre.zone),
    )


async def _require_free_screen(change: CatalogueChange, moved: Show) -> None:
    for other in await change.screenings([moved.plan]):
        if other.plan.show_id != moved.plan.show_id and other.takes_screen and other.overlaps(moved):
            raise ScreenOccupied(moved.plan.show_id, other.plan.show_id)
