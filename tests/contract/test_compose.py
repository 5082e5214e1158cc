"""compose.yaml runs what `./matinee up` runs, with an environment that each process accepts.

No container engine is needed: the compose program resolves the file, and each process's own
settings read the environment that it would get.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic_settings import BaseSettings

from bff.settings import BffSettings
from booking_svc.settings import Settings as BookingSettings
from catalog_svc.settings import Settings as CatalogSettings
from notify_svc.settings import Settings as NotifySettings
from seat_svc.settings import Settings as SeatSettings
from stack.inbox.settings import InboxSettings
from stack.processes import PROCESSES
from stack.sandbox.settings import SandboxSettings

ROOT = Path(__file__).parents[2]
SETTINGS: dict[str, type[BaseSettings]] = {
    "catalog_svc": CatalogSettings,
    "seat_svc": SeatSettings,
    "booking_svc": BookingSettings,
    "notify_svc": NotifySettings,
    "bff": BffSettings,
    "stack.inbox": InboxSettings,
    "stack.sandbox": SandboxSettings,
}
LOADS_AND_ENDS = "stack.demo"
_HOST = re.compile(r"(?:://(?:[^@/]*@)?/?|^)([a-z][a-z-]+):\d+", re.MULTILINE)


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    """The services as compose resolves them, without anything set in the environment."""
    resolved = subprocess.run(
        [Path(sys.executable).with_name("docker-compose"), "config", "--format", "json"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")},
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert resolved.stderr == ""  # an undefined variable is only a warning
    found: dict[str, Any] = json.loads(resolved.stdout)["services"]
    return found


def _ours(services: dict[str, Any]) -> dict[str, tuple[str, dict[str, str]]]:
    return {
        name: (service["command"][2], service.get("environment", {}))
        for name, service in services.items()
        if service["image"] == "matinee:latest"
    }


def test_it_runs_the_processes_of_the_launcher_and_no_others(services: dict[str, Any]) -> None:
    modules = {module for module, _ in _ours(services).values()}
    assert modules - {LOADS_AND_ENDS} == {process.module for process in PROCESSES}


def test_each_process_accepts_its_environment(
    services: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in list(os.environ):
        monkeypatch.delenv(name)
    for service, (module, environment) in _ours(services).items():
        if module == LOADS_AND_ENDS:
            continue
        with monkeypatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, value)
            settings = SETTINGS[module]()
            unread = {name for name in environment if name.lower() not in type(settings).model_fields}
        assert not unread, f"{service} reads no {unread}"


def test_what_they_call_are_services_of_the_file(services: dict[str, Any]) -> None:
    for name, (_, environment) in _ours(services).items():
        hosts = set(_HOST.findall("\n".join(environment.values())))
        assert hosts - {"localhost"} <= services.keys(), f"{name} calls {hosts}"


def test_every_service_that_stays_has_a_health_check_and_waits_for_healthy_ones(
    services: dict[str, Any],
) -> None:
    for name, service in services.items():
        if service.get("restart") != "no":
            assert service["healthcheck"]["test"], name
        conditions = {need["condition"] for need in service.get("depends_on", {}).values()}
        assert conditions <= {"service_healthy"}, name


def test_our_processes_are_confined_and_two_front_ends_stand_behind_a_balancer(
    services: dict[str, Any],
) -> None:
    for name in _ours(services):
        assert services[name]["read_only"], name
        assert services[name]["cap_drop"] == ["ALL"], name
    assert {"bff-1", "bff-2"} <= services["balancer"]["depends_on"].keys()
    assert re.search(r"^USER 10001$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
