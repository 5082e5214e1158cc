"""`./matinee show cancel` and `move`, on a real catalogue."""

import asyncio
import datetime as dt
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from matinee.catalog.v1 import catalog_pb2

from mesh.testing import MESH_TOKEN
from stack.cli import main
from stack.shows import StartRefused, start_in
from tests.fixtures.catalog import Catalogue, catalogue_on, show, springfield
from tests.fixtures.engines import MongoDatabase

SHOW_ID = show().show.show_id


async def _run(*arguments: str) -> int:
    return await asyncio.to_thread(main, ["show", *arguments])


async def _stored(catalogue: Catalogue) -> catalog_pb2.Show:
    return (await catalogue.reads.GetShow(catalog_pb2.GetShowRequest(show_id=SHOW_ID))).show


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MESH_TOKEN", MESH_TOKEN)
    monkeypatch.setenv("MATINEE_DATA", str(tmp_path))


async def test_a_show_is_moved_by_the_theatres_clock_and_then_cancelled(
    mongo_database: MongoDatabase, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async with catalogue_on(mongo_database) as catalogue:
        monkeypatch.setenv("CATALOG_TARGET", catalogue.address)
        await catalogue.store(*springfield(), show())
        assert (
            await _run("move", SHOW_ID, "--start", "2026-06-01T21:00", "--reason", "The film was late.") == 0
        )
        moved = (await _stored(catalogue)).start_time.ToDatetime(dt.UTC)
        assert moved == dt.datetime(2026, 6, 1, 20, 0, tzinfo=dt.UTC)
        assert "2026-06-01 21:00 Europe/London time" in capsys.readouterr().out
        assert await _run("cancel", SHOW_ID, "--reason", "The projector broke.") == 0
        assert (await _stored(catalogue)).status == catalog_pb2.SHOW_STATUS_CANCELLED
        assert "told and refunded" in capsys.readouterr().out
        listed = await catalogue.reads.ListScheduleChanges(catalog_pb2.ListScheduleChangesRequest())
        assert [change.change_reason for change in listed.changes] == [
            "The film was late.",
            "The projector broke.",
        ]


async def test_what_is_refused_is_one_clear_line(
    mongo_database: MongoDatabase, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async with catalogue_on(mongo_database) as catalogue:
        monkeypatch.setenv("CATALOG_TARGET", catalogue.address)
        next_one = show("next", dt.datetime(2026, 6, 1, 21, 0, tzinfo=dt.UTC))
        await catalogue.store(*springfield(), show(), next_one)
        for arguments, words in (
            (("cancel", "nothing", "--reason", "x"), "nothing"),
            (("cancel", SHOW_ID, "--reason", "x" * 501), "500"),
            (
                ("move", SHOW_ID, "--start", "2026-06-01T21:30", "--reason", "x"),
                "taken then by the show next",
            ),
            (("move", SHOW_ID, "--start", "2020-06-01T21:30", "--reason", "x"), "in the future"),
            (("move", SHOW_ID, "--start", "soon", "--reason", "x"), "not a time"),
        ):
            assert await _run(*arguments) == 1
            said = capsys.readouterr().err
            assert said.startswith("matinee: ")
            assert words in said
            assert said.count("\n") == 1
        before = show().show.start_time
        assert (await _stored(catalogue)).start_time == before


async def test_without_a_running_catalogue_it_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("CATALOG_TARGET", raising=False)
    assert await _run("cancel", SHOW_ID, "--reason", "x") == 1
    assert "no ./matinee up is running" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [(), ("cancel",), ("cancel", "x"), ("move", "x", "--reason", "y")])
async def test_wrong_usage_changes_nothing(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        await _run(*arguments)
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("matinee: ")


@pytest.mark.parametrize(
    ("text", "hour"), [("2026-06-01T20:30", 19), ("2026-06-01T20:30+02:00", 18), ("2026-06-01 20:30Z", 20)]
)
def test_a_start_is_by_the_theatres_clock_or_its_own_offset(text: str, hour: int) -> None:
    assert start_in(ZoneInfo("Europe/London"), text) == dt.datetime(2026, 6, 1, hour, 30, tzinfo=dt.UTC)


@pytest.mark.parametrize(("text", "often"), [("2026-03-29T01:30", "never"), ("2026-10-25T01:30", "twice")])
def test_an_hour_that_the_clock_skips_or_repeats_needs_an_offset(text: str, often: str) -> None:
    with pytest.raises(StartRefused, match=often):
        start_in(ZoneInfo("Europe/London"), text)
