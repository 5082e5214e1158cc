"""The demo's inbox: mails and text messages that were sent to customers, read over its JSON API."""

from dataclasses import dataclass
from typing import Any

import aiohttp

from mesh import deadlines

_LONGEST_ANSWER = 4 * 1024 * 1024
_SHOWN = 50


class InboxUnavailable(Exception):
    """The inbox did not answer, or not in its form."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message that was sent."""

    subject: str
    recipient: str
    received: str
    text: str
    attachments: tuple[str, ...]


class Inbox:
    """Lists the newest messages; a context manager for its connections."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> "Inbox":
        self._http = aiohttp.ClientSession()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._http is not None:
            await self._http.close()

    async def messages(self) -> tuple[Message, ...]:
        """Mails and text messages, the newest first, at most fifty; InboxUnavailable."""
        mails = [_message(entry) for entry in await self._list("messages")]
        texts = [_text(entry) for entry in await self._list("texts")]
        newest = sorted([*mails, *texts], key=lambda message: message.received, reverse=True)
        return tuple(newest[:_SHOWN])

    async def _list(self, name: str) -> list[dict[str, Any]]:
        assert self._http is not None, "entered when the application starts"
        # Zero would mean no limit at all to aiohttp.
        timeout = aiohttp.ClientTimeout(total=max(0.001, deadlines.budget(3.0)))
        try:
            async with self._http.get(f"{self._url}/{name}", timeout=timeout) as response:
                if response.status != 200 or (response.content_length or 0) > _LONGEST_ANSWER:
                    raise InboxUnavailable(f"status {response.status}")
                answer = await response.json()
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise InboxUnavailable(type(error).__name__) from error
        entries = answer.get(name) if isinstance(answer, dict) else None
        if not isinstance(entries, list):
            raise InboxUnavailable("unknown form")
        return [entry for entry in entries[:_SHOWN] if isinstance(entry, dict)]


def _text(entry: dict[str, Any]) -> Message:
    text = str(entry.get("text", ""))
    return Message(
        subject=text.partition("\n")[0],
        recipient=str(entry.get("to", "")),
        received=str(entry.get("date", "")),
        text=text,
        attachments=(),
    )


def _message(entry: dict[str, Any]) -> Message:
    recipients = entry.get("to") or []
    attachments = entry.get("attachments") or []
    return Message(
        subject=str(entry.get("subject", "")),
        recipient=", ".join(str(recipient) for recipient in recipients),
        received=str(entry.get("date", "")),
        text=str(entry.get("text", "")),
        attachments=tuple(
            str(item.get("filename", "") if isinstance(item, dict) else item) for item in attachments
        ),
    )
