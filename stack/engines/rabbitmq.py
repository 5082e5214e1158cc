"""RabbitMQ: a private node with a port mapper (epmd) of its own."""

import asyncio
import re
import shutil
import subprocess
from pathlib import Path
from typing import ClassVar, Final

from stack.child import Child, end_leftover
from stack.engines.engine import Engine
from stack.errors import ProcessFailed, ToolMissing
from stack.ports import LOOPBACK, free_port, is_listened_on

# Debian's /usr/sbin/rabbitmq-server changes to the user rabbitmq, who cannot enter a private
# folder; RabbitMQ's own script runs as whoever starts it.
_OWN_SCRIPTS: Final = Path("/usr/lib/rabbitmq/bin")
_AMQP_HEADER: Final = b"AMQP\x00\x00\x09\x01"
_METHOD_FRAME: Final = b"\x01"
_EPMD_SECONDS: Final = 15.0
_CONTROL_SECONDS: Final = 60.0  # it starts a machine of its own, which takes seconds on a busy one


class RabbitEngine(Engine):
    """A private RabbitMQ node; `url` is its default virtual host as guest (loopback only)."""

    name: ClassVar[str] = "rabbitmq"
    start_seconds: ClassVar[float] = 90.0
    stop_seconds: ClassVar[float] = 6.0

    def __init__(self, folder: Path, *, log_file: Path | None = None) -> None:
        super().__init__(folder, log_file=log_file)
        self._epmd_port = 0
        self._dist_port = 0
        self._epmd: Child | None = None

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@{LOOPBACK}:{self.port}/%2F"

    async def stop(self, within: float | None = None) -> None:
        await super().stop(within)
        if self._epmd is not None:
            await self._epmd.stop(_EPMD_SECONDS)

    async def kill(self) -> None:
        await super().kill()
        if self._epmd is not None:
            await self._epmd.kill()

    async def add_virtual_host(self, name: str) -> str:
        """Make an empty virtual host (letters, digits, - and _) and return its amqp:// address."""
        if not re.fullmatch(r"[\w-]+", name, re.ASCII):
            raise ValueError(f"not a plain name for a virtual host: {name!r}")
        await self._evaluate(
            f'ok = rabbit_vhost:add(<<"{name}">>, <<"guest">>), '
            "ok = rabbit_auth_backend_internal:set_permissions("
            f'<<"guest">>, <<"{name}">>, <<".*">>, <<".*">>, <<".*">>, <<"guest">>).'
        )
        return f"amqp://guest:guest@{LOOPBACK}:{self.port}/{name}"

    async def _evaluate(self, expression: str) -> None:
        control = await asyncio.create_subprocess_exec(
            _rabbitmq_script("rabbitmqctl"),
            "eval",
            expression,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=self._environment(),
        )
        try:
            async with asyncio.timeout(_CONTROL_SECONDS):
                output, _ = await control.communicate()
        except TimeoutError:
            control.kill()
            await control.wait()
            raise ProcessFailed(f"rabbitmqctl did not answer within {_CONTROL_SECONDS:.0f} s") from None
        if control.returncode != 0:
            raise ProcessFailed(f"rabbitmqctl failed: {output.decode(errors='replace').strip()}")

    async def _start_on_port(self) -> None:
        self._write_configuration()
        await self._start_epmd()
        self._dist_port = free_port()
        try:
            await super()._start_on_port()
        except BaseException:
            if self._epmd is not None:
                await asyncio.shield(self._epmd.kill())
            raise

    async def _start_epmd(self) -> None:
        """Start the port mapper in the foreground: one that the node starts would outlive it."""
        await end_leftover(self.folder, "epmd", _EPMD_SECONDS)
        self._epmd_port = free_port()
        self._epmd = Child(
            "epmd",
            [_installed("epmd"), "-address", LOOPBACK, "-port", str(self._epmd_port)],
            environment=self._environment(),
            folder=self.folder,
            log_file=self.log_file,
        )
        self._epmd.start()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _EPMD_SECONDS
        while not await is_listened_on(self._epmd_port):
            if not self._epmd.running or loop.time() >= deadline:
                await self._epmd.kill()
                raise ProcessFailed(f"epmd did not start:\n{self._epmd.tail()}")
            await asyncio.sleep(0.02)

    def _write_configuration(self) -> None:
        (self.folder / "rabbitmq.conf").write_text("log.console = true\nlog.file = false\n")
        (self.folder / "advanced.config").write_text("[].\n")
        (self.folder / "enabled_plugins").write_text("[].\n")

    def _command(self) -> list[str]:
        return [_rabbitmq_script("rabbitmq-server")]

    def _environment(self) -> dict[str, str]:
        folder = self.folder
        return super()._environment() | {
            "ERL_EPMD_ADDRESS": LOOPBACK,
            "ERL_EPMD_PORT": str(self._epmd_port),
            "RABBITMQ_NODENAME": "matinee@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": LOOPBACK,
            "RABBITMQ_NODE_PORT": str(self._port),
            "RABBITMQ_DIST_PORT": str(self._dist_port),
            "RABBITMQ_MNESIA_BASE": str(folder / "data"),
            "RABBITMQ_LOG_BASE": str(folder),
            "RABBITMQ_PID_FILE": str(folder / "node.pid"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            "RABBITMQ_FEATURE_FLAGS_FILE": str(folder / "feature_flags"),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "advanced.config"),
            "RABBITMQ_GENERATED_CONFIG_DIR": str(folder / "generated"),
            # Without this the machine's own /etc/rabbitmq/rabbitmq-env.conf would be read.
            "RABBITMQ_CONF_ENV_FILE": str(folder / "no-rabbitmq-env.conf"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
                "-kernel inet_dist_use_interface {127,0,0,1} -start_epmd false"
            ),
            # The default (none) lets every thread sleep at once, which triples the time to start.
            "RABBITMQ_SCHEDULER_BUSY_WAIT_THRESHOLD": "very_short",
            # Makes the script become the node by `exec`, so that our pid is the node's.
            "RUNNING_UNDER_SYSTEMD": "1",
        }

    async def _ready(self) -> bool:
        try:
            reader, writer = await asyncio.open_connection(LOOPBACK, self._port)
        except OSError:
            return False
        try:
            writer.write(_AMQP_HEADER)
            # Connection.Start: the broker is up and talks AMQP.
            return await reader.readexactly(1) == _METHOD_FRAME
        except (OSError, asyncio.IncompleteReadError):
            return False
        finally:
            writer.close()


def _rabbitmq_script(name: str) -> str:
    own = _OWN_SCRIPTS / name
    return str(own) if own.exists() else _installed(name)


def _installed(program: str) -> str:
    found = shutil.which(program)
    if found is None:
        raise ToolMissing(f"{program} is missing: install RabbitMQ, or set AMQP_URL")
    return found
