"""The demo's inbox over SMTP and HTTP."""

import asyncio
import contextlib
import email.policy
import smtplib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import aiohttp
import pytest

import bff.inbox
from mesh import deadlines
from mesh.run import Resources
from mesh.server import AddressTaken
from stack.inbox.app import build
from stack.inbox.mailbox import Mailbox
from stack.inbox.settings import InboxSettings
from stack.ports import LOOPBACK, free_port

PNG = b"\x89PNG\r\n\x1a\n and so on"


@dataclass(frozen=True)
class Inbox:
    """A running inbox."""

    smtp_port: int
    http: aiohttp.ClientSession

    async def take(self, message: EmailMessage | bytes, *recipients: str) -> None:
        await asyncio.to_thread(self._take, message, list(recipients or ["ada@example.com"]))

    def _take(self, message: EmailMessage | bytes, recipients: list[str]) -> None:
        content = message if isinstance(message, bytes) else message.as_bytes(policy=email.policy.SMTP)
        with smtplib.SMTP(LOOPBACK, self.smtp_port, timeout=20) as client:
            client.sendmail("tickets@matinee.example", recipients, content)

    async def get(self, path: str, **query: str) -> Any:
        async with self.http.get(path, params=query) as response:
            assert response.status == 200, await response.text()
            return await response.json()

    async def status(self, path: str, **query: str) -> int:
        async with self.http.get(path, params=query) as response:
            return response.status

    async def subjects(self, **query: str) -> list[str]:
        return [mail["subject"] for mail in (await self.get("/messages", **query))["messages"]]


@asynccontextmanager
async def running(folder: Path, **settings: Any) -> AsyncIterator[Inbox]:
    smtp_port = free_port()
    chosen = InboxSettings(inbox_data=folder, smtp_listen=f"{LOOPBACK}:{smtp_port}", **settings)
    async with Resources() as resources:
        process = await build(chosen, resources)
        address = await process.start()
        try:
            async with aiohttp.ClientSession(f"http://{address}") as http:
                yield Inbox(smtp_port, http)
        finally:
            await process.drain(0, 1)


def a_mail(subject: str = "Your tickets", message_id: str = "") -> EmailMessage:
    mail = EmailMessage()
    mail["From"] = "Matinee <tickets@matinee.example>"
    mail["To"] = "ada@example.com"
    mail["Subject"] = subject
    if message_id:
        mail["Message-ID"] = message_id
    mail.set_content("Grüße aus dem Kino\n")
    mail.add_alternative("<p>Grüße</p>", subtype="html")
    html = mail.get_body(("html",))
    assert isinstance(html, EmailMessage)
    html.add_related(PNG, "image", "png", cid="<ticket-0>", filename="ticket-C7.png")
    mail.add_attachment(b"BEGIN:VCALENDAR\r\n", "text", "calendar", filename="matinee.ics")
    return mail


async def test_a_mail_is_shown_with_all_its_parts(tmp_path: Path) -> None:
    async with running(tmp_path) as inbox:
        await inbox.take(a_mail("Grüße & Küsse", "<1@matinee.example>"))
        [listed] = (await inbox.get("/messages"))["messages"]
        shown = await inbox.get(f"/messages/{listed['id']}")
        async with inbox.http.get(f"/messages/{listed['id']}/attachments/0") as picture:
            assert (await picture.read(), picture.content_type) == (PNG, "image/png")
        async with inbox.http.get(f"/messages/{listed['id']}/attachments/1") as calendar:
            assert calendar.content_type == "text/calendar"
        async with inbox.http.get(f"/messages/{listed['id']}/html") as page:
            assert await page.text() == "<p>Grüße</p>\n"
            assert "sandbox" in page.headers["Content-Security-Policy"]
        async with inbox.http.get(f"/messages/{listed['id']}/raw") as raw:
            assert b"Message-ID: <1@matinee.example>" in await raw.read()

    assert listed["subject"] == "Grüße & Küsse"
    assert listed["from"] == "Matinee <tickets@matinee.example>"
    assert listed["to"] == ["ada@example.com"]
    assert listed["text"] == "Grüße aus dem Kino\n"
    assert listed["message_id"] == "<1@matinee.example>"
    assert listed["attachments"] == [
        {
            "n": 0,
            "filename": "ticket-C7.png",
            "content_type": "image/png",
            "content_id": "ticket-0",
            "bytes": len(PNG),
        },
        {
            "n": 1,
            "filename": "matinee.ics",
            "content_type": "text/calendar",
            "content_id": "",
            "bytes": len(b"BEGIN:VCALENDAR\r\n"),
        },
    ]
    assert shown == listed | {"html": "<p>Grüße</p>\n"}


