"""Trace context as https://www.w3.org/TR/trace-context/ has it."""

import pytest

from mesh import tracing

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def test_a_child_keeps_the_trace_and_its_flags_and_has_a_span_of_its_own() -> None:
    parent = tracing.parse(PARENT)
    child = tracing.child_of(parent)
    assert child.trace_id == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert child.span_id != "00f067aa0ba902b7"
    assert child.flags == "01"
    assert tracing.parse(child.traceparent()) == child


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "garbage",
        PARENT.upper(),
        PARENT[:-1],
        PARENT.replace("4bf92f3577b34da6a3ce929d0e0e4736", "0" * 32),
        PARENT.replace("00f067aa0ba902b7", "0" * 16),
        "ff" + PARENT[2:],
        PARENT + "extra",
        PARENT + "\n",
    ],
)
def test_a_malformed_header_starts_a_new_trace(header: str | None) -> None:
    assert tracing.parse(header) is None
    assert len(tracing.child_of(tracing.parse(header)).trace_id) == 32


def test_a_later_version_is_read_by_its_known_part() -> None:
    later = tracing.parse("cc" + PARENT[2:] + "-what-the-future-brings")
    assert later is not None
    assert later.span_id == "00f067aa0ba902b7"


def test_leaving_a_message_leaves_its_trace() -> None:
    with tracing.entered(PARENT):
        assert tracing.current_traceparent().startswith("00-4bf92f3577b34da6a3ce929d0e0e4736-")
    assert tracing.current_traceparent() == ""
