"""The payment sandbox over HTTP, as a merchant and a payer meet it."""

import asyncio
import time
from collections.abc import AsyncIterator
from html import escape
from pathlib import Path

import pytest
import pytest_asyncio

from mesh.testing import eventually
from stack.sandbox.cards import listed, listed_banks
from tests.fixtures import sandbox as cards
from tests.fixtures.sandbox import Sandbox, WebhookAddress, running_sandbox, webhook_address

BACK = (303, "http://127.0.0.1:9/back")


@pytest_asyncio.fixture(loop_scope="session")
async def hook() -> AsyncIterator[WebhookAddress]:
    async with webhook_address() as address:
        yield address


@pytest_asyncio.fixture(loop_scope="session")
async def sandbox(tmp_path: Path, hook: WebhookAddress) -> AsyncIterator[Sandbox]:
    async with running_sandbox(tmp_path, hook.url) as running:
        yield running


async def _posted(hook: WebhookAddress, *kinds: str) -> None:
    async def arrived() -> bool:
        return len(hook.posted) >= len(kinds)

    await eventually(arrived)
    assert hook.kinds() == list(kinds)


def _contents(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir())


async def test_a_good_card_pays_sends_the_browser_back_and_tells_the_merchant(
    sandbox: Sandbox, hook: WebhookAddress
) -> None:
    session = await sandbox.open_session(metadata={"booking": "b1"})
    assert "12.50" in await sandbox.page(session["url"])

    assert await sandbox.pay(session["url"]) == BACK

    await _posted(hook, "session.paid")
    told = hook.posted[0].event["data"]
    assert (told["id"], told["status"], told["amount_captured"]) == (session["id"], "paid", 1250)
    assert told["metadata"] == {"booking": "b1"}
    assert hook.posted[0].is_signed()
    assert not hook.posted[0].is_signed("another secret")
    assert [(row["kind"], row["amount"]) for row in await sandbox.ledger()] == [("capture", 1250)]


async def test_a_second_click_on_pay_pays_nothing(sandbox: Sandbox) -> None:
    session = await sandbox.open_session()
    answers = await asyncio.gather(*(sandbox.pay(session["url"]) for _ in range(5)))
    assert set(answers) == {BACK}
    assert len(await sandbox.ledger()) == 1


@pytest.mark.parametrize(
    ("number", "reason"),
    [(cards.DECLINED, "declined"), (cards.INSUFFICIENT_FUNDS, "insufficient_funds")],
)
async def test_a_bad_card_is_declined_with_its_reason(
    sandbox: Sandbox, hook: WebhookAddress, number: str, reason: str
) -> None:
    session = await sandbox.open_session()
    assert await sandbox.pay(session["url"], number) == BACK
    await _posted(hook, "session.declined")
    assert hook.posted[0].event["data"]["decline_reason"] == reason
    assert await sandbox.ledger() == []


@pytest.mark.parametrize(
    ("form", "problem"),
    [
        ({"number": "4242 4242 4242 4241"}, "typing error"),
        ({"expiry": "01/20"}, "has expired"),
        ({"expiry": "13/40"}, "01 to 12"),
        ({"expiry": "soon"}, "month and year"),
        ({"cvc": "12x"}, "3 or 4 digits"),
        ({"number": "<script>alert(1)</script>"}, "12 to 19 digits"),
    ],
)
async def test_a_wrong_form_is_shown_again_and_can_be_put_right(
    sandbox: Sandbox, form: dict[str, str], problem: str
) -> None:
    session = await sandbox.open_session()
    status, page = await sandbox.send(
        session["url"], {"number": cards.SUCCESS, "expiry": "12/40", "cvc": "123"} | form
    )
    assert status == 422
    assert problem in page
    assert "<script>" not in page
    assert await sandbox.pay(session["url"]) == BACK


async def test_the_authentication_step_needs_the_code(sandbox: Sandbox) -> None:
    for code, status in (("123456", "paid"), ("000000", "declined")):
        session = await sandbox.open_session()
        shown, page = await sandbox.pay(session["url"], cards.AUTHENTICATION)
        assert (shown, "sent you a code" in page) == (200, True)
        assert (await sandbox.session(session["id"]))["status"] == "open"
        assert await sandbox.send(f"{session['url']}/code", {"code": code}) == BACK
        assert (await sandbox.session(session["id"]))["status"] == status


