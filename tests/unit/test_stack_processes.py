"""The list of processes: data that has to fit together."""

import re

import pytest

from stack.processes import PROCESSES, Process

ENGINES = {"mongo", "valkey", "rabbitmq"}
NAMES = {process.name for process in PROCESSES}
OTHER_PORTS = {f"{process.name}.{port}" for process in PROCESSES for port in process.other_ports}
SECRETS = {
    "MESH_TOKEN",
    "SESSION_SECRET",
    "SIGN_IN_SECRET",
    "UNSUBSCRIBE_SECRET",
    "SANDBOX_API_KEY",
    "SANDBOX_WEBHOOK_SECRET",
}


def references(process: Process) -> set[str]:
    found = {name for value in process.environment.values() for name in re.findall(r"\{([\w.]+)\}", value)}
    return {re.sub(r"^own\b", process.name, name) for name in found}


@pytest.mark.parametrize("process", PROCESSES, ids=lambda process: process.name)
def test_every_reference_of_an_environment_is_to_something_there(process: Process) -> None:
    assert references(process) <= NAMES | OTHER_PORTS | SECRETS | {"site", "data"} | ENGINES & set(
        process.after
    )


@pytest.mark.parametrize("process", PROCESSES, ids=lambda process: process.name)
def test_a_process_starts_after_what_is_named_and_there(process: Process) -> None:
    assert set(process.after) <= ENGINES | NAMES - {process.name}


def test_no_process_waits_for_itself_through_others() -> None:
    started: set[str] = set(ENGINES)
    waiting = list(PROCESSES)
    while waiting:
        able = [process for process in waiting if set(process.after) <= started]
        assert able, [process.name for process in waiting]
        started |= {process.name for process in able}
        waiting = [process for process in waiting if process not in able]


@pytest.mark.parametrize("process", PROCESSES, ids=lambda process: process.name)
def test_who_calls_is_stopped_before_who_is_called(process: Process) -> None:
    called = {
        re.sub(r"\..*", "", reference)
        for name, value in process.environment.items()
        if name.endswith(("_TARGET", "_URL")) and name != "PUBLIC_URL"
        for reference in re.findall(r"\{([\w.]+)\}", value)
    }
    for other in PROCESSES:
        if other.name in called - {process.name}:
            assert process.stop_round < other.stop_round
