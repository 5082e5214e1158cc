"""`./matinee books` on the stores themselves: documents and ledgers as those who wrote them left them."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from booking_svc.app import encoded
from booking_svc.domain.booking import Booking, BookingState
from booking_svc.stores.mongo import MongoBookings
from mesh import mongo as mesh_mongo
from mesh.clock import SystemClock
from seat_svc.domain.sale import Sale, SeatPayment, Ticket
from seat_svc.stores.mongo import MongoSales
from stack.books.sandbox import SandboxLedger, StoredSandboxLedger
from stack.books.stripe import StripeLedger
from stack.cli import main
from stack.engines import MongoEngine
from stack.errors import StackError
from stack.folder import DataFolder
from stack.ports import free_port
from tests.fixtures.bookings import PRICE, START, in_state
from tests.fixtures.sandbox import API_KEY, FAILING_REFUND, running_sandbox


@dataclass
class Kept:
    """A data folder that `up` has left behind, with one bought booking in it."""

    folder: DataFolder
    booking: Booking


@pytest_asyncio.fixture(loop_scope="session")
async def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Kept]:
    for name in ("MONGO_URL", "SANDBOX_URL", "SANDBOX_API_KEY", "STRIPE_API_KEY", "STRIPE_API_BASE"):
        monkeypatch.delenv(name, raising=False)
    folder = DataFolder(tmp_path / "data")
    process = folder.process("sandbox")
    process.mkdir(parents=True)
    booking = in_state(BookingState.CONFIRMED)
    async with running_sandbox(process) as sandbox:
        session = await sandbox.open_session(
            amount=PRICE.minor_units, reference=booking.payments[0].payment_id
        )
        await sandbox.pay(session["url"])
    async with MongoEngine(folder.engine("mongo")) as engine:
        await _store(engine.url, booking)
    yield Kept(folder, booking)


async def _store(url: str, booking: Booking) -> None:
    client = mesh_mongo.open_client(url, "books-test")
    try:
        bookings, sales = (
            MongoBookings(client, "bookings", encoded),
            MongoSales(client, "seats", SystemClock()),
        )
        await bookings.ready()
        await sales.ready()
        await bookings.add(booking, None)
        await sales.add(
            Sale(
                sale_id=booking.booking_id,
                booking_id=booking.booking_id,
                seller="",
                show_id=booking.show.show_id,
                theatre_id="rialto",
                business_date=START.date(),
                hold_id="hold-1",
                tickets=tuple(Ticket(ticket.ticket_id, ticket.seat_id) for ticket in booking.tickets),
                payments=tuple(SeatPayment(each.seat_id, each.amount) for each in booking.quote.seat_prices),
                sale_time=START,
                version=1,
            )
        )
    finally:
        await mesh_mongo.close(client)


async def _run(*arguments: str) -> int:
    return await asyncio.to_thread(main, ["books", *arguments])


async def test_what_the_services_wrote_balances_also_when_nothing_runs(
    kept: Kept, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "books.json"
    status = await _run("--data", str(kept.folder.path), "--json", str(file))
    printed = capsys.readouterr().out
    assert status == 0, printed
    assert "1 bookings CONFIRMED" in printed
    assert "captured by providers 20.00" in printed
    assert printed.endswith("differences: none\n")
    assert "ada" not in printed.lower(), "nobody's name or address"
    told = json.loads(file.read_text())
    assert told["balanced"]
    assert told["compared"]["tickets"] == 2
    assert told["sums"]["USD"]["sold at theatres"] == 2000


async def test_a_difference_is_named_and_the_status_says_so(
    kept: Kept, capsys: pytest.CaptureFixture[str]
) -> None:
    (kept.folder.process("sandbox") / "sandbox.sqlite").unlink()
    assert await _run("--data", str(kept.folder.path)) == 1
    printed = capsys.readouterr().out
    assert "provider-unread provider=sandbox: 1 payments were not compared" in printed


async def test_a_provider_that_does_not_answer_is_a_difference_and_the_rest_is_compared(
    kept: Kept, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STRIPE_API_KEY", "sk_test_hidden")
    monkeypatch.setenv("STRIPE_API_BASE", f"http://127.0.0.1:{free_port()}")
    assert await _run("--data", str(kept.folder.path)) == 1
    out, err = capsys.readouterr()
    assert out.endswith(
        "differences: 1\n"
        "  provider-unread provider=stripe: 0 payments were not compared: Stripe does not answer\n"
    )
    assert "captured by providers 20.00" in out, "the sandbox's"
    assert err == ""


async def test_it_works_when_only_the_engines_run(
    kept: Kept, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async with MongoEngine(kept.folder.engine("mongo")) as engine:
        monkeypatch.setenv("MONGO_URL", engine.url)
        assert await _run("--data", str(kept.folder.path)) == 0
        assert capsys.readouterr().out.endswith("differences: none\n")


async def test_what_cannot_be_read_is_one_line_without_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("MONGO_URL", raising=False)
    assert await _run("--data", str(tmp_path / "nothing")) == 1
    assert capsys.readouterr().err == (
        f"matinee: there are no books in {tmp_path / 'nothing'}: choose with --data, or set MONGO_URL\n"
    )
    assert not (tmp_path / "nothing").exists()
    monkeypatch.setenv("MONGO_URL", "mongodb://user:hidden@127.0.0.1:1/")
    assert await _run("--data", str(tmp_path)) == 1
    error = capsys.readouterr().err
    assert error == "matinee: MONGO_URL: nothing answers at 127.0.0.1:1\n"
    assert await asyncio.to_thread(lambda: _status(["books", "--patience", "never"])) == 2


def _status(arguments: list[str]) -> int:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    return int(ended.value.code or 0)


async def test_the_running_sandbox_and_its_file_tell_the_same(tmp_path: Path) -> None:
    async with running_sandbox(tmp_path) as sandbox:
        ledger = SandboxLedger(sandbox.url, API_KEY)
        assert await ledger.movements() == []
        session = await sandbox.open_session(reference="payment-1")
        await sandbox.pay(session["url"], FAILING_REFUND)
        await sandbox.refund(session["id"], 1250)
        await sandbox.refund(session["id"], 1000)
        moved = await ledger.movements()
        assert [(each.kind.value, each.amount.minor_units) for each in moved] == [
            ("capture", 1250),
            ("refund", 1000),
        ]
        assert {each.payment_id for each in moved} == {"payment-1"}
        assert abs(moved[0].time.timestamp() - time.time()) < 60
        assert await ledger.movements() == moved, "a second look adds only what is new"
        for number in range(120):
            session = await sandbox.open_session(reference=f"more-{number}")
            await sandbox.pay(session["url"])
        assert len(await ledger.movements()) == 122, "more than one page"
        wrong = SandboxLedger(sandbox.url, "another-key")
        with pytest.raises(StackError, match="ledger cannot be read"):
            await wrong.movements()
        file = StoredSandboxLedger(tmp_path / "sandbox.sqlite")
        assert await file.movements() == await ledger.movements()
    with pytest.raises(StackError, match="ledger cannot be read"):
        await ledger.movements()
    assert len(await file.movements()) == 122
    (tmp_path / "broken").write_bytes(b"not a database" * 100)
    with pytest.raises(StackError, match="cannot be read"):
        await StoredSandboxLedger(tmp_path / "broken").movements()


def test_the_environment_names_a_provider_in_the_place_of_the_folder(tmp_path: Path) -> None:
    from stack.books.command import ledgers

    folder = DataFolder(tmp_path)
    assert ledgers(folder, {}) == []
    named: list[Any] = ledgers(folder, {"SANDBOX_URL": "http://127.0.0.1:9", "SANDBOX_API_KEY": "k"})
    assert [type(each) for each in named] == [SandboxLedger]
    both = ledgers(folder, {"SANDBOX_URL": "http://h", "SANDBOX_API_KEY": "k", "STRIPE_API_KEY": "rk_live_1"})
    assert [type(each) for each in both] == [SandboxLedger, StripeLedger]


def test_a_live_key_is_not_sent_unencrypted(tmp_path: Path) -> None:
    from stack.books.command import ledgers

    named = {"STRIPE_API_KEY": "sk_live_hidden", "STRIPE_API_BASE": "http://127.0.0.1:9"}
    with pytest.raises(StackError, match="must be an https address") as caught:
        ledgers(DataFolder(tmp_path), named)
    assert "hidden" not in str(caught.value)