async def test_the_newest_are_kept_and_the_files_of_the_others_are_gone(tmp_path: Path) -> None:
    async with running(tmp_path, most_mails=3) as inbox:
        for n in range(5):
            await inbox.take(a_mail(f"mail {n}"))
        assert await inbox.subjects() == ["mail 4", "mail 3", "mail 2"]
    assert file_count(tmp_path) == 3


def file_count(folder: Path) -> int:
    return len(list(folder.iterdir()))


async def test_mails_are_still_there_after_a_restart(tmp_path: Path) -> None:
    async with running(tmp_path) as inbox:
        await inbox.take(a_mail("before", "<1@matinee.example>"))
        before = await inbox.get("/messages")
    async with running(tmp_path) as inbox:
        assert await inbox.get("/messages") == before
        await inbox.take(a_mail("after"))
        assert await inbox.subjects() == ["after", "before"]


async def test_a_mail_that_comes_again_is_kept_once_for_each_recipient(tmp_path: Path) -> None:
    async with running(tmp_path) as inbox:
        mail = a_mail("tickets", "<1@matinee.example>")
        await inbox.take(mail)
        await inbox.take(mail)
        await inbox.take(mail, "eve@example.com")
        assert await inbox.subjects() == ["tickets"] * 2
    async with running(tmp_path) as inbox:
        await inbox.take(mail)
        assert await inbox.subjects() == ["tickets"] * 2


async def test_mails_are_found_by_recipient_and_limited(tmp_path: Path) -> None:
    async with running(tmp_path) as inbox:
        for n in range(3):
            await inbox.take(a_mail(f"ada {n}"), "Ada@example.com")
            await inbox.take(a_mail(f"eve {n}"), "eve@example.com")
        assert await inbox.subjects(to="ada@example.com") == ["ada 2", "ada 1", "ada 0"]
        assert await inbox.subjects(limit="2") == ["eve 2", "ada 2"]
        assert await inbox.subjects(to="nobody@example.com") == []
        for limit in ("0", "501", "-1", "many", "²"):
            assert await inbox.status("/messages", limit=limit) == 400, limit


async def test_what_is_not_there_is_not_found(tmp_path: Path) -> None:
    (tmp_path / "secret.eml").write_text("X-Inbox-Received: 2026-01-01T00:00:00+00:00\n\nsecret")
    async with running(tmp_path) as inbox:
        await inbox.take(b"Subject: plain\r\n\r\ntext\r\n")
        [mail] = (await inbox.get("/messages"))["messages"]
        path = f"/messages/{mail['id']}"
        assert mail["subject"] == "plain"
        for missing in (
            "/messages/nothing",
            "/messages/secret",
            "/messages/..%2Fsecret",
            f"/messages/{'0' * 22}-{'0' * 16}",
            f"{path}/html",
            f"{path}/attachments/0",
            f"{path}/attachments/-1",
            f"{path}/attachments/x",
            "/other",
        ):
            async with inbox.http.get(missing) as response:
                assert response.status == 404, missing
                assert set(await response.json()) == {"error"}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00\xff\xfe",
        b"Content-Type: text/plain; charset=no-such-charset\r\n\r\n\xff\xff",
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nbroken",
        b"Subject: =?utf-8?q?=ff?=\r\nFrom: <<>>\r\nTo: a\r\n\r\n",
        b"X-Inbox-Received: yesterday\r\nX-Inbox-Recipients: eve@example.com\r\n\r\nforged",
    ],
)
async def test_a_mail_that_follows_no_rule_is_kept_all_the_same(tmp_path: Path, content: bytes) -> None:
    async with running(tmp_path) as inbox:
        await inbox.take(content)
        [mail] = (await inbox.get("/messages"))["messages"]
        await inbox.get(f"/messages/{mail['id']}")
        assert mail["to"] == ["ada@example.com"]
    async with running(tmp_path) as inbox:
        assert len(await inbox.subjects()) == 1


