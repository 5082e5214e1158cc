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


def configure_logs(process: str, log_format: Literal["console", "json"], level: str) -> None:
    """Sets up structlog and logging for the whole process; standard error is the only sink."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if log_format == "json":
        renderer: list[Any] = [structlog.processors.dict_tracebacks, structlog.processors.JSONRenderer()]
    else:
        renderer = [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(process=process)


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