async def test_internet_banking_asks_a_bank(sandbox: Sandbox) -> None:
    for bank, decision, status in (
        ("first-demo-bank", "approve", "paid"),
        ("first-demo-bank", "refuse", "declined"),
        ("strict-demo-bank", "approve", "declined"),
        ("empty-demo-bank", "approve", "declined"),
        ("silent-demo-bank", "approve", "paid"),
        ("slow-demo-bank", "approve", "processing"),
    ):
        session = await sandbox.open_session(method="internet_banking")
        assert "First Demo Bank" in await sandbox.page(session["url"])
        assert await sandbox.send(session["url"], {"bank": bank, "decision": decision}) == BACK
        assert (await sandbox.session(session["id"]))["status"] == status
    session = await sandbox.open_session(method="internet_banking")
    assert (await sandbox.send(session["url"], {"bank": "no-such-bank"}))[0] == 422
    shown, page = await sandbox.send(session["url"], {"bank": "careful-demo-bank", "decision": "approve"})
    assert (shown, "Your bank sent you a code" in page) == (200, True)
    assert await sandbox.send(f"{session['url']}/code", {"code": "123456"}) == BACK
    assert (await sandbox.session(session["id"]))["status"] == "paid"


async def test_giving_up_sends_the_browser_to_the_cancel_address(
    sandbox: Sandbox, hook: WebhookAddress
) -> None:
    session = await sandbox.open_session()
    assert await sandbox.send(f"{session['url']}/cancel", {}) == (303, "http://127.0.0.1:9/cancelled")
    await _posted(hook, "session.canceled")
    assert await sandbox.pay(session["url"]) == BACK
    assert await sandbox.ledger() == []


async def test_a_session_that_the_merchant_ended_cannot_be_paid(
    sandbox: Sandbox, hook: WebhookAddress
) -> None:
    session = await sandbox.open_session()
    status, ended = await sandbox.api("POST", f"/v1/sessions/{session['id']}/expire")
    assert (status, ended["status"]) == (200, "expired")
    assert await sandbox.pay(session["url"]) == BACK
    assert await sandbox.ledger() == []
    assert "Time is up" in await sandbox.page(session["url"])
    await _posted(hook, "session.expired")


async def test_ending_a_paid_session_tells_that_it_is_paid(sandbox: Sandbox) -> None:
    session = await sandbox.open_session()
    await sandbox.pay(session["url"])
    _, ended = await sandbox.api("POST", f"/v1/sessions/{session['id']}/expire")
    assert (ended["status"], ended["amount_captured"]) == ("paid", 1250)


async def test_a_session_ends_by_itself_when_its_time_is_up(sandbox: Sandbox, hook: WebhookAddress) -> None:
    session = await sandbox.open_session(expires_at=time.time() + 1)
    await _posted(hook, "session.expired")
    assert (await sandbox.session(session["id"]))["status"] == "expired"


async def test_a_late_payment_is_captured_after_the_session_has_ended(
    sandbox: Sandbox, hook: WebhookAddress
) -> None:
    session = await sandbox.open_session()
    assert await sandbox.pay(session["url"], cards.LATE_SUCCESS) == BACK
    assert (await sandbox.session(session["id"]))["status"] == "processing"
    await sandbox.api("POST", f"/v1/sessions/{session['id']}/expire")
    await _posted(hook, "session.expired", "session.paid")
    assert (await sandbox.session(session["id"]))["status"] == "paid"


async def test_a_lost_webhook_is_never_posted_but_can_be_asked_for(
    sandbox: Sandbox, hook: WebhookAddress
) -> None:
    lost, other = await sandbox.open_session(), await sandbox.open_session()
    await sandbox.pay(lost["url"], cards.LOST_WEBHOOK)
    await sandbox.pay(other["url"])
    await _posted(hook, "session.paid")
    assert hook.posted[0].event["data"]["id"] == other["id"]
    assert (await sandbox.session(lost["id"]))["status"] == "paid"
    events = (await sandbox.api("GET", "/v1/events"))[1]["data"]
    assert [event["data"]["id"] for event in events] == [lost["id"], other["id"]]
    assert (await sandbox.api("GET", f"/v1/events?after={events[0]['sequence']}"))[1]["data"] == events[1:]


async def test_webhooks_come_twice_late_or_out_of_order_when_the_card_says_so(
    sandbox: Sandbox, hook: WebhookAddress
) -> None:
    for number, kinds in (
        (cards.DOUBLE_WEBHOOK, ["session.paid", "session.paid"]),
        (cards.DELAYED_WEBHOOK, ["session.paid"]),
        (cards.REVERSED_WEBHOOKS, ["session.paid", "session.processing"]),
    ):
        hook.posted.clear()
        session = await sandbox.open_session()
        await sandbox.pay(session["url"], number)
        if number == cards.DELAYED_WEBHOOK:
            assert hook.posted == []
        await _posted(hook, *kinds)
    assert hook.posted[0].event["created"] >= hook.posted[1].event["created"]


