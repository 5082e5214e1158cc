"""The mails as files in a folder, the newest so many."""

import hashlib
import re
import secrets
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from stack.inbox.mails import Mail, message_id_of, opened, sealed

_MAIL_ID: Final = re.compile(r"\d{22}-[0-9a-f]{16}")


class UnknownMail(Exception):
    """There is no such mail, or no longer."""


class Mailbox:
    """Keeps mails. Calls block on the disk, so make them from threads, any number of them.

    What lists need is in memory as well; a mail's whole content is on disk alone.
    """

    def __init__(self, folder: Path, most: int) -> None:
        self._folder = folder
        self._most = most
        self._lock = threading.Lock()
        self._shown: dict[str, dict[str, Any]] = {}  # by id, oldest first
        folder.mkdir(parents=True, exist_ok=True)
        for path in sorted(folder.glob("*.eml")):
            if _MAIL_ID.fullmatch(path.stem):
                self._shown[path.stem] = opened(path.read_bytes()).shown()
        self._forget_oldest()

    def keep(self, content: bytes, recipients: list[str]) -> str:
        """Stores the mail unless it is there already; returns its id."""
        repeat_key = _repeat_key(content, recipients)
        with self._lock:
            for mail_id in self._shown:
                if mail_id.endswith(repeat_key):
                    return mail_id
            now = time.time_ns()
            mail_id = f"{now:022d}-{repeat_key}"
            kept = sealed(content, recipients, datetime.fromtimestamp(now / 1e9, UTC))
            shown = opened(kept).shown()  # first, so that nothing is kept that cannot be read again
            partial = self._folder / f"{mail_id}.partial"
            partial.write_bytes(kept)
            partial.replace(self._path(mail_id))
            self._shown[mail_id] = shown
            self._forget_oldest()
        return mail_id

    def newest(self, limit: int, recipient: str | None) -> list[dict[str, Any]]:
        """The newest mails, newest first, perhaps only those to that recipient."""
        with self._lock:
            items = list(reversed(self._shown.items()))
        wanted = [
            {"id": mail_id} | shown
            for mail_id, shown in items
            if recipient is None or recipient.casefold() in {to.casefold() for to in shown["to"]}
        ]
        return wanted[:limit]

    def raw(self, mail_id: str) -> bytes:
        """A mail as a file, the envelope in front; raises `UnknownMail`."""
        if not _MAIL_ID.fullmatch(mail_id):
            raise UnknownMail(mail_id)
        try:
            return self._path(mail_id).read_bytes()
        except FileNotFoundError:
            raise UnknownMail(mail_id) from None

    def mail(self, mail_id: str) -> Mail:
        """A mail taken apart; raises `UnknownMail`."""
        return opened(self.raw(mail_id))

    def _path(self, mail_id: str) -> Path:
        return self._folder / f"{mail_id}.eml"

    def _forget_oldest(self) -> None:
        while len(self._shown) > self._most:
            oldest = next(iter(self._shown))
            del self._shown[oldest]
            self._path(oldest).unlink(missing_ok=True)


def _repeat_key(content: bytes, recipients: list[str]) -> str:
    message_id = message_id_of(content) or secrets.token_hex(16)
    return hashlib.sha256("\0".join([message_id, *sorted(recipients)]).encode()).hexdigest()[:16]
