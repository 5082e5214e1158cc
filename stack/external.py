"""Engines that run elsewhere: MONGO_URL, REDIS_URL, AMQP_URL."""

import asyncio
import re
from collections.abc import Mapping
from typing import Final

from stack.errors import StackError

VARIABLES: Final = {"mongo": "MONGO_URL", "valkey": "REDIS_URL", "rabbitmq": "AMQP_URL"}
_DEFAULT_PORTS: Final = {
    "mongodb": 27017,
    "redis": 6379,
    "rediss": 6379,
    "redis+cluster": 6379,
    "rediss+cluster": 6379,
    "valkey": 6379,
    "amqp": 5672,
    "amqps": 5671,
}
_URL: Final = re.compile(r"(?P<scheme>[a-z+]+)://(?:[^@/]*@)?(?P<hosts>[^/?#]+)")
_CONNECT_SECONDS: Final = 5.0


def external_engines(environment: Mapping[str, str]) -> dict[str, str]:
    """The URL of each engine that the environment names."""
    return {name: environment[variable] for name, variable in VARIABLES.items() if environment.get(variable)}


async def check_answers(name: str, url: str) -> None:
    """Raise `StackError` when nothing listens there; which never shows the URL, for its password."""
    variable = VARIABLES[name]
    parts = _URL.match(url)
    if parts is None:
        raise StackError(f"{variable} is not a URL")
    port = _DEFAULT_PORTS.get(parts["scheme"])
    if port is None:
        return  # mongodb+srv and the like name no host
    hosts = [_host_and_port(host, port) for host in parts["hosts"].split(",")]
    answers = await asyncio.gather(*(_connects(*host) for host in hosts))
    if not any(answers):
        tried = ", ".join(f"{host}:{port}" for host, port in hosts)
        raise StackError(f"{variable}: nothing answers at {tried}")


def _host_and_port(text: str, default: int) -> tuple[str, int]:
    host, separator, port = text.rpartition(":")
    if not separator or not port.isdecimal():
        return text.strip("[]"), default
    return host.strip("[]"), int(port)


async def _connects(host: str, port: int) -> bool:
    try:
        async with asyncio.timeout(_CONNECT_SECONDS):
            _, writer = await asyncio.open_connection(host, port)
    except (OSError, OverflowError):
        return False
    writer.close()
    return True