async def test_a_mail_that_is_too_large_is_refused(tmp_path: Path) -> None:
    async with running(tmp_path, most_mail_bytes=2048) as inbox:
        with pytest.raises(smtplib.SMTPResponseException) as refused:
            await inbox.take(b"Subject: large\r\n\r\n" + b"x" * 70 * 1024)
        assert refused.value.smtp_code == 552
        assert await inbox.subjects() == []


async def test_an_smtp_address_in_use_is_told(tmp_path: Path) -> None:
    async with running(tmp_path / "first") as inbox:
        taken = InboxSettings(inbox_data=tmp_path / "second", smtp_listen=f"{LOOPBACK}:{inbox.smtp_port}")
        async with Resources() as resources:
            with pytest.raises(AddressTaken, match=str(inbox.smtp_port)):
                await build(taken, resources)


async def test_it_says_that_it_is_healthy(tmp_path: Path) -> None:
    async with running(tmp_path) as inbox:
        assert await inbox.status("/healthz") == 200


def test_a_mail_half_written_at_a_crash_is_not_shown(tmp_path: Path) -> None:
    (tmp_path / f"{'1' * 22}-{'a' * 16}.partial").write_bytes(b"Subject: half")
    assert Mailbox(tmp_path, 10).newest(10, None) == []


async def post_text(inbox: Inbox, key: str, **body: Any) -> int:
    headers = {"Idempotency-Key": key} if key else {}
    async with inbox.http.post("/texts", json=body, headers=headers) as response:
        return response.status


async def texts(inbox: Inbox, **query: str) -> list[str]:
    return [each["text"] for each in (await inbox.get("/texts", **query))["texts"]]


async def test_text_messages_are_kept_once_and_shown_newest_first(tmp_path: Path) -> None:
    async with running(tmp_path, most_mails=2) as inbox:
        for _ in range(3):
            assert await post_text(inbox, "k-1", to="+351912345678", text="one") == 202
        await post_text(inbox, "k-2", to="+351912345679", text="two")
        assert await texts(inbox) == ["two", "one"]
        assert await texts(inbox, to="+351912345678") == ["one"]
        await post_text(inbox, "k-3", to="+351912345678", text="three")
        assert await texts(inbox) == ["three", "two"]
        assert file_count(tmp_path / "texts") == 2
    async with running(tmp_path) as inbox:
        assert await texts(inbox) == ["three", "two"]


@pytest.mark.parametrize(
    ("key", "body", "status"),
    [
        ("", {"to": "+351912345678", "text": "x"}, 400),
        ("k", {"to": "+351912345678"}, 400),
        ("k", {"to": 1, "text": "x"}, 400),
        ("k", {"to": "nobody", "text": "x"}, 422),
        ("k", {"to": "+351912345678", "text": "x" * 20_000}, 413),
    ],
)
async def test_what_is_no_text_message_is_refused(
    tmp_path: Path, key: str, body: dict[str, Any], status: int
) -> None:
    async with running(tmp_path) as inbox:
        assert await post_text(inbox, key, **body) == status
        assert await texts(inbox) == []


@asynccontextmanager
async def talking(inbox: Inbox) -> AsyncIterator["Talk"]:
    reader, writer = await asyncio.open_connection(LOOPBACK, inbox.smtp_port)
    talk = Talk(reader, writer)
    assert await talk.answers(1) == [220]
    yield talk
    writer.close()
    await writer.wait_closed()


