"""Mails over TLS, from the first byte or by STARTTLS with a sign-in, on a connection that is kept."""

import asyncio
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from pydantic import SecretStr

from notify_svc.channels.email.envelope import Mail
from notify_svc.channels.email.smtp import SmtpTransport
from notify_svc.errors import ChannelUnavailable
from notify_svc.settings import SmtpServer
from stack.ports import LOOPBACK, free_port

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="makes its certificate by openssl")

MAIL = Mail("tickets@matinee.example", "ada@example.com", b"Subject: x\r\n\r\n.dots\r\n")


class Server:
    """Takes mails; remembers which came over TLS from somebody who signed in."""

    def __init__(self) -> None:
        self.mails: list[tuple[bytes, bool]] = []

    async def handle_DATA(self, _server: SMTP, session: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        self.mails.append((envelope.content, bool(session.authenticated)))
        return "250 OK"

    @staticmethod
    def sign_in(_server: Any, _session: Any, _envelope: Any, _how: str, who: Any) -> AuthResult:
        assert isinstance(who, LoginPassword)
        return AuthResult(success=(who.login, who.password) == (b"matinee", b"right"))


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A server's certificate that this process trusts."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *names]
    subprocess.run(
        [*command, "-keyout", key, "-out", certificate], check=True, capture_output=True, timeout=30
    )
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


@asynccontextmanager
async def listening(server: Server, socket_tls: ssl.SSLContext | None, **options: Any) -> AsyncIterator[int]:
    port = free_port()
    running = await asyncio.get_running_loop().create_server(
        lambda: SMTP(server, hostname="mail.example", **options), LOOPBACK, port, ssl=socket_tls
    )
    try:
        yield port
    finally:
        running.close()


async def send_three(url: str) -> None:
    async with SmtpTransport(SmtpServer.from_url(SecretStr(url)), 5) as transport:
        for _ in range(3):
            await transport.send(MAIL)


async def test_starttls_and_a_sign_in_come_before_the_first_mail(trusted: ssl.SSLContext) -> None:
    server = Server()
    options = {
        "tls_context": trusted,
        "require_starttls": True,
        "authenticator": server.sign_in,
        "auth_required": True,
    }
    async with listening(server, None, **options) as port:
        await send_three(f"smtp://matinee:right@localhost:{port}")
        assert server.mails == [(MAIL.content, True)] * 3
        with pytest.raises(ChannelUnavailable) as refused:
            await send_three(f"smtp://matinee:wrong@localhost:{port}")
        assert "wrong" not in str(refused.value)
        assert len(server.mails) == 3


async def test_tls_from_the_first_byte(trusted: ssl.SSLContext) -> None:
    server = Server()
    async with listening(server, trusted) as port:
        await send_three(f"smtps://localhost:{port}")
    assert server.mails == [(MAIL.content, False)] * 3


async def test_a_server_that_nobody_vouches_for_gets_no_mail(
    trusted: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Server()
    monkeypatch.delenv("SSL_CERT_FILE")
    async with listening(server, trusted) as port:
        with pytest.raises(ChannelUnavailable):
            await send_three(f"smtps://localhost:{port}")
    assert server.mails == []
