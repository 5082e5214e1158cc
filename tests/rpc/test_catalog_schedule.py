"""Cancelling and moving shows over a socket. The clock stands at 1 June 2026, 12:00 UTC."""

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from matinee.catalog.v1 import admin_pb2, catalog_pb2

from mesh.errors import RemoteError
from mesh.ids import new_request_id
from mesh.testing import eventually
from tests.fixtures.catalog import Catalogue, catalogue_on, movie, show, springfield
from tests.fixtures.engines import MongoDatabase

EVENING = dt.datetime(2026, 6, 1, 18, 30, tzinfo=dt.UTC)
SHOW_ID = show().show.show_id


def _cancel(show_id: str = SHOW_ID, **fields: str) -> admin_pb2.CancelShowRequest:
    values = {"request_id": new_request_id(), "cancel_reason": "The projector broke."}
    return admin_pb2.CancelShowRequest(show_id=show_id, **{**values, **fields})


def _move(start: dt.datetime, show_id: str = SHOW_ID, **fields: str) -> admin_pb2.RescheduleShowRequest:
    values = {"request_id": new_request_id(), "reschedule_reason": "The film was late."}
    return admin_pb2.RescheduleShowRequest(
        show_id=show_id, start_time=Timestamp(seconds=int(start.timestamp())), **{**values, **fields}
    )


async def _stored(catalogue: Catalogue, show_id: str = SHOW_ID) -> catalog_pb2.Show:
    return (await catalogue.reads.GetShow(catalog_pb2.GetShowRequest(show_id=show_id))).show


async def test_a_cancelled_show_is_gone_from_the_lists(mongo_database: MongoDatabase) -> None:
    async with catalogue_on(mongo_database) as catalogue:
        await catalogue.store(*springfield(), show())
        request = catalog_pb2.ListMoviesRequest(city_id="springfield")
        assert (await catalogue.reads.ListMovies(request)).movies
        answer = await catalogue.admin.CancelShow(_cancel())
        assert answer.show.status == catalog_pb2.SHOW_STATUS_CANCELLED
        assert await _stored(catalogue) == answer.show
        assert not (await catalogue.reads.ListMovies(request)).movies


async def test_cancelling_twice_is_cancelling_once(mongo_database: MongoDatabase) -> None:
    async with catalogue_on(mongo_database) as catalogue:
        await catalogue.store(*springfield(), show())
        request = _cancel()
        first = await catalogue.admin.CancelShow(request)
        assert await catalogue.admin.CancelShow(request) == first
        assert await catalogue.admin.CancelShow(_cancel()) == first


async def test_a_moved_show_keeps_its_length_and_belongs_to_the_evening(
    mongo_database: MongoDatabase,
) -> None:
    after_midnight = dt.datetime(2026, 6, 2, 23, 10, tzinfo=dt.UTC)  # 00:10 on the wall
    async with catalogue_on(mongo_database) as catalogue:
        await catalogue.store(*springfield(), show())
        answer = await catalogue.admin.RescheduleShow(_move(after_midnight))
        assert answer.show.start_time.seconds == int(after_midnight.timestamp())
        assert answer.show.business_date == "2026-06-02"
        assert await _stored(catalogue) == answer.show
        overlapping = show("next", after_midnight + dt.timedelta(minutes=89), business_date="2026-06-02")
        assert (await catalogue.store(overlapping)).refused


async def test_a_show_moved_into_the_afternoon_gets_its_price(mongo_database: MongoDatabase) -> None:
    async with catalogue_on(mongo_database) as catalogue:
        await catalogue.store(*springfield(), show())
        answer = await catalogue.admin.RescheduleShow(_move(dt.datetime(2026, 6, 2, 11, 0, tzinfo=dt.UTC)))
        assert answer.show.afternoon
        listed = await catalogue.reads.ListMovies(catalog_pb2.ListMoviesRequest(city_id="springfield"))
        assert listed.movies[0].lowest_price.minor_units == 800


async def test_a_repeated_move_is_answered_as_it_was_then(mongo_database: MongoDatabase) -> None:
    async with catalogue_on(mongo_database) as catalogue:
        await catalogue.store(*springfield(), show())
        first = _move(EVENING + dt.timedelta(days=1))
        answer = await catalogue.admin.RescheduleShow(first)
        moved_on = await catalogue.admin.RescheduleShow(_move(EVENING + dt.timedelta(days=2)))
        assert await catalogue.admin.RescheduleShow(first) == answer
        assert await _stored(catalogue) == moved_on.show


