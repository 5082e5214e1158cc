"""Prometheus metrics of a process, served on an address of their own."""

from types import TracebackType

from prometheus_client import Counter, Gauge, Histogram, start_http_server

SECONDS_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

RPC_SECONDS = Histogram(
    "rpc_server_seconds", "Time to answer an RPC, by method.", ["method"], buckets=SECONDS_BUCKETS
)
RPC_ANSWERS = Counter(
    "rpc_server_answers", "RPCs answered, by method, code and reason.", ["method", "code", "reason"]
)
RPC_IN_FLIGHT = Gauge("rpc_server_in_flight", "RPCs being answered.")


class MetricsServer:
    """Serves `/metrics` from a thread until closed, so that a busy event loop can still be measured."""

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self._server, self._thread = start_http_server(int(port), addr=host)
        self.address = f"{host}:{self._server.server_port}"

    def __enter__(self) -> "MetricsServer":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=2)
