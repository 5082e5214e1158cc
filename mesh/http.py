"""An aiohttp application as a process of the mesh."""

import asyncio

from aiohttp import web

from mesh.server import AddressTaken


class HttpServer:
    """Serves an application; body and header limits are the application's own."""

    def __init__(self, app: web.Application, listen: str, shutdown_seconds: float = 5.0) -> None:
        self._runner = web.AppRunner(
            app,
            access_log=None,
            handle_signals=False,
            handler_cancellation=True,
            shutdown_timeout=shutdown_seconds,
        )
        self._listen = listen
        self.address = ""

    async def start(self) -> str:
        """Listens and returns the address."""
        host, _, port = self._listen.rpartition(":")
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, int(port), reuse_port=False)
        try:
            await site.start()
        except OSError as error:
            await self._runner.cleanup()
            raise AddressTaken(self._listen) from error
        self.address = "{}:{}".format(*self._runner.addresses[0][:2])
        return self.address

    async def drain(self, notice_seconds: float, grace_seconds: float) -> None:
        """Waits for the notice, refuses new connections, lets requests under way end.

        The grace is the one given at construction: aiohttp fixes it there.
        """
        await asyncio.sleep(notice_seconds)
        del grace_seconds
        await self._runner.cleanup()