async def test_a_request_id_stands_for_one_content(mongo_database: MongoDatabase) -> None:
    async with catalogue_on(mongo_database) as catalogue:
        await catalogue.store(*springfield(), show())
        request = _move(EVENING + dt.timedelta(days=1))
        await catalogue.admin.RescheduleShow(request)
        calls: tuple[Awaitable[object], ...] = (
            catalogue.admin.RescheduleShow(
                _move(EVENING + dt.timedelta(days=2), request_id=request.request_id)
            ),
            catalogue.admin.CancelShow(_cancel(request_id=request.request_id)),
        )
        for call in calls:
            with pytest.raises(RemoteError) as caught:
                await call
            assert (caught.value.code, caught.value.reason) == ("ALREADY_EXISTS", "REQUEST_ID_REUSED")


async def test_a_show_cannot_move_onto_another_one(mongo_database: MongoDatabase) -> None:
    async with catalogue_on(mongo_database) as catalogue:
        await catalogue.store(*springfield(), show(), show("next", EVENING + dt.timedelta(hours=2)))
        with pytest.raises(RemoteError) as caught:
            await catalogue.admin.RescheduleShow(_move(EVENING + dt.timedelta(hours=1)))
        assert (caught.value.code, caught.value.reason) == ("FAILED_PRECONDITION", "SCREEN_OCCUPIED")
        assert caught.value.facts["other_show_id"] == "next"
        await catalogue.admin.RescheduleShow(_move(EVENING + dt.timedelta(minutes=20)))


async def test_a_cancelled_show_cannot_be_moved(mongo_database: MongoDatabase) -> None:
    async with catalogue_on(mongo_database) as catalogue:
        await catalogue.store(*springfield(), show())
        await catalogue.admin.CancelShow(_cancel())
        with pytest.raises(RemoteError) as caught:
            await catalogue.admin.RescheduleShow(_move(EVENING + dt.timedelta(days=1)))
        assert (caught.value.code, caught.value.reason) == ("FAILED_PRECONDITION", "SHOW_CANCELLED")


async def test_bad_changes_change_nothing(mongo_database: MongoDatabase) -> None:
    async with catalogue_on(mongo_database) as catalogue:
        await catalogue.store(*springfield(), show())
        before = await _stored(catalogue)
        no_time = admin_pb2.RescheduleShowRequest(request_id=new_request_id(), show_id=SHOW_ID)
        long_ago, far = EVENING - dt.timedelta(days=1), dt.datetime(9999, 1, 1, tzinfo=dt.UTC)
        calls: list[tuple[Awaitable[object], str, str | None]] = [
            (catalogue.admin.CancelShow(_cancel("nothing")), "UNKNOWN_SHOW", None),
            (catalogue.admin.RescheduleShow(_move(EVENING, "nothing")), "UNKNOWN_SHOW", None),
            (catalogue.admin.CancelShow(_cancel(request_id="1")), "INVALID_FIELD", "request_id"),
            (catalogue.admin.CancelShow(_cancel(cancel_reason="x" * 501)), "INVALID_FIELD", "cancel_reason"),
            (catalogue.admin.RescheduleShow(no_time), "INVALID_FIELD", "start_time"),
            (catalogue.admin.RescheduleShow(_move(long_ago)), "INVALID_FIELD", "start_time"),
            (catalogue.admin.RescheduleShow(_move(far)), "INVALID_FIELD", "start_time"),
        ]
        for call, reason, field in calls:
            with pytest.raises(RemoteError) as caught:
                await call
            assert (caught.value.reason, caught.value.facts.get("field")) == (reason, field)
        assert await _stored(catalogue) == before


async def test_fetching_from_partners_is_not_offered(mongo_database: MongoDatabase) -> None:
    async with catalogue_on(mongo_database) as catalogue:
        with pytest.raises(RemoteError) as caught:
            await catalogue.admin.SyncTheatre(admin_pb2.SyncTheatreRequest(request_id=new_request_id()))
        assert (caught.value.code, caught.value.reason) == ("UNIMPLEMENTED", "SYNC_NOT_AVAILABLE")


async def _changes(catalogue: Catalogue, after: int = 0, size: int = 0) -> list[catalog_pb2.ScheduleChange]:
    request = catalog_pb2.ListScheduleChangesRequest(after_sequence=after, page_size=size)
    return list((await catalogue.reads.ListScheduleChanges(request)).changes)


async def test_changes_are_listed_in_order_once_each(mongo_database: MongoDatabase) -> None:
    later = EVENING + dt.timedelta(days=1)
    async with catalogue_on(mongo_database) as catalogue:
        await catalogue.store(*springfield(), show())
        assert await _changes(catalogue) == []
        moving = _move(later)
        await catalogue.admin.RescheduleShow(moving)
        await catalogue.admin.RescheduleShow(moving)
        await catalogue.admin.RescheduleShow(_move(later))  # it is there already
        await catalogue.admin.CancelShow(_cancel())
        await catalogue.admin.CancelShow(_cancel())
        moved, cancelled = await _changes(catalogue)
        assert (moved.sequence, moved.kind) == (1, catalog_pb2.SCHEDULE_CHANGE_KIND_MOVED)
        assert moved.previous_start_time.ToDatetime(dt.UTC) == EVENING
        assert moved.start_time.ToDatetime(dt.UTC) == later
        assert moved.change_reason == "The film was late."
        assert (cancelled.sequence, cancelled.kind) == (2, catalog_pb2.SCHEDULE_CHANGE_KIND_CANCELLED)
        assert (cancelled.show_id, cancelled.change_reason) == (SHOW_ID, "The projector broke.")
        assert await _changes(catalogue, after=1) == [cancelled]
        assert await _changes(catalogue, size=1) == [moved]
        assert await _changes(catalogue, after=2) == []


