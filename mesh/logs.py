"""Logs: one line for each event, as JSON or for the console, with trace ids.

Libraries that use `logging` go through the same lines. Protobuf messages are
logged only through `redacted`, which leaves out fields marked `sensitive`.
"""

import logging
import sys
from typing import Any, Literal

import structlog
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from matinee.options.v1 import options_pb2
from structlog.typing import EventDict, Processor

from mesh import tracing
from mesh.log_lines import LogLines


def configure_logs(process: str, log_format: Literal["console", "json"], level: str) -> None:
    """Sets up structlog and logging for the whole process; standard error is the only sink.

    Our own lines do not go through `logging`: there each would take several
    times as long. `logging.shutdown` writes what is still to be written.
    """
    lines = LogLines(sys.stderr)

    def add_origin(_logger: Any, _method: str, event: EventDict) -> EventDict:
        event["process"] = process
        if position := tracing.current():
            event["trace_id"] = position.trace_id
        return event

    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        add_origin,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer = _renderer(log_format)
    structlog.configure(
        processors=[*shared, *renderer],
        logger_factory=lambda *_names: lines,
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    handler = _LinesHandler(lines)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)


def _renderer(log_format: Literal["console", "json"]) -> list[Processor]:
    if log_format == "json":
        # The default writes the local variables of every frame: names, addresses, keys.
        frames = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        return [structlog.processors.ExceptionRenderer(frames), structlog.processors.JSONRenderer()]
    if not sys.stderr.isatty():
        return [structlog.processors.format_exc_info, _plain_line]
    # Where rich is installed the default is its traceback: with local variables, and seconds of work for a
    # chain of errors from a driver, in which the event loop stands still.
    return [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]


def _plain_line(_logger: Any, _method: str, event: EventDict) -> str:
    """As on a terminal without its colours, at a quarter of the cost: there is a line for every request."""
    time, level, text = event.pop("timestamp"), event.pop("level"), event.pop("event")
    traceback = event.pop("exception", "")
    facts = " ".join(f"{name}={_in_line(event[name])}" for name in sorted(event))
    line = f"{time} [{level:<9}] {text:<30} {facts}"
    return f"{line}\n{traceback}" if traceback else line


def _in_line(value: Any) -> str:
    """Whatever it is, it ends no line and looks like no other fact."""
    if isinstance(value, str):
        return value if value.isprintable() and " " not in value else repr(value)
    return repr(value)


class _LinesHandler(logging.Handler):
    def __init__(self, lines: LogLines) -> None:
        super().__init__()
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self.format(record)
        except Exception:  # noqa: BLE001 - a library's faulty line must not become its error
            self.handleError(record)
            return
        write = self._lines.urgent if record.levelno >= logging.ERROR else self._lines.msg
        write(line)

    def flush(self) -> None:
        self._lines.flush()


def redacted(message: Message) -> dict[str, Any]:
    """The message's fields for a log, with `…` in place of what is marked sensitive."""
    return {field.name: _shown(field, value) for field, value in message.ListFields()}


def _shown(field: FieldDescriptor, value: Any) -> Any:
    if field.GetOptions().Extensions[options_pb2.sensitive]:
        return "…"
    if field.message_type is None:
        return list(value) if field.is_repeated else value
    if field.message_type.GetOptions().map_entry:
        return f"{len(value)} entries"
    if field.is_repeated:
        return [redacted(item) for item in value]
    return redacted(value)
