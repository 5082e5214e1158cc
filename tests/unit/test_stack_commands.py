"""What the smaller commands say: logs, checks, progress, and addresses of engines elsewhere."""

import asyncio
import io
import sys
from pathlib import Path

import pytest

from stack.checks import Check, CheckFailed, run_check
from stack.errors import StackError
from stack.external import check_answers, external_engines
from stack.logs import LogFile, show
from stack.progress import Progress


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_a_check_that_passes_says_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_check(Check("fine", python("print('all good')")), tmp_path)

    assert capsys.readouterr().out == ""


def test_a_check_that_fails_shows_its_output(tmp_path: Path) -> None:
    with pytest.raises(CheckFailed, match=r"^rules failed:\nseat_svc imports bff$"):
        run_check(Check("rules", python("print('seat_svc imports bff'); raise SystemExit(1)")), tmp_path)


def test_a_silent_check_fails_by_a_warning_alone(tmp_path: Path) -> None:
    with pytest.raises(CheckFailed, match="variable is not set"):
        run_check(Check("compose", python("print('variable is not set')"), silent=True), tmp_path)


def test_a_check_whose_program_is_missing_says_so(tmp_path: Path) -> None:
    with pytest.raises(CheckFailed, match=r"^lint: .*nowhere is missing$"):
        run_check(Check("lint", [str(tmp_path / "nowhere")]), tmp_path)


def test_logs_are_shown_with_the_name_of_who_wrote_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "bff.log").write_text("GET /\n")
    (tmp_path / "logs" / "seat_svc.log").write_text("hold\n")

    show(tmp_path, None, follow=False)
    assert capsys.readouterr().out == "bff          | GET /\nseat_svc     | hold\n"

    show(tmp_path, "bff", follow=False)
    assert capsys.readouterr().out == "GET /\n"


def test_an_unknown_log_names_those_that_there_are(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "bff.log").touch()

    with pytest.raises(StackError, match=r"no log of 'fbb' .*; there are: bff"):
        show(tmp_path, "fbb", follow=False)


def test_a_followed_log_gives_whole_lines_once_also_after_it_was_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "bff.log"
    path.write_text("one\ntwo\nthr")
    log = LogFile(path)

    assert log.rest(at_most=9) == ["two"]
    with path.open("a") as file:
        file.write("ee\n")
    assert log.rest() == ["three"]
    assert log.rest() == []
    path.write_text("new\n")
    assert log.rest() == ["new"]


def test_progress_is_plain_lines_when_nobody_looks() -> None:
    output = io.StringIO()
    progress = Progress(output)

    with progress.step("installing", announced=True), progress.step("mongo"):
        pass

    assert [line.split(" (")[0] for line in output.getvalue().splitlines()] == [
        "  … installing",
        "  ✓ mongo",
        "  ✓ installing",
    ]


def test_a_step_that_fails_is_not_ticked() -> None:
    output = io.StringIO()

    with pytest.raises(StackError), Progress(output).step("mongo"):
        raise StackError("no")

    assert output.getvalue() == ""


def test_progress_survives_a_reader_that_went_away_and_an_output_of_ascii() -> None:
    class Closed(io.StringIO):
        def write(self, _text: str) -> int:
            raise BrokenPipeError

    Progress(Closed()).say("✓")

    raw = io.BytesIO()
    output = io.TextIOWrapper(raw, encoding="ascii")
    Progress(output).say("  ✓ mongo …")
    assert raw.getvalue() == b"  - mongo ...\n"


def test_engines_elsewhere_are_those_with_a_url() -> None:
    environment = {"MONGO_URL": "mongodb://db", "REDIS_URL": "", "PATH": "/bin"}

    assert external_engines(environment) == {"mongo": "mongodb://db"}


@pytest.mark.parametrize(
    ("url", "tried"),
    [
        ("mongodb://u:p@127.0.0.1:1,127.0.0.1:2/db?replicaSet=rs0", "127.0.0.1:1, 127.0.0.1:2"),
        ("mongodb://127.0.0.1:1", "127.0.0.1:1"),
        ("mongodb://[::1]:1/", "::1:1"),
    ],
)
async def test_where_nothing_answers_is_said(url: str, tried: str) -> None:
    with pytest.raises(StackError, match=f"^MONGO_URL: nothing answers at {tried}$"):
        await check_answers("mongo", url)


async def test_one_answering_member_is_enough() -> None:
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        await check_answers("mongo", f"mongodb://127.0.0.1:1,127.0.0.1:{port}/")
        await check_answers("valkey", f"redis+cluster://user:secret@127.0.0.1:1,127.0.0.1:{port}")
    with pytest.raises(StackError, match=r"REDIS_URL: nothing answers at 127\.0\.0\.1:1"):
        await check_answers("valkey", "redis+cluster://user:secret@127.0.0.1:1")


async def test_what_is_no_url_is_refused_without_showing_it() -> None:
    with pytest.raises(StackError, match=r"^REDIS_URL is not a URL$"):
        await check_answers("valkey", "p4ssword")
