"""Connections to a mail server: kept, given up, opened again, and never half-way in another mail."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from pydantic import SecretStr

from mesh.testing import eventually
from notify_svc.channels.email.envelope import Mail
from notify_svc.channels.email.smtp import SmtpTransport
from notify_svc.errors import ChannelUnavailable, RecipientRefused
from notify_svc.settings import SmtpServer
from tests.fixtures.mail import MailServer

ADA, EVE = "ada@example.com", "eve@example.com"


@pytest_asyncio.fixture(loop_scope="session", params=[False, True], ids=["one by one", "together"])
async def transport(mail_server: MailServer, request: pytest.FixtureRequest) -> AsyncIterator[SmtpTransport]:
    mail_server.pipelining = request.param
    async with SmtpTransport(SmtpServer.from_url(SecretStr(mail_server.url)), 2) as transport:
        yield transport


def a_mail(n: int, recipient: str = ADA) -> Mail:
    content = f"From: tickets@matinee.example\r\nSubject: mail {n}\r\n\r\nNumber\r\n.{n}\r\n.\r\n..\r\n"
    return Mail("tickets@matinee.example", recipient, content.encode())


def subjects(mail_server: MailServer) -> list[str]:
    return [str(mail.message["Subject"]) for mail in mail_server.mails]


async def test_mails_one_after_the_other_go_by_one_connection(
    transport: SmtpTransport, mail_server: MailServer
) -> None:
    for n in range(20):
        await transport.send(a_mail(n))
    assert subjects(mail_server) == [f"mail {n}" for n in range(20)]
    assert mail_server.connections == 1
    assert mail_server.mails[7].message.get_content() == "Number\r\n.7\r\n.\r\n..\r\n"


async def test_mails_at_once_go_by_as_many_and_each_once(
    transport: SmtpTransport, mail_server: MailServer
) -> None:
    for _ in range(3):
        await asyncio.gather(*(transport.send(a_mail(n, f"r{n}@example.com")) for n in range(8)))
    assert mail_server.connections <= 8
    assert sorted(mail.recipients[0] for mail in mail_server.mails) == sorted(
        [f"r{n}@example.com" for n in range(8)] * 3
    )
    for mail in mail_server.mails:
        assert mail.message["Subject"] == f"mail {mail.recipients[0][1]}"


async def test_a_server_that_hung_up_meanwhile_costs_no_mail_and_no_failure(
    transport: SmtpTransport, mail_server: MailServer
) -> None:
    await transport.send(a_mail(0))
    await mail_server.hang_up()
    await transport.send(a_mail(1))  # whether or not the end was heard of by now
    await mail_server.hang_up()
    await asyncio.sleep(0.05)
    await transport.send(a_mail(2))
    await mail_server.stop()
    await mail_server.start()
    await transport.send(a_mail(3))
    assert subjects(mail_server) == [f"mail {n}" for n in range(4)]
    assert mail_server.connections == 4


async def test_a_server_that_wants_another_connection_gets_it_and_one_that_refuses_us_is_not_asked_again(
    transport: SmtpTransport, mail_server: MailServer
) -> None:
    await transport.send(a_mail(0))
    mail_server.refusals = ["421 enough for one connection"]
    await transport.send(a_mail(1))
    assert mail_server.connections == 2
    for refusal in ("421 not now", "451 not now", "550 not you"):
        # On a new connection 421 is an answer as well.
        mail_server.refusals = ["421 enough", refusal] if refusal.startswith("421") else [refusal]
        with pytest.raises(ChannelUnavailable):
            await transport.send(a_mail(2))
        assert mail_server.refusals == []
    await transport.send(a_mail(3))
    assert subjects(mail_server) == ["mail 0", "mail 1", "mail 3"]


async def test_a_connection_that_breaks_after_the_mail_leaves_it_in_doubt_and_sends_nothing_by_itself(
    transport: SmtpTransport, mail_server: MailServer
) -> None:
    await transport.send(a_mail(0))
    mail_server.cuts = 1
    with pytest.raises(ChannelUnavailable):
        await transport.send(a_mail(1))
    assert subjects(mail_server) == ["mail 0", "mail 1"], "the server has it, and has it once"
    await transport.send(a_mail(2))
    assert subjects(mail_server) == ["mail 0", "mail 1", "mail 2"]


async def test_a_refused_recipient_takes_nobody_else_along(
    transport: SmtpTransport, mail_server: MailServer
) -> None:
    await transport.send(a_mail(0))
    mail_server.answers[EVE] = "550 no such user"
    with pytest.raises(RecipientRefused) as refused:
        await transport.send(a_mail(1, EVE))
    assert EVE not in str(refused.value)
    mail_server.answers[EVE] = "450 busy"
    with pytest.raises(ChannelUnavailable):
        await transport.send(a_mail(2, EVE))
    await transport.send(a_mail(3))
    assert [(mail.recipients, str(mail.message["Subject"])) for mail in mail_server.mails] == [
        ([ADA], "mail 0"),
        ([ADA], "mail 3"),
    ]


async def test_a_mail_that_took_too_long_or_was_given_up_does_not_run_into_the_next(
    transport: SmtpTransport, mail_server: MailServer
) -> None:
    await transport.send(a_mail(0))
    mail_server.takes.clear()
    with pytest.raises(ChannelUnavailable):
        await transport.send(a_mail(1))
    cancelled = asyncio.create_task(transport.send(a_mail(2)))

    async def begun() -> bool:
        return mail_server.handovers == 3

    await eventually(begun)
    cancelled.cancel()
    await asyncio.gather(cancelled, return_exceptions=True)
    mail_server.takes.set()
    await transport.send(a_mail(3))
    assert subjects(mail_server)[-1] == "mail 3"


async def test_connections_are_closed_at_the_end_and_after_a_while(mail_server: MailServer) -> None:
    async def none_left() -> bool:
        return mail_server.open_connections == 0

    server = SmtpServer.from_url(SecretStr(mail_server.url))
    async with SmtpTransport(server, 2) as transport:
        await transport.send(a_mail(0))
        assert mail_server.open_connections == 1
    await eventually(none_left)
    async with SmtpTransport(server, 2, kept_seconds=0.1) as transport:
        await transport.send(a_mail(1))
        await eventually(none_left)
        await transport.send(a_mail(2))
    assert subjects(mail_server) == ["mail 0", "mail 1", "mail 2"]
