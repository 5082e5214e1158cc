"""Starting, watching and stopping processes in the order of their needs."""

import asyncio
import io
import os
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from stack.child import lives, until
from stack.errors import FolderRefused, PortTaken, ProcessFailed, StackError
from stack.folder import DataFolder
from stack.installation import Installation
from stack.ports import free_port
from stack.processes import Process
from stack.progress import Progress

STAND_IN = "tests.fixtures.stand_in"


def stand_in(
    name: str, behaviour: str = "serve", *, after: Sequence[str] = (), stop_round: int = 0
) -> Process:
    return Process(
        name=name,
        module=STAND_IN,
        probe="http",
        after=tuple(after),
        environment={"BEHAVIOUR": behaviour, "NAME": name, "JOURNAL": "{data}/../journal"},
        other_ports=(),
        stop_round=stop_round,
    )


def installation_of(
    folder: Path,
    *processes: Process,
    output: io.StringIO | None = None,
    port: int | None = None,
    healthy_seconds: float = 20.0,
) -> Installation:
    data = DataFolder(folder)
    data.prepare()
    return Installation(
        data,
        port=port or free_port(),
        progress=Progress(output or io.StringIO()),
        processes=processes,
        environment={},
        healthy_seconds=healthy_seconds,
    )


@asynccontextmanager
async def running(installation: Installation) -> AsyncIterator[Installation]:
    try:
        await installation.start()
        yield installation
    finally:
        await installation.stop()


@asynccontextmanager
async def watched(installation: Installation) -> AsyncIterator[None]:
    watching = asyncio.create_task(installation.watch())
    try:
        yield
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


def processes_below(folder: Path) -> list[psutil.Process]:
    """The stand-ins of this folder (each has its environment file on its tether's command line)."""
    found = []
    for process in psutil.process_iter():
        try:
            if lives(process) and process.environ().get("JOURNAL", "").startswith(str(folder)):
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


async def none_left(folder: Path) -> bool:
    """Whether none of them is left; the last may be about to go."""
    return await until(lambda: not processes_below(folder), 5)


def paused(folder: Path) -> list[psutil.Process]:
    return [process for process in processes_below(folder) if process.status() == psutil.STATUS_STOPPED]


async def test_what_is_started_is_healthy_and_stops_callers_first(tmp_path: Path) -> None:
    installation = installation_of(
        tmp_path,
        stand_in("callee", stop_round=1),
        stand_in("caller", after=["callee"], stop_round=0),
    )

    async with running(installation):
        assert len(processes_below(tmp_path)) == 2

    assert await none_left(tmp_path)
    journal = tmp_path / "processes" / "journal"
    assert journal.read_text().splitlines() == ["stopped caller", "stopped callee"]


async def test_a_process_that_ends_while_starting_is_shown_with_its_last_words(tmp_path: Path) -> None:
    installation = installation_of(tmp_path, stand_in("fine"), stand_in("torn", "crash"))

    with pytest.raises(ProcessFailed, match=r"torn ended while starting(.|\n)*the film is torn"):
        async with running(installation):
            pass

    assert await none_left(tmp_path)


async def test_a_process_that_never_gets_healthy_is_given_up(tmp_path: Path) -> None:
    installation = installation_of(tmp_path, stand_in("ill", "sick"), healthy_seconds=1.5)

    with pytest.raises(ProcessFailed, match="ill was not healthy after 2 s"):
        async with running(installation):
            pass

    assert await none_left(tmp_path)


async def test_a_process_that_is_killed_is_started_again_and_that_is_told(tmp_path: Path) -> None:
    output = io.StringIO()
    installation = installation_of(tmp_path, stand_in("svc"), output=output)
    async with running(installation), watched(installation):
        [victim] = processes_below(tmp_path)
        victim.kill()
        assert await until(lambda: "svc was started again" in output.getvalue(), 30)
        assert f"svc (process {victim.pid}) ended unexpectedly" in output.getvalue()
        assert await until(lambda: len(processes_below(tmp_path)) == 1, 15)


