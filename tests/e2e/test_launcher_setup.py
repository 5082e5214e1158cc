"""The script ``matinee``: its set-up, with a small package in place of the real one."""

import os
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
LOCKS = ("requirements.txt", "requirements-engines.txt", "requirements-dev.txt")
Resumed = tuple[Path, subprocess.CompletedProcess[str]]
SMALL_STACK = "import os, sys\nprint('ran', *sys.argv[1:], 'in', os.getcwd(), flush=True)\n"


def new_checkout(folder: Path) -> Path:
    """The script beside a package `stack` that says how it was called, and locks without packages."""
    (folder / "stack").mkdir(parents=True)
    shutil.copy(ROOT / "matinee", folder)
    shutil.copy(ROOT / "stack" / "help.txt", folder / "stack")
    (folder / "stack" / "__init__.py").touch()
    (folder / "stack" / "__main__.py").write_text(SMALL_STACK)
    for lock in LOCKS:
        (folder / lock).touch()
    return folder


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """One that was never set up."""
    return new_checkout(tmp_path / "a check out")


@pytest.fixture(scope="module")
def resumed(tmp_path_factory: pytest.TempPathFactory) -> Resumed:
    """One whose set-up was killed in the middle, and what the next call said."""
    folder = new_checkout(tmp_path_factory.mktemp("setup") / "a check out")
    setup = subprocess.Popen(
        [str(folder / "matinee"), "logs"],
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + 30
    while not (folder / ".venv" / "bin").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.killpg(setup.pid, signal.SIGKILL)
    setup.wait(timeout=10)
    return folder, matinee(folder, "logs", "bff", cwd=folder.parent)


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}


def matinee(
    checkout: Path, *arguments: str, cwd: Path | None = None, path: Sequence[str] = ()
) -> subprocess.CompletedProcess[str]:
    kept = environment()
    if path:
        kept["PATH"] = os.pathsep.join(path)
    return subprocess.run(
        [str(checkout / "matinee"), *arguments],
        cwd=cwd or checkout,
        env=kept,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def test_an_interrupted_setup_is_taken_up_again(resumed: Resumed) -> None:
    folder, result = resumed

    assert result.returncode == 0, result.stderr
    assert "making a virtual environment" in result.stdout
    assert "installing the locked packages" in result.stdout
    assert result.stdout.endswith(f"ran logs bff in {folder.parent}\n")


def test_what_is_set_up_starts_at_once(resumed: Resumed) -> None:
    folder, _ = resumed

    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert matinee(folder, "logs").stdout == f"ran logs in {folder}\n"
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    # The processor's time: what else the machine does meanwhile is not the script's.
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 1


def test_a_changed_lock_is_installed(resumed: Resumed) -> None:
    folder, _ = resumed
    (folder / "requirements.txt").write_text("# another lock\n")

    assert "installing the locked packages" in matinee(folder, "logs").stdout


def test_a_module_of_the_callers_folder_is_not_taken_for_ours(resumed: Resumed, tmp_path: Path) -> None:
    folder, _ = resumed
    (tmp_path / "stack").mkdir()
    (tmp_path / "stack" / "__main__.py").write_text("print('not ours')")

    assert matinee(folder, "logs", cwd=tmp_path).stdout.endswith(f"ran logs in {tmp_path}\n")


def test_packages_that_cannot_be_installed_are_an_error_that_names_the_cause(resumed: Resumed) -> None:
    folder, _ = resumed
    lock = folder / "requirements-engines.txt"
    lock.write_text("./nowhere.whl --hash=sha256:" + "0" * 64 + "\n")

    result = matinee(folder, "logs")
    lock.write_text("")

    assert result.returncode == 1
    assert result.stderr.startswith("matinee: pip could not install the packages")
    assert "nowhere.whl" in result.stderr
    assert "ran" not in result.stdout


@pytest.mark.parametrize("command", ["test", "faults"])
def test_commands_that_run_tests_get_the_packages_for_it(resumed: Resumed, command: str) -> None:
    folder, _ = resumed
    lock = folder / "requirements-dev.txt"
    lock.write_text("./nowhere.whl --hash=sha256:" + "0" * 64 + "\n")

    others, result = matinee(folder, "logs"), matinee(folder, command)
    lock.write_text("")

    assert others.returncode == 0, others.stderr
    assert "nowhere.whl" in result.stderr
    assert matinee(folder, command).stdout.endswith(f"ran {command} in {folder}\n")


def test_without_a_python_it_says_what_is_needed(checkout: Path, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for tool in ("bash", "env", "cat", "cut", "dirname", "grep", "id", "readlink", "sed", "sha256sum"):
        found = shutil.which(tool)
        assert found is not None
        (tools / tool).symlink_to(found)
    script = checkout / "matinee"
    script.write_text(script.read_text().replace("/usr/bin/python", "/nowhere/python"))

    result = matinee(checkout, "logs", path=[str(tools)])

    assert result.returncode == 1
    assert result.stderr == (
        "matinee: Python 3.11 or later with its venv module is needed "
        "(Debian, Ubuntu: apt-get install python3-venv)\n"
    )


@pytest.mark.parametrize("arguments", [[], ["help"], ["--help"]])
def test_help_needs_no_setup(checkout: Path, arguments: list[str]) -> None:
    result = matinee(checkout, *arguments)

    assert result.returncode == 0
    assert "./matinee up" in result.stdout
    assert not (checkout / ".venv").exists()


@pytest.mark.parametrize("command", ["upp", "u", "--port", ".", "a|up"])
def test_an_unknown_command_needs_no_setup(checkout: Path, command: str) -> None:
    result = matinee(checkout, command)

    assert result.returncode == 2
    assert result.stderr == f"matinee: unknown command: {command} (see ./matinee help)\n"
    assert not (checkout / ".venv").exists()