@dataclass
class Talk:
    """An SMTP client that sends whatever it is told to."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def answers(self, count: int) -> list[int]:
        """The codes of the next answers; a continued one counts as one."""
        codes: list[int] = []
        async with asyncio.timeout(15):
            while len(codes) < count:
                line = await self.reader.readline()
                assert line, f"the connection ended after {codes}"
                if line[3:4] == b" ":
                    codes.append(int(line[:3]))
        return codes

    async def say(self, text: bytes, count: int = 1) -> list[int]:
        self.writer.write(text)
        return await self.answers(count)


async def test_commands_may_come_together_and_in_pieces(tmp_path: Path) -> None:
    envelope = (
        b"MAIL FROM:<a@b.example>\r\nRCPT TO:<ada@example.com>\r\nRCPT TO:<eve@example.com>\r\nDATA\r\n"
    )
    async with running(tmp_path) as inbox, talking(inbox) as talk:
        assert await talk.say(b"EHLO me\r\n") == [250]
        assert await talk.say(envelope, 4) == [250, 250, 250, 354]
        assert await talk.say(b"Subject: one\r\n\r\n..dots\r\n.\r\n" + envelope, 5) == [
            250,
            250,
            250,
            250,
            354,
        ]
        for piece in (b"Subject: t", b"wo\r\n\r\nx\r", b"\n", b".", b"\r", b"\n"):
            talk.writer.write(piece)
            await asyncio.sleep(0.01)
        assert await talk.answers(1) == [250]
        assert await talk.say(envelope + b".\r\nQUIT\r\n", 6) == [250, 250, 250, 354, 250, 221]
        assert await talk.reader.read() == b""
        mails = (await inbox.get("/messages"))["messages"]
    assert [mail["subject"] for mail in mails] == ["", "two", "one"]
    assert mails[2]["text"] == ".dots\n"
    assert mails[2]["to"] == ["ada@example.com", "eve@example.com"]


async def test_what_is_out_of_order_or_no_command_is_refused_and_keeps_nothing(tmp_path: Path) -> None:
    async with running(tmp_path, most_mail_bytes=1024) as inbox, talking(inbox) as talk:
        assert await talk.say(b"MAIL FROM:<a@b>\r\nRCPT TO:<a@b>\r\nDATA\r\n", 3) == [503, 503, 503]
        assert await talk.say(b"HELO me\r\nNOOP\r\nVRFY ada\r\n\xff\xfe\r\n\r\n", 5) == [
            250,
            250,
            500,
            500,
            500,
        ]
        for wrong in (b"MAIL", b"MAIL FROM:", b"MAIL TO:<a@b>", b"MAIL FROM:<a b>", b"MAIL FROM:<a>x"):
            assert await talk.say(wrong + b"\r\n") == [501], wrong
        assert await talk.say(b"MAIL FROM:<> SIZE=10\r\nMAIL FROM:<a@b>\r\n", 2) == [250, 503]
        for wrong in (b"RCPT TO:<>", b"RCPT TO:a@b", b"RCPT FROM:<a@b>", b"RCPT TO:<" + b"x" * 400 + b"@b>"):
            assert await talk.say(wrong + b"\r\n") == [501], wrong
        assert await talk.say(b"RCPT TO:<a@b>\r\nRSET\r\nDATA\r\n", 3) == [250, 250, 503]
        assert await talk.say(b"MAIL FROM:<a@b>\r\nRCPT TO:<a@b>\r\nDATA\r\n", 3) == [250, 250, 354]
        assert await talk.say(b"x" * 5000 + b"\r\n.\r\nNOOP\r\n", 2) == [552, 250]
        assert await talk.say(b"NOOP " + b"x" * 5000) == [500]
        assert await talk.reader.read() == b""
        assert await inbox.subjects() == []


async def test_who_takes_no_answers_is_not_listened_to(tmp_path: Path) -> None:
    async with running(tmp_path) as inbox:
        _, writer = await asyncio.open_connection(LOOPBACK, inbox.smtp_port, limit=1024)
        try:
            with pytest.raises(TimeoutError):  # noqa: PT012 - the sending as a whole must come to a stop
                async with asyncio.timeout(30):
                    for _ in range(400):
                        writer.write(b"NOOP\r\n" * 20_000)
                        async with asyncio.timeout(5):
                            await writer.drain()
        finally:
            writer.transport.abort()
        # Everybody else is served as before.
        await inbox.take(EmailMessage(), "grace@example.org")


async def test_a_page_whose_time_is_up_does_not_wait_for_an_inbox_that_hangs() -> None:
    async def hang(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer):
            await asyncio.Event().wait()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    deadlines.set_remaining(0)
    try:
        async with bff.inbox.Inbox(f"http://{host}:{port}") as inbox, asyncio.timeout(10):
            with pytest.raises(bff.inbox.InboxUnavailable):
                await inbox.messages()
    finally:
        deadlines.set_remaining(None)
        server.close()
