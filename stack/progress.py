"""What ``./matinee up`` tells while it works: a line for each step that is done, with its time.

On a terminal one more line, always the last, names what is still being waited for.
"""

import contextlib
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, TextIO

_CLEAR_LINE: Final = "\r\033[K"


class Progress:
    """Steps may overlap; plain lines when the output is not a terminal."""

    def __init__(self, output: TextIO | None = None) -> None:
        self._output = output or sys.stdout
        self._live = self._output.isatty()
        self._under_way: dict[str, float] = {}

    @contextmanager
    def step(self, what: str, *, announced: bool = False) -> Iterator[None]:
        """One step; `announced` prints a line at its start as well, for what may take minutes."""
        if announced and not self._live:
            self.say(f"  … {what}")
        self._under_way[what] = time.monotonic()
        self._draw()
        try:
            yield
        except BaseException:
            del self._under_way[what]
            self._draw()
            raise
        seconds = time.monotonic() - self._under_way.pop(what)
        self.say(f"  ✓ {what} ({seconds:.1f} s)")

    def say(self, line: str) -> None:
        """Print one line."""
        self._write(f"{_CLEAR_LINE if self._live else ''}{line}\n")
        self._draw()

    def _draw(self) -> None:
        if self._live:
            waiting = ", ".join(self._under_way)
            self._write(f"{_CLEAR_LINE}  … {waiting}"[:120] if waiting else _CLEAR_LINE)

    def _write(self, text: str) -> None:
        # Whoever read the output may be gone (`./matinee up | head`): no reason to fail.
        with contextlib.suppress(BrokenPipeError):
            try:
                self._output.write(text)
            except UnicodeEncodeError:
                self._output.write(text.replace("✓", "-").replace("…", "..."))
            self._output.flush()
