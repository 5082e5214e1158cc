"""Fixtures for every test; each subject has a module of its own under tests/fixtures/."""

import asyncio
import os
from collections.abc import Callable, Mapping
from typing import Final

import uvloop
from hypothesis import HealthCheck, settings

from stack.ports import PORTS, share_of_all

# On a busy machine an example is slow for no fault of what it tests: hypothesis would fail it after 200 ms.
settings.register_profile("matinee", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("matinee")

_MOST_PROCESSES: Final = 4

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


def pytest_configure() -> None:
    """Gives each process of a run ports of its own, and others to the launchers that it starts."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw")
    number = int(worker) % _MOST_PROCESSES if worker.isdecimal() else 0
    PORTS.keep_to_share(number, 2 * _MOST_PROCESSES)
    launchers = share_of_all(_MOST_PROCESSES + number, 2 * _MOST_PROCESSES)
    os.environ["MATINEE_PORTS"] = f"{launchers[0]}-{launchers[-1]}"


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The event loop that the services run on."""
    return {"uvloop": uvloop.new_event_loop}
