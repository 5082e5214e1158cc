"""Writes log lines to a stream, many at a time.

A line by itself is a system call and wakes whoever reads the other end of the
pipe, and there is a line for every request.
"""

import threading
from collections import deque
from typing import Final, TextIO

_GATHER_SECONDS: Final = 0.05
_MOST_WAITING: Final = 1_000
_MOST_KEPT: Final = 10_000
_FLUSH_SECONDS: Final = 1.0


class LogLines:
    """Lines on their way to a stream; written after at most 50 ms, errors and what waits before them at once.

    What a process that is killed had not yet written is lost. When the stream takes nothing more,
    whoever logs waits for it, up to a second for each line, once a thousand lines wait; from ten
    thousand on the oldest are dropped.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        # An event among the lines is set when what comes before it is written.
        self._lines: deque[str | threading.Event] = deque(maxlen=_MOST_KEPT)
        self._some, self._now = threading.Event(), threading.Event()
        threading.Thread(target=self._write_on, name="log lines", daemon=True).start()

    def msg(self, line: str) -> None:
        """Takes a line without its end; it is written soon."""
        # Appending and taking from a deque are atomic: no lock on the way of whoever logs.
        self._lines.append(line)
        if not self._some.is_set():
            self._some.set()
        if len(self._lines) > _MOST_WAITING:
            self.flush()

    def urgent(self, line: str) -> None:
        """Takes a line and writes all there is."""
        self._lines.append(line)
        self.flush()

    # structlog calls a logger by the level's name.
    debug = info = warning = msg
    error = exception = critical = urgent

    def flush(self) -> None:
        """Has all there is written, in order. Gives up after a second."""
        # Not written here: whoever writes to a pipe that nobody reads waits without end.
        written = threading.Event()
        self._lines.append(written)
        self._now.set()
        self._some.set()
        written.wait(_FLUSH_SECONDS)

    def _write_on(self) -> None:
        while self._some.wait():
            self._now.wait(_GATHER_SECONDS)
            self._now.clear()
            self._some.clear()
            self._write([self._lines.popleft() for _ in range(len(self._lines))])

    def _write(self, taken: list[str | threading.Event]) -> None:
        lines = [line for line in taken if isinstance(line, str)]
        try:
            if lines:
                # One line that no encoding knows must not take its neighbours with it.
                text = "\n".join([*lines, ""]).encode(errors="backslashreplace").decode()
                self._stream.write(text)
                self._stream.flush()
        except Exception:  # noqa: BLE001, S110 - nobody reads any more: there is no other place to say so
            pass
        for written in taken:
            if isinstance(written, threading.Event):
                written.set()