async def test_a_process_that_ignores_sigterm_is_gone_within_ten_seconds(tmp_path: Path) -> None:
    installation = installation_of(tmp_path, stand_in("deaf", "deaf"), stand_in("fine", stop_round=1))
    try:
        await installation.start()
    finally:
        async with asyncio.timeout(10):
            await installation.stop()

    assert await none_left(tmp_path)


async def test_services_end_when_their_supervisor_is_killed(tmp_path: Path) -> None:
    installation = installation_of(tmp_path, stand_in("svc"))
    async with running(installation):
        [service] = processes_below(tmp_path)
        supervisor = service.parent()
        assert supervisor is not None
        supervisor.kill()

        assert await until(lambda: not lives(service), 15)


async def test_an_interrupted_start_leaves_nothing_behind(tmp_path: Path) -> None:
    installation = installation_of(tmp_path, stand_in("slow", "sick"))
    starting = asyncio.create_task(installation.start())
    begun = await until(lambda: len(processes_below(tmp_path)) == 1, 15)

    starting.cancel()
    await asyncio.gather(starting, return_exceptions=True)
    await installation.stop()
    assert begun

    assert await none_left(tmp_path)


async def test_a_port_in_use_is_refused_before_anything_starts(tmp_path: Path) -> None:
    port = free_port()
    somebody = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", port)
    async with somebody:
        installation = installation_of(tmp_path, stand_in("svc"), port=port)
        with pytest.raises(PortTaken, match=f"port {port} is in use"):
            await installation.start()

    assert await none_left(tmp_path)


async def test_an_external_engine_that_does_not_answer_is_named_without_its_password(tmp_path: Path) -> None:
    port = free_port()
    data = DataFolder(tmp_path)
    data.prepare()
    installation = Installation(
        data,
        port=free_port(),
        progress=Progress(io.StringIO()),
        processes=[stand_in("svc", after=["mongo"])],
        environment={"MONGO_URL": f"mongodb://user:secret@127.0.0.1:{port}/"},
    )

    with pytest.raises(StackError, match=f"MONGO_URL: nothing answers at 127.0.0.1:{port}$"):
        async with running(installation):
            pass


def test_a_folder_is_for_one_launcher_at_a_time(tmp_path: Path) -> None:
    with (
        DataFolder(tmp_path).locked(),
        pytest.raises(FolderRefused, match=rf"in use by another .* \(process {os.getpid()}\)"),
        DataFolder(tmp_path).locked(),
    ):
        pass

    with DataFolder(tmp_path).locked():
        pass


def test_secrets_are_private_and_stay_the_same(tmp_path: Path) -> None:
    first = DataFolder(tmp_path).secrets()

    assert DataFolder(tmp_path).secrets() == first
    assert len(set(first.values())) == len(first)
    assert (tmp_path / "secrets.json").stat().st_mode & 0o777 == 0o600


def test_ports_stay_the_same_while_they_are_free(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    first = folder.ports(("seat_svc", "bff"))

    assert folder.ports(("seat_svc", "bff")) == first


def test_what_runs_is_announced_only_while_its_launcher_lives(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    with folder.locked():
        folder.announce({"catalog_svc": "127.0.0.1:20001"})
        assert DataFolder(tmp_path).announced() == {"catalog_svc": "127.0.0.1:20001"}
        left_by_a_killed_one = (tmp_path / "running.json").read_bytes()
    (tmp_path / "running.json").write_bytes(left_by_a_killed_one)

    assert DataFolder(tmp_path).announced() == {}


def test_clearing_a_folder_keeps_what_is_not_the_launchers(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    folder.prepare()
    folder.secrets()
    (tmp_path / "notes.txt").write_text("mine")

    folder.clear()

    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


async def test_a_signal_reaches_one_process(tmp_path: Path) -> None:
    installation = installation_of(tmp_path, stand_in("svc"), stand_in("other"))
    async with running(installation):
        await installation.signal_process("svc", signal.SIGSTOP)

        assert await until(lambda: {each.environ()["NAME"] for each in paused(tmp_path)} == {"svc"}, 15)
