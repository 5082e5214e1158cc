"""Fixtures for every test; each subject has a module of its own under tests/fixtures/."""

import asyncio
from collections.abc import Callable, Mapping

import uvloop

pytest_plugins = [
    "tests.fixtures.engines",
    "tests.fixtures.site",
    "tests.fixtures.seats",
    "tests.fixtures.seat_service",
    "tests.fixtures.amqp",
    "tests.fixtures.mail",
    "tests.fixtures.text_gateway",
    "tests.fixtures.notify",
    "tests.fixtures.bff",
]


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The event loop that the services run on."""
    return {"uvloop": uvloop.new_event_loop}
