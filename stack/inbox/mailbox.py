"""The mails as files in a folder, the newest so many."""

import contextlib
import hashlib
import re
import secrets
import threading
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from stack.inbox.mails import Mail, message_id_of, opened, recipients_of, sealed, unreadable

_MAIL_ID: Final = re.compile(r"\d{22}-[0-9a-f]{16}")


class UnknownMail(Exception):
    """There is no such mail, or no longer."""


class Mailbox:
    """Keeps mails. Calls block on the disk, so make them from threads, any number of them.

    Who each went to is in memory, and what a list shows of it once it was shown: taking a mail apart is
    most of the work, and most mails are never looked at.
    """

    def __init__(self, folder: Path, most: int) -> None:
        self._folder = folder
        self._most = most
        self._lock = threading.Lock()
        self._recipients: dict[str, frozenset[str]] = {}  # by id, oldest first
        self._by_repeat_key: dict[str, str] = {}
        self._shown: dict[str, dict[str, Any]] = {}
        folder.mkdir(parents=True, exist_ok=True)
        for path in sorted(folder.glob("*.eml")):
            if _MAIL_ID.fullmatch(path.stem):
                with path.open("rb") as kept:
                    self._note(path.stem, recipients_of(kept.readline()))
        self._forget_oldest()

    def keep(self, content: bytes, recipients: list[str]) -> str:
        """Stores the mail unless it is there already; returns its id."""
        repeat_key = _repeat_key(content, recipients)
        with self._lock:
            known = self._by_repeat_key.get(repeat_key)
            if known is not None:
                return known
            now = time.time_ns()
            mail_id = f"{now:022d}-{repeat_key}"
            partial = self._folder / f"{mail_id}.partial"
            partial.write_bytes(sealed(content, recipients, datetime.fromtimestamp(now / 1e9, UTC)))
            partial.replace(self._path(mail_id))
            self._note(mail_id, recipients)
            self._forget_oldest()
        return mail_id

    def newest(self, limit: int, recipient: str | None) -> list[dict[str, Any]]:
        """The newest mails, newest first, perhaps only those to that recipient."""
        with self._lock:
            items = list(reversed(self._recipients.items()))
        wanted = [
            mail_id
            for mail_id, recipients in items
            if recipient is None or recipient.casefold() in recipients
        ]
        shown: list[dict[str, Any]] = []
        for mail_id in wanted[:limit]:
            with contextlib.suppress(FileNotFoundError):  # forgotten at this moment
                shown.append({"id": mail_id} | self._listed(mail_id))
        return shown

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

    def _listed(self, mail_id: str) -> dict[str, Any]:
        shown = self._shown.get(mail_id)
        if shown is None:
            kept = self._path(mail_id).read_bytes()
            try:
                shown = opened(kept).shown()
            except Exception:  # noqa: BLE001 - what strangers sent may break the parser in any way
                shown = unreadable(kept)
            self._shown[mail_id] = shown
        return shown

    def _note(self, mail_id: str, recipients: Iterable[str]) -> None:
        self._recipients[mail_id] = frozenset(recipient.casefold() for recipient in recipients)
        self._by_repeat_key[mail_id.rpartition("-")[2]] = mail_id

    def _path(self, mail_id: str) -> Path:
        return self._folder / f"{mail_id}.eml"

    def _forget_oldest(self) -> None:
        while len(self._recipients) > self._most:
            oldest = next(iter(self._recipients))
            del self._recipients[oldest]
            self._by_repeat_key.pop(oldest.rpartition("-")[2], None)
            self._shown.pop(oldest, None)
            self._path(oldest).unlink(missing_ok=True)


def _repeat_key(content: bytes, recipients: list[str]) -> str:
    message_id = message_id_of(content) or secrets.token_hex(16)
    return hashlib.sha256("\0".join([message_id, *sorted(recipients)]).encode()).hexdigest()[:16]
