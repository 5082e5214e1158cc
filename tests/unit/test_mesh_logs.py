"""Log lines: what is in them, what is never in them, and how they are written."""

import json
import logging
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Literal

import pytest
import structlog
from matinee.booking.v1 import booking_pb2
from matinee.notify.v1 import notify_pb2

from mesh.log_lines import LogLines
from mesh.logs import configure_logs, redacted


def test_sensitive_fields_are_left_out_at_any_depth() -> None:
    request = booking_pb2.StartPaymentRequest(
        booking_id="b-1",
        method=booking_pb2.PAYMENT_METHOD_CREDIT_CARD,
        viewer=booking_pb2.BookingViewer(access_key="open-sesame"),
        contact=booking_pb2.Contact(full_name="Ada Lovelace", email="ada@example.org", language="en"),
    )
    shown = json.dumps(redacted(request))
    for secret in ("open-sesame", "Ada", "ada@example.org"):
        assert secret not in shown
    assert "b-1" in shown
    assert redacted(request)["contact"]["language"] == "en"


def test_a_sensitive_map_is_left_out() -> None:
    request = notify_pb2.SendNotificationRequest(template_id="sign_in_code", values={"code": "123456"})
    assert "123456" not in json.dumps(redacted(request))


def test_a_json_line_has_the_event_its_facts_and_where_it_came_from(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logs("seat_svc", "json", "INFO")
    try:
        structlog.get_logger("a.module").info("seats_held", count=2)
        structlog.get_logger("a.module").debug("not_wanted")
        logging.shutdown()
    finally:
        structlog.reset_defaults()
        structlog.contextvars.clear_contextvars()
    [line] = capsys.readouterr().err.strip().splitlines()
    entry = json.loads(line)
    assert (entry["event"], entry["count"], entry["process"], entry["level"]) == (
        "seats_held", 2, "seat_svc", "info",
    )  # fmt: skip
    assert entry["timestamp"].endswith("Z")


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_a_traceback_shows_no_local_variables(
    log_format: Literal["json", "console"], capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logs("seat_svc", log_format, "INFO")
    try:
        recipient = "ada@example.org"
        try:
            raise RuntimeError(f"about {len(recipient)}")
        except RuntimeError:
            structlog.get_logger("a.module").exception("failed")
    finally:
        structlog.reset_defaults()
        structlog.contextvars.clear_contextvars()
    text = capsys.readouterr().err
    assert "RuntimeError" in text
    assert "ada@example.org" not in text


def test_a_long_traceback_on_the_console_takes_no_time(capsys: pytest.CaptureFixture[str]) -> None:
    def fail(depth: int) -> None:
        if depth == 0:
            raise RuntimeError("deep down")
        try:
            fail(depth - 1)
        except RuntimeError as error:
            raise RuntimeError(f"at {depth}") from error

    configure_logs("seat_svc", "console", "INFO")
    try:
        with pytest.raises(RuntimeError) as caught:
            fail(20)
        begun = time.thread_time()
        structlog.get_logger("a.module").error("failed", exc_info=caught.value)
        assert time.thread_time() - begun < 0.25
    finally:
        structlog.reset_defaults()
        structlog.contextvars.clear_contextvars()
    assert "deep down" in capsys.readouterr().err


class _Stream:
    """Keeps what each write brought; its writes can be held up."""

    def __init__(self) -> None:
        self.writes: list[str] = []
        self.open = threading.Event()
        self.open.set()

    def write(self, text: str) -> int:
        assert self.open.wait(10)
        self.writes.append(text)
        return len(text)

    def flush(self) -> None:
        pass


def _lines(stream: _Stream) -> LogLines:
    return LogLines(stream)  # type: ignore[arg-type]  # as much of a text stream as is used


def test_lines_are_written_together_soon_and_in_order() -> None:
    stream = _Stream()
    lines = _lines(stream)
    for number in range(100):
        lines.info(str(number))
    until = time.monotonic() + 5
    while "".join(stream.writes).count("\n") < 100:
        assert time.monotonic() < until
        time.sleep(0.005)
    assert "".join(stream.writes).split() == [str(number) for number in range(100)]
    assert len(stream.writes) < 10


def test_an_error_is_written_at_once_after_what_came_before() -> None:
    stream = _Stream()
    lines = _lines(stream)
    lines.info("before")
    lines.error("wrong")
    assert "".join(stream.writes).split() == ["before", "wrong"]


def test_a_reader_that_falls_behind_loses_nothing_and_holds_no_more_than_is_waited_for() -> None:
    stream = _Stream()
    lines = _lines(stream)
    stream.open.clear()
    done = threading.Event()

    def log() -> None:
        for number in range(3_000):
            lines.info(str(number))
        done.set()

    threading.Thread(target=log).start()
    assert not done.wait(0.3)
    stream.open.set()
    assert done.wait(10)
    lines.flush()
    assert "".join(stream.writes).split() == [str(number) for number in range(3_000)]


def test_an_error_waits_no_longer_than_said_for_a_reader_that_takes_nothing() -> None:
    stream = _Stream()
    lines = _lines(stream)
    stream.open.clear()
    begun = time.monotonic()
    lines.error("wrong")
    assert time.monotonic() - begun < 3
    stream.open.set()
    lines.flush()
    assert "".join(stream.writes).split() == ["wrong"]


def test_lines_of_many_threads_are_all_there_and_whole() -> None:
    stream = _Stream()
    lines = _lines(stream)

    def log(name: int) -> None:
        for number in range(500):
            (lines.error if number % 100 == 0 else lines.info)(f"{name}-{number}")

    threads = [threading.Thread(target=log, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines.flush()
    written = "".join(stream.writes).split()
    assert sorted(written) == sorted(f"{name}-{number}" for name in range(8) for number in range(500))
    for name in range(8):
        mine = [line for line in written if line.startswith(f"{name}-")]
        assert mine == [f"{name}-{number}" for number in range(500)]


@pytest.mark.parametrize("end", ["sys.exit(3)", "raise SystemExit(3)", "logging.shutdown(); os._exit(3)"])
def test_the_last_lines_of_a_process_are_written_at_its_end(end: str) -> None:
    program = f"""
import logging, os, sys, structlog
from mesh.logs import configure_logs
configure_logs("ending", "json", "INFO")
structlog.get_logger().info("last_words")
{end}
"""
    root = Path(__file__).parents[2]
    ended = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONPATH": f"{root}:{root / 'protos' / 'gen'}"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (ended.returncode, "last_words" in ended.stderr) == (3, True)


def test_a_librarys_line_that_cannot_be_formatted_is_not_its_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logs("seat_svc", "json", "INFO")
    try:
        logging.getLogger("a.library").warning("%d seats", "many")
        logging.getLogger("a.library").warning("still there")
        logging.shutdown()
    finally:
        structlog.reset_defaults()
        structlog.contextvars.clear_contextvars()
    assert "still there" in capsys.readouterr().err


def test_a_line_that_no_encoding_knows_takes_no_other_with_it() -> None:
    stream = _Stream()
    lines = _lines(stream)
    for line in ("before", "half of a pair: \ud83d", "after"):
        lines.info(line)
    lines.flush()
    assert "".join(stream.writes).splitlines() == ["before", "half of a pair: \\ud83d", "after"]


def test_a_line_for_people_is_one_line_whatever_it_tells(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("seat_svc", "console", "INFO")
    try:
        log = structlog.get_logger("a.module")
        log.info(
            "seats_held", count=2, who="Ada\n2026-01-01 [info     ] forged", show="s-1", note="two words"
        )
        logging.getLogger("library").error("of %s", "another kind")
    finally:
        structlog.reset_defaults()
        structlog.contextvars.clear_contextvars()
    ours, theirs = capsys.readouterr().err.strip().splitlines()
    time_and_level, _, facts = ours.partition("seats_held")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z \[info     \] ", time_and_level)
    assert facts.split(" ", 1)[1].strip() == (
        "count=2 note='two words' process=seat_svc show=s-1 who='Ada\\n2026-01-01 [info     ] forged'"
    )
    assert "of another kind" in theirs
    assert "logger=library" in theirs
