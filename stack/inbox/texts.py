"""The text messages as files in a folder, the newest so many."""

import hashlib
import json
import re
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

_TEXT_ID: Final = re.compile(r"\d{22}-[0-9a-f]{16}")


class TextBox:
    """Keeps text messages, each key once. Calls block on the disk, so make them from threads."""

    def __init__(self, folder: Path, most: int) -> None:
        self._folder = folder
        self._most = most
        self._lock = threading.Lock()
        self._texts: dict[str, dict[str, Any]] = {}  # by id, oldest first
        for path in sorted(folder.glob("*.json")):
            if _TEXT_ID.fullmatch(path.stem):
                self._texts[path.stem] = json.loads(path.read_text("utf-8"))

    def keep(self, key: str, number: str, text: str) -> str:
        """Stores the message unless one with that key is there; returns its id."""
        repeat_key = hashlib.sha256(f"{key}\0{number}".encode()).hexdigest()[:16]
        with self._lock:
            for text_id in self._texts:
                if text_id.endswith(repeat_key):
                    return text_id
            now = time.time_ns()
            text_id = f"{now:022d}-{repeat_key}"
            date = datetime.fromtimestamp(now / 1e9, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            kept = {"to": number, "text": text, "date": date}
            self._folder.mkdir(parents=True, exist_ok=True)
            partial = self._folder / f"{text_id}.partial"
            partial.write_text(json.dumps(kept), "utf-8")
            partial.replace(self._folder / f"{text_id}.json")
            self._texts[text_id] = kept
            while len(self._texts) > self._most:
                oldest = next(iter(self._texts))
                del self._texts[oldest]
                (self._folder / f"{oldest}.json").unlink(missing_ok=True)
        return text_id

    def newest(self, limit: int, number: str | None) -> list[dict[str, Any]]:
        """The newest messages, newest first, perhaps only those to that number."""
        with self._lock:
            items = list(reversed(self._texts.items()))
        wanted = [{"id": text_id} | text for text_id, text in items if number in (None, text["to"])]
        return wanted[:limit]