async def test_a_refused_change_is_not_listed(mongo_database: MongoDatabase) -> None:
    async with catalogue_on(mongo_database) as catalogue:
        await catalogue.store(*springfield(), show(), show("next", EVENING + dt.timedelta(hours=2)))
        with pytest.raises(RemoteError):
            await catalogue.admin.RescheduleShow(_move(EVENING + dt.timedelta(hours=1)))
        assert await _changes(catalogue) == []
        await catalogue.store(show("later", EVENING + dt.timedelta(hours=9), business_date="2026-06-01"))
        assert await _changes(catalogue) == [], "an import changes no show that is on sale"


async def test_changes_made_at_once_leave_no_gap(mongo_database: MongoDatabase) -> None:
    shows = [
        show(f"show-{day}", EVENING + dt.timedelta(days=day), business_date=f"2026-06-{day + 1:02d}")
        for day in range(8)
    ]
    async with catalogue_on(mongo_database) as one, catalogue_on(mongo_database) as other:
        await one.store(*springfield(), *shows)
        await asyncio.gather(
            *((one, other)[day % 2].admin.CancelShow(_cancel(f"show-{day}")) for day in range(8))
        )
        listed = await _changes(one)
        assert [change.sequence for change in listed] == list(range(1, 9))
        assert {change.show_id for change in listed} == {f"show-{day}" for day in range(8)}


async def test_a_show_may_be_as_old_as_the_revision_that_the_caller_has_heard_of(
    mongo_database: MongoDatabase,
) -> None:
    request = catalog_pb2.GetShowRequest(show_id=SHOW_ID)

    async def revision_of(catalogue: Catalogue) -> catalog_pb2.Revision:
        return (await catalogue.reads.GetRevision(catalog_pb2.GetRevisionRequest())).revision

    async with catalogue_on(mongo_database) as one, catalogue_on(mongo_database) as other:
        await one.store(*springfield(), show())
        before = await other.reads.GetShow(request)
        old = catalog_pb2.GetShowRequest(show_id=SHOW_ID, at_least=await revision_of(other))
        for _ in range(2):
            assert await other.reads.GetShow(old) == before
        await one.admin.CancelShow(_cancel())
        new = catalog_pb2.GetShowRequest(show_id=SHOW_ID, at_least=await revision_of(one))
        assert new.at_least.shows > old.at_least.shows
        after = await other.reads.GetShow(new)  # as the caller knows of a change, it is looked for
        assert after.show.status == catalog_pb2.SHOW_STATUS_CANCELLED
        assert await other.reads.GetShow(request) == after  # from the store, whatever is remembered
        assert await one.reads.GetShow(old) == after  # who made the change knows of it
        assert await revision_of(other) == new.at_least


async def test_every_process_hears_of_a_revision_within_two_seconds(mongo_database: MongoDatabase) -> None:
    async with catalogue_on(mongo_database) as one, catalogue_on(mongo_database) as other:
        asked = catalog_pb2.GetRevisionRequest()
        await one.store(*springfield(), show())
        seen = [(await other.reads.GetRevision(asked)).revision]
        changes: tuple[Callable[[], Awaitable[object]], ...] = (
            lambda: one.store(movie(title="The Asteroid")),
            lambda: one.store(show("other", EVENING + dt.timedelta(days=1), business_date="2026-06-02")),
            lambda: one.admin.RescheduleShow(_move(EVENING + dt.timedelta(minutes=20))),
        )
        for change in changes:
            await change()

            looks = 0

            async def heard_of() -> bool:
                nonlocal looks
                looks += 1
                return (await other.reads.GetRevision(asked)).revision != seen[-1]

            await eventually(heard_of)
            assert looks <= 100, "two seconds of looking every 20 ms; a pause of the machine is one look"
            seen.append((await other.reads.GetRevision(asked)).revision)


@pytest.mark.parametrize("field", ["after_sequence", "page_size"])
async def test_a_place_before_the_first_is_refused(mongo_database: MongoDatabase, field: str) -> None:
    async with catalogue_on(mongo_database) as catalogue:
        with pytest.raises(RemoteError) as caught:
            await catalogue.reads.ListScheduleChanges(catalog_pb2.ListScheduleChangesRequest(**{field: -1}))
        assert (caught.value.reason, caught.value.facts["field"]) == ("INVALID_FIELD", field)