async def test_a_webhook_that_is_not_accepted_is_posted_again(sandbox: Sandbox, hook: WebhookAddress) -> None:
    hook.refusals = 3
    session = await sandbox.open_session()
    await sandbox.pay(session["url"])
    await _posted(hook, "session.paid")


async def test_a_wrong_amount_is_captured_by_the_cards_for_it(sandbox: Sandbox) -> None:
    for number, captured in ((cards.SURPLUS, 1251), (cards.SHORTFALL, 1249)):
        session = await sandbox.open_session()
        await sandbox.pay(session["url"], number)
        assert (await sandbox.session(session["id"]))["amount_captured"] == captured


async def test_money_goes_back_once_for_each_idempotency_key(sandbox: Sandbox, hook: WebhookAddress) -> None:
    session = await sandbox.open_session()
    await sandbox.pay(session["url"])
    first = await sandbox.refund(session["id"], 1000, "key-1")
    assert (first[0], first[1]["status"]) == (200, "succeeded")
    assert await sandbox.refund(session["id"], 1000, "key-1") == first
    assert (await sandbox.refund(session["id"], 999, "key-1"))[0] == 409
    too_much = await sandbox.refund(session["id"], 251)
    assert (too_much[0], too_much[1]["error"]["code"]) == (400, "refund_too_large")
    assert (await sandbox.refund(session["id"], 250))[0] == 200
    assert [(row["kind"], row["amount"]) for row in await sandbox.ledger()] == [
        ("capture", 1250),
        ("refund", 1000),
        ("refund", 250),
    ]


async def test_refunds_stay_pending_or_fail_at_first_when_the_card_says_so(sandbox: Sandbox) -> None:
    slow = await sandbox.open_session()
    await sandbox.pay(slow["url"], cards.SLOW_REFUND)
    _, refund = await sandbox.refund(slow["id"], 1250)
    assert refund["status"] == "pending"

    async def arrived() -> bool:
        _, now = await sandbox.api("GET", f"/v1/refunds/{refund['id']}")
        return bool(now["status"] == "succeeded")

    await eventually(arrived)
    failing = await sandbox.open_session()
    await sandbox.pay(failing["url"], cards.FAILING_REFUND)
    statuses = [(await sandbox.refund(failing["id"], 1250))[1]["status"] for _ in range(2)]
    assert statuses == ["failed", "succeeded"]


async def test_a_pending_refund_may_fail_later_and_a_new_one_succeeds(
    tmp_path: Path, hook: WebhookAddress
) -> None:
    async with running_sandbox(tmp_path, hook.url, late_seconds=1.0) as sandbox:
        session = await sandbox.open_session()
        await sandbox.pay(session["url"], cards.LATE_FAILING_REFUND)
        _, first = await sandbox.refund(session["id"], 1250)
        assert first["status"] == "pending"
        assert (await sandbox.refund(session["id"], 1250))[0] == 400, "it may still arrive"
        await _posted(hook, "session.paid", "refund.failed")
        _, second = await sandbox.refund(session["id"], 1250)
        assert second["status"] == "pending"
        await _posted(hook, "session.paid", "refund.failed", "refund.succeeded")
        assert [(row["kind"], row["refund_id"]) for row in await sandbox.ledger()] == [
            ("capture", ""),
            ("refund", second["id"]),
        ]


async def test_the_front_page_lists_every_card_and_bank(sandbox: Sandbox) -> None:
    page = await sandbox.page(f"{sandbox.url}/")
    assert all(f"<td>{number}</td><td>{escape(title)}</td>" in page for number, title in listed())
    assert all(f"<td>{escape(name)}</td><td>{title}</td>" in page for name, title in listed_banks())
    assert len(listed()) == 17
    assert len(listed_banks()) == 6
    assert 'href="/ledger"' in page


async def test_the_ledger_page_tells_people_where_the_money_went(sandbox: Sandbox) -> None:
    assert "No money has moved yet" in await sandbox.page(f"{sandbox.url}/ledger")
    sneaky = "<b>&order"
    session = await sandbox.open_session(reference=sneaky)
    await sandbox.pay(session["url"], cards.FAILING_REFUND)
    await sandbox.refund(session["id"], 1000)
    await sandbox.refund(session["id"], 50)
    for number in range(60):
        other = await sandbox.open_session(amount=100, currency="JPY", reference=f"other-{number}")
        await sandbox.pay(other["url"])

    page = await sandbox.page(f"{sandbox.url}/ledger")
    assert "USD 12.50</td>" in page, "captured"
    assert "USD 0.50</td>" in page, "refunded"
    assert "USD 12.00</td>" in page, "kept"
    assert "JPY 6,000</td>" in page
    assert "USD 10.00, failed" in page
    assert page.index("other-59") < page.index("other-11<")
    assert "other-9<" not in page, "which is on the next page"
    assert 'href="/ledger?before=13"' in page
    assert session["id"] not in page, "it is all that it takes to pay a session"
    older = await sandbox.page(f"{sandbox.url}/ledger?before=13")
    assert "other-9<" in older
    assert "other-59<" not in older
    assert "<b>&order" not in older
    assert "&lt;b&gt;&amp;order" in older
    only = await sandbox.page(f"{sandbox.url}/ledger?reference=%3Cb%3E%26order")
    assert (only.count(">Captured</td>"), only.count(">Refunded</td>"), "other-" in only) == (1, 1, False)
    assert "No money has moved for it yet" in await sandbox.page(f"{sandbox.url}/ledger?reference=none")
    assert "must be a sequence number" in await sandbox.page(f"{sandbox.url}/ledger?before=-1")


