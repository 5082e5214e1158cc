"""What is marked sensitive in a proto never reaches a log."""

import json
import time
from typing import Literal

import pytest
import structlog
from matinee.booking.v1 import booking_pb2
from matinee.notify.v1 import notify_pb2

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
        begun = time.process_time()
        structlog.get_logger("a.module").error("failed", exc_info=caught.value)
        assert time.process_time() - begun < 0.25
    finally:
        structlog.reset_defaults()
        structlog.contextvars.clear_contextvars()
    assert "deep down" in capsys.readouterr().err
