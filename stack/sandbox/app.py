"""Puts the sandbox together and serves it."""

import asyncio
import contextlib
import logging
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import aiohttp
from aiohttp import web

from stack.sandbox.api import Api, problems_as_json
from stack.sandbox.overview import Overview
from stack.sandbox.pages import Pages
from stack.sandbox.payments import Payments
from stack.sandbox.settings import SandboxSettings
from stack.sandbox.store import Store
from stack.sandbox.webhooks import WebhookSender

_log = logging.getLogger("sandbox")

_MOST_BODY_BYTES: Final = 64 * 1024
_TICK_SECONDS: Final = 0.25
_SHUTDOWN_SECONDS: Final = 2.0


@asynccontextmanager
async def serving(settings: SandboxSettings) -> AsyncIterator[str]:
    """Serves while the block runs; yields the address, such as `http://127.0.0.1:8090`."""
    store = Store(settings.sandbox_data)
    async with contextlib.AsyncExitStack() as around:
        around.callback(store.close)
        client = await around.enter_async_context(aiohttp.ClientSession())
        sender = WebhookSender(
            store,
            client,
            url=settings.webhook_url,
            secret=settings.sandbox_webhook_secret.get_secret_value(),
            clock=time.time,
            first_retry_seconds=settings.first_retry_seconds,
        )
        payments = Payments(
            store,
            public_url=lambda: api.public_url,
            clock=time.time,
            late_seconds=settings.late_seconds,
            delay_seconds=settings.delay_seconds,
            wake=sender.wake,
        )
        api = Api(payments, store, settings.sandbox_api_key.get_secret_value(), settings.sandbox_public_url)
        app = web.Application(client_max_size=_MOST_BODY_BYTES, middlewares=[problems_as_json])
        pages = (*Pages(payments).routes(), *Overview(store).routes())
        app.add_routes([*api.routes(), *pages, web.get("/healthz", _healthy)])
        runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=_SHUTDOWN_SECONDS)
        around.push_async_callback(runner.cleanup)
        address = await _listen(runner, settings.listen)
        api.public_url = api.public_url.rstrip("/") or address
        for work in (sender.run(), _let_time_pass(payments)):
            around.push_async_callback(_end, asyncio.create_task(work))
        yield address


async def serve(settings: SandboxSettings) -> None:
    """Serves until SIGTERM or SIGINT."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    async with serving(settings) as address:
        _log.info("serving at %s", address)
        await stopping.wait()


async def _healthy(_request: web.Request) -> web.Response:
    return web.Response(text="ok\n")


async def _listen(runner: web.AppRunner, listen: str) -> str:
    host, _, port = listen.rpartition(":")
    await runner.setup()
    await web.TCPSite(runner, host, int(port)).start()
    bound = runner.addresses[0]
    return f"http://{bound[0]}:{bound[1]}"


async def _let_time_pass(payments: Payments) -> None:
    while True:
        payments.take_due_steps()
        await asyncio.sleep(_TICK_SECONDS)


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
