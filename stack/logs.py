"""``./matinee logs``: shows and follows what the engines and processes said."""

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from stack.errors import StackError
from stack.folder import DataFolder

_POLL_SECONDS: Final = 0.25
_SHOWN_BYTES: Final = 16_000
_SHOWN_BYTES_OF_EACH: Final = 3_000


def show(data: Path, name: str | None, *, follow: bool) -> None:
    """Print the end of one log, or of all; with `follow`, what is added, until interrupted.

    Raises `StackError` when there is no such log.
    """
    logs = _logs(DataFolder(data), name)
    alone = name is not None
    for log in logs:
        _print(log, log.rest(_SHOWN_BYTES if alone else _SHOWN_BYTES_OF_EACH), alone=alone)
    while follow:
        time.sleep(_POLL_SECONDS)
        for log in logs:
            _print(log, log.rest(), alone=alone)


@dataclass(slots=True)
class LogFile:
    """A log that is read as it grows."""

    path: Path
    _read: int = field(default=0)

    def rest(self, at_most: int | None = None) -> Sequence[str]:
        """The whole lines that were added since the last call, or the last `at_most` bytes of them."""
        try:
            size = self.path.stat().st_size
        except FileNotFoundError:
            return []
        if size < self._read:  # set aside and begun anew
            self._read = 0
        with self.path.open("rb") as file:
            skipped = at_most is not None and size - self._read > at_most
            file.seek(size - at_most if skipped and at_most is not None else self._read)
            content = file.read()
        whole = content[: content.rfind(b"\n") + 1]
        self._read = size - (len(content) - len(whole))
        lines = whole.decode(errors="replace").splitlines()
        return lines[1:] if skipped else lines


def _logs(folder: DataFolder, name: str | None) -> list[LogFile]:
    there = sorted(folder.logs.glob("*.log"))
    if name is not None:
        chosen = [path for path in there if path.stem == name]
        if not chosen:
            names = ", ".join(path.stem for path in there) or "none yet"
            raise StackError(f"no log of {name!r} in {folder.logs}; there are: {names}")
        return [LogFile(chosen[0])]
    if not there:
        raise StackError(f"no logs in {folder.logs}: nothing has been started there")
    return [LogFile(path) for path in there]


def _print(log: LogFile, lines: Sequence[str], *, alone: bool) -> None:
    prefix = "" if alone else f"{log.path.stem:12} | "
    for line in lines:
        sys.stdout.write(f"{prefix}{line}\n")
    sys.stdout.flush()
