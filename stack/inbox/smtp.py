"""Taking mails by SMTP (RFC 5321), several commands at once where a client sends them so (RFC 2920)."""

import asyncio
import re
from typing import Final, cast

import structlog

from mesh.server import AddressTaken
from stack.inbox.mailbox import Mailbox

log = structlog.get_logger()

_IDLE_SECONDS: Final = 60.0
_LONGEST_LINE: Final = 2048
_MOST_RECIPIENTS: Final = 100
_NAME: Final = "inbox.invalid"
_PATH: Final = re.compile(rb"(?:FROM|TO):[ ]?<([^<>\x00-\x20]{0,320})>(?: .*)?", re.IGNORECASE)
_END: Final = b"\r\n.\r\n"


class SmtpServer:
    """Listens for mails and keeps every one of them."""

    def __init__(self, mailbox: Mailbox, listen: str, most_mail_bytes: int) -> None:
        self._mailbox = mailbox
        self._listen = listen
        self._most_mail_bytes = most_mail_bytes
        self._receivers: set[_Receiver] = set()
        self.address = ""

    async def start(self) -> str:
        """Listens and returns the address."""
        host, _, port = self._listen.rpartition(":")
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(self._receiver, host, int(port))
        except OSError as error:
            raise AddressTaken(self._listen) from error
        self.address = "{}:{}".format(*self._server.sockets[0].getsockname()[:2])
        return self.address

    async def close(self) -> None:
        """Stops listening and ends every connection: a client's next mail goes by another one."""
        self._server.close()
        for receiver in list(self._receivers):
            receiver.close()

    def _receiver(self) -> "_Receiver":
        return _Receiver(self._mailbox, self._most_mail_bytes, self._receivers)


class _Receiver(asyncio.Protocol):
    """One connection."""

    def __init__(self, mailbox: Mailbox, most_bytes: int, receivers: "set[_Receiver]") -> None:
        self._mailbox = mailbox
        self._most_bytes = most_bytes
        self._receivers = receivers
        self._loop = asyncio.get_running_loop()
        self._received = bytearray()
        self._answers: list[bytes] = []
        self._greeted = False
        self._sender: bytes | None = None
        self._recipients: list[str] = []
        self._in_mail = False
        self._too_large = False
        self._heard = self._loop.time()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._receivers.add(self)
        self._watch = self._loop.call_later(_IDLE_SECONDS, self._look)
        self._transport.write(f"220 {_NAME} ESMTP\r\n".encode())

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._watch.cancel()
        self._receivers.discard(self)

    def pause_writing(self) -> None:
        # Who takes no answers is not listened to, or answers would pile up.
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._transport.resume_reading()

    def close(self) -> None:
        """Ends the connection at once."""
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._heard = self._loop.time()
        self._received += data
        while (self._mail() if self._in_mail else self._line()) and not self._transport.is_closing():
            pass
        if self._answers:
            self._transport.write(b"".join(self._answers))
            self._answers.clear()

    def _look(self) -> None:
        left = self._heard + _IDLE_SECONDS - self._loop.time()
        if left > 0:
            self._watch = self._loop.call_later(left, self._look)
        elif self._transport.is_closing():
            self._transport.abort()  # what there was to say is not being taken
        else:
            self._transport.write(b"421 nothing was heard for too long\r\n")
            self._transport.close()
            self._watch = self._loop.call_later(_IDLE_SECONDS, self._look)

    def _answer(self, *lines: str) -> None:
        *others, last = lines
        for line in others:
            self._answers.append(f"{line[:3]}-{line[4:]}\r\n".encode())
        self._answers.append(f"{last}\r\n".encode())

    def _line(self) -> bool:
        """Takes one command, if there is a whole one."""
        end = self._received.find(b"\n")
        if end < 0 and len(self._received) <= _LONGEST_LINE:
            return False
        if not 0 <= end <= _LONGEST_LINE:
            self._answer("500 the line is too long")
            self._hang_up()
            return False
        line = bytes(self._received[:end]).rstrip(b"\r")
        del self._received[: end + 1]
        name, _, rest = line.partition(b" ")
        self._command(name.upper(), rest)
        return True

    def _command(self, name: bytes, rest: bytes) -> None:
        match name:
            case b"EHLO":
                self._begin_anew(greeted=True)
                self._answer(f"250 {_NAME}", "250 PIPELINING", f"250 SIZE {self._most_bytes}", "250 8BITMIME")
            case b"HELO":
                self._begin_anew(greeted=True)
                self._answer(f"250 {_NAME}")
            case b"MAIL":
                self._take_sender(rest)
            case b"RCPT":
                self._take_recipient(rest)
            case b"DATA":
                self._begin_mail()
            case b"RSET":
                self._begin_anew(greeted=self._greeted)
                self._answer("250 OK")
            case b"NOOP":
                self._answer("250 OK")
            case b"QUIT":
                self._answer("221 goodbye")
                self._hang_up()
            case _:
                self._answer("500 not a command of this server")

    def _take_sender(self, rest: bytes) -> None:
        path = _PATH.fullmatch(rest)
        if not self._greeted or self._sender is not None:
            self._answer("503 not now")
        elif path is None or not rest.upper().startswith(b"FROM:"):
            self._answer("501 MAIL FROM:<address>")
        else:
            self._sender = path[1]
            self._answer("250 OK")

    def _take_recipient(self, rest: bytes) -> None:
        path = _PATH.fullmatch(rest)
        if self._sender is None:
            self._answer("503 not now")
        elif path is None or not path[1] or not rest.upper().startswith(b"TO:"):
            self._answer("501 RCPT TO:<address>")
        elif len(self._recipients) == _MOST_RECIPIENTS:
            self._answer("452 too many recipients")
        else:
            self._recipients.append(path[1].decode(errors="replace"))
            self._answer("250 OK")

    def _begin_mail(self) -> None:
        if not self._recipients:
            self._answer("503 not now")
            return
        self._in_mail = True
        self._received[:0] = b"\r\n"  # so that the end is found in an empty mail, too
        self._answer("354 go on")

    def _mail(self) -> bool:
        """Takes the mail, if all of it is here; of one that is too large only the end is waited for."""
        end = self._received.find(_END)
        self._too_large |= (end if end >= 0 else len(self._received)) > self._most_bytes + 2
        if end < 0:
            if self._too_large:
                del self._received[: -len(_END)]
            return False
        content = bytes(self._received[: end + 2]).replace(b"\r\n..", b"\r\n.")[2:]
        del self._received[: end + len(_END)]
        recipients, too_large = self._recipients, self._too_large
        self._begin_anew(greeted=True)
        self._answer("552 the mail is too large" if too_large else self._kept(content, recipients))
        return True

    def _kept(self, content: bytes, recipients: list[str]) -> str:
        try:
            # Some kilobytes for the system's memory, not the disk: that takes less than a thread would.
            mail_id = self._mailbox.keep(content, recipients)
        except OSError as error:
            log.error("mail_not_kept", problem=error.strerror)
            return "451 cannot keep it now"
        log.info("mail_kept", id=mail_id, bytes=len(content))
        return f"250 kept as {mail_id}"

    def _begin_anew(self, *, greeted: bool) -> None:
        self._greeted = greeted
        self._sender, self._recipients = None, []
        self._in_mail = self._too_large = False

    def _hang_up(self) -> None:
        self._transport.write(b"".join(self._answers))
        self._answers.clear()
        self._transport.close()
