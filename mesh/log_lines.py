"""Writes log lines to a stream, many at a time.

A line by itself is a system call and wakes whoever reads the other end of the
pipe, and there is a line for every request.
"""

import threading
import time
from collections import deque
from typing import Final, TextIO

_GATHER_SECONDS: Final = 0.05
_MOST_WAITING: Final = 1_000
_MOST_KEPT: Final = 10_000
_LOCK_SECONDS: Final = 1.0


class LogLines:
    """Lines on their way to a stream; written after at most 50 ms, errors and what waits before them at once.

    What a process that is killed had not yet written is lost. When the stream takes nothing more,
    whoever logs waits for it, up to a second for each line, once a thousand lines wait; from ten
    thousand on the oldest are dropped.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lines: deque[str] = deque(maxlen=_MOST_KEPT)
        self._some = threading.Event()
        self._writing = threading.Lock()
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
        """Writes all there is, in order. Gives up after a second of waiting for another thread's write."""
        if not self._writing.acquire(timeout=_LOCK_SECONDS):
            return
        try:
            lines = [self._lines.popleft() for _ in range(len(self._lines))]
            if lines:
                # One line that no encoding knows must not take its neighbours with it.
                text = "\n".join([*lines, ""]).encode(errors="backslashreplace").decode()
                self._stream.write(text)
                self._stream.flush()
        except (OSError, ValueError):
            pass  # nobody reads any more, or the stream is closed: there is no other place to say so
        finally:
            self._writing.release()

    def _write_on(self) -> None:
        while self._some.wait():
            time.sleep(_GATHER_SECONDS)
            self._some.clear()
            self.flush()
