"""``./matinee dead list|replay|drop``: what could not be told to customers."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from pydantic import SecretStr, TypeAdapter, ValidationError

from mesh.amqp import AmqpUrl, Broker, DeadLetter, Fate, PublishFailed, sort_out
from stack.errors import StackError
from stack.folder import DataFolder

QUEUE: Final = "notify.dead"


def list_dead(data: Path) -> int:
    """Print a line for each."""
    count = _sort_out(data, lambda _letter: Fate.KEPT, Fate.KEPT)[Fate.KEPT]
    print(f"dead letters: {count}")
    return 0


def replay_dead(data: Path, message_ids: Sequence[str]) -> int:
    """Send those, or all, on their way again, with all their tries before them."""
    return _end(data, message_ids, Fate.REPLAYED)


def drop_dead(data: Path, message_ids: Sequence[str]) -> int:
    """Throw those away."""
    return _end(data, message_ids, Fate.DROPPED)


def _end(data: Path, message_ids: Sequence[str], fate: Fate) -> int:
    chosen = frozenset(message_ids)
    counts = _sort_out(
        data, lambda letter: fate if not chosen or letter.message_id in chosen else Fate.KEPT, fate
    )
    print(f"{counts[fate]} {fate.value}, {counts[Fate.KEPT]} kept")
    return 0 if counts[fate] or not chosen else 1


def _sort_out(data: Path, decide: Callable[[DeadLetter], Fate], told: Fate) -> Mapping[Fate, int]:
    counts = dict.fromkeys(Fate, 0)
    try:
        for letter, fate in sort_out(_broker(data), QUEUE, decide):
            counts[fate] += 1
            if fate is told:
                print(_line(letter))
    except PublishFailed as error:
        raise StackError(error.message) from None
    return counts


def _broker(data: Path) -> Broker:
    url = os.environ.get("AMQP_URL") or DataFolder(data).announced().get("AMQP_URL")
    if not url:
        raise StackError(f"nothing runs in {data}: start ./matinee up, choose with --data, or set AMQP_URL")
    try:
        return Broker(TypeAdapter[SecretStr](AmqpUrl).validate_python(url))
    except ValidationError:
        raise StackError("AMQP_URL is not the address of a RabbitMQ") from None


def _line(letter: DeadLetter) -> str:
    when = f"{letter.death_time:%Y-%m-%d %H:%M:%S}" if letter.death_time else "-"
    event = letter.type.rpartition(".")[2] or "-"
    facts = (when, letter.message_id or "-", event, letter.queue or "-", letter.reason or "-")
    return "  ".join([*map(_printable, facts), f"try {letter.attempt}"])


def _printable(text: str) -> str:
    return text if text.isprintable() else repr(text)
