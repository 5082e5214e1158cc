"""The data folder of one launcher: where everything it keeps is, and who may use it now."""

import fcntl
import json
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from stack.errors import FolderRefused
from stack.ports import PORTS

_SECRET_NAMES: Final = (
    "MESH_TOKEN",
    "SESSION_SECRET",
    "SIGN_IN_SECRET",
    "UNSUBSCRIBE_SECRET",
    "SANDBOX_API_KEY",
    "SANDBOX_WEBHOOK_SECRET",
)
_SECRET_BYTES: Final = 32
_KEPT: Final = ("engines", "processes", "logs", "supervisor", "secrets.json", "ports.json", "running.json")
_OLD_SUFFIX: Final = ".1"


class DataFolder:
    """Paths below the folder, and the few small files that the launcher itself keeps there."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.logs = self.path / "logs"
        self.supervisor = self.path / "supervisor"
        self._lock = self.path / "lock"
        self._running = self.path / "running.json"

    def engine(self, name: str) -> Path:
        """Where an engine keeps its data."""
        return self.path / "engines" / name

    def process(self, name: str) -> Path:
        """Where a process that keeps files keeps them."""
        return self.path / "processes" / name

    def log(self, name: str) -> Path:
        """The log of an engine or process."""
        return self.logs / f"{name}.log"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Make the folder and keep other launchers out of it.

        The kernel drops the lock with the process, so a killed launcher blocks nobody. Raises
        `FolderRefused`.
        """
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(self._lock, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise FolderRefused(f"cannot write to {self.path}: {error.strerror}") from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(lock, 32).decode() or "unknown"
            os.close(lock)
            raise FolderRefused(
                f"{self.path} is in use by another ./matinee up (process {holder}); "
                "stop that one, or choose another folder with --data"
            ) from None
        try:
            os.truncate(lock, 0)
            os.write(lock, str(os.getpid()).encode())
            yield
        finally:
            self._running.unlink(missing_ok=True)
            os.close(lock)

    def clear(self) -> None:
        """Forget everything that earlier runs kept; what is not the launcher's own stays."""
        for name in _KEPT:
            path = self.path / name
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)

    def prepare(self) -> None:
        """Make the folders and set aside the logs of the last run (those before it are gone)."""
        try:
            for folder in (self.logs, self.supervisor):
                folder.mkdir(mode=0o700, exist_ok=True)
            for log in self.logs.glob("*.log"):
                log.replace(log.with_name(log.name + _OLD_SUFFIX))
        except OSError as error:
            raise FolderRefused(f"cannot write to {self.path}: {error.strerror}") from error

    def secrets(self) -> dict[str, str]:
        """This installation's own random secrets by environment name; made once, mode 0600."""
        kept = read_json(self.path / "secrets.json")
        missing = [name for name in _SECRET_NAMES if name not in kept]
        if missing:
            kept |= {name: secrets.token_urlsafe(_SECRET_BYTES) for name in missing}
            write_private_json(self.path / "secrets.json", kept)
        return kept

    def ports(self, names: tuple[str, ...]) -> dict[str, int]:
        """A free loopback port for each name: the one it had before, if that is free."""
        kept = read_json(self.path / "ports.json")
        chosen: dict[str, int] = {}
        for name in names:
            port = kept.get(name)
            if port is None or port in chosen.values():
                chosen[name] = PORTS.free()
            else:
                chosen[name] = PORTS.again(port)
        write_private_json(self.path / "ports.json", kept | chosen)
        return chosen

    def announce(self, addresses: Mapping[str, str]) -> None:
        """Tell other commands where the running processes are."""
        write_private_json(self._running, dict(addresses))

    def announced(self) -> dict[str, str]:
        """Where the running processes are; empty when none run."""
        return read_json(self._running) if self._is_locked() else {}

    def _is_locked(self) -> bool:
        try:
            lock = os.open(self._lock, os.O_RDONLY)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(lock)
        return False


def read_json(path: Path) -> dict[str, Any]:
    """The object in a file; empty when there is none that can be read."""
    try:
        content = json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def write_private_json(path: Path, content: Mapping[str, Any]) -> None:
    """Replace a file, whole or not at all; only its owner may read it."""
    beside = path.with_name(path.name + ".new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(content, file, indent=1)
    beside.replace(path)