async def test_a_session_is_made_once_for_each_idempotency_key(sandbox: Sandbox) -> None:
    order = {"expires_at": 4102444800.0}
    first = await sandbox.open_session("key-1", **order)
    assert await sandbox.open_session("key-1", **order) == first
    status, answer = await sandbox.api("POST", "/v1/sessions", first, "key-1")
    assert (status, answer["error"]["code"]) == (400, "invalid_field")
    different = order | {"amount": 1, "currency": "USD", "method": "debit_card", "reference": "r"}
    urls = {"return_url": "http://a/", "cancel_url": "http://a/"}
    status, answer = await sandbox.api("POST", "/v1/sessions", different | urls, "key-1")
    assert (status, answer["error"]["code"]) == (409, "idempotency_key_reused")


@pytest.mark.parametrize(
    "change",
    [
        {"amount": 0},
        {"amount": -5},
        {"amount": 12.5},
        {"amount": "1250"},
        {"currency": "usd"},
        {"method": "cash"},
        {"return_url": "javascript:alert(1)"},
        {"cancel_url": "not a url"},
        {"surprise": 1},
        {"reference": ""},
    ],
)
async def test_a_wrong_order_is_refused(sandbox: Sandbox, change: dict[str, object]) -> None:
    order = {
        "amount": 1250,
        "currency": "USD",
        "method": "credit_card",
        "return_url": "http://a/",
        "cancel_url": "http://a/",
        "reference": "r",
        "expires_at": 4102444800.0,
    }
    assert (await sandbox.api("POST", "/v1/sessions", order | change, "key"))[0] == 400
    assert (await sandbox.api("POST", "/v1/sessions", order, "key"))[0] == 200


async def test_nothing_is_told_without_the_api_key(sandbox: Sandbox) -> None:
    session = await sandbox.open_session()
    for method, path in (
        ("GET", f"/v1/sessions/{session['id']}"),
        ("POST", "/v1/sessions"),
        ("POST", f"/v1/sessions/{session['id']}/expire"),
        ("POST", "/v1/refunds"),
        ("GET", "/v1/events"),
        ("GET", "/v1/ledger"),
    ):
        assert (await sandbox.api(method, path, {}, "k", api_key="wrong ключ"))[0] == 401


async def test_unknown_objects_and_bad_bodies_are_told_as_json(sandbox: Sandbox) -> None:
    assert (await sandbox.api("GET", "/v1/sessions/none"))[0] == 404
    assert (await sandbox.api("GET", "/v1/refunds/none"))[0] == 404
    assert (await sandbox.refund("none", 1))[0] == 404
    assert (await sandbox.api("POST", "/v1/sessions", [1], "k"))[0] == 400
    assert (await sandbox.api("POST", "/v1/sessions", {}, ""))[0] == 400
    assert (await sandbox.api("GET", "/v1/events?after=x"))[0] == 400
    async with sandbox.client.get(f"{sandbox.url}/pay/none") as page:
        assert page.status == 404


async def test_a_restart_forgets_nothing_and_posts_what_is_left(tmp_path: Path) -> None:
    async with webhook_address() as hook:
        hook.refusals = 1000
        async with running_sandbox(tmp_path, hook.url) as before:
            session = await before.open_session()
            await before.pay(session["url"])
        hook.refusals = 0
        assert hook.posted == []
        async with running_sandbox(tmp_path, hook.url) as after:
            await _posted(hook, "session.paid")
            assert (await after.session(session["id"]))["status"] == "paid"
            assert len(await after.ledger()) == 1


async def test_card_numbers_are_kept_nowhere(sandbox: Sandbox, tmp_path: Path) -> None:
    session = await sandbox.open_session()
    await sandbox.pay(session["url"], cards.SUCCESS)
    kept = _contents(tmp_path)
    assert session["id"].encode() in kept
    assert b"424242" not in kept
    assert b"4242 4242" not in kept
