"""Many streams of one gRPC call over one connection, for the price of reading them.

A thousand streams in grpc.aio cost their client as much as their server. On one machine that would measure
the client: here frames are taken as they come, and nothing is done that a reader elsewhere does at its own
cost.
"""

import asyncio
import struct
from collections.abc import Callable, Sequence
from typing import Final, cast

_PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _RST_STREAM, _SETTINGS, _PING, _GOAWAY, _WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
_ACK = _END_STREAM = 1
_END_HEADERS: Final = 4
_INITIAL_WINDOW: Final = 4
_LARGEST_WINDOW: Final = 2**31 - 1
_USUAL_WINDOW: Final = 65_535
_FRAME: Final = struct.Struct(">I")

Headers = Sequence[tuple[str, str]]


class StreamsConnection(asyncio.Protocol):
    """HTTP/2 as a gRPC server speaks it, as far as reading streams needs it; windows are without bound."""

    def __init__(self, told: Callable[[int, bytes], None], ended: Callable[[int, str], None]) -> None:
        """`told` is called with each message of a stream, by its number, `ended` with what ended it."""
        self._told = told
        self._ended = ended
        self._transport: asyncio.WriteTransport | None = None
        self._received = b""
        self._unfinished: dict[int, bytes] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greets the server."""
        # uvloop's transports can be written to without being asyncio's WriteTransport.
        writable = cast(asyncio.WriteTransport, transport)
        self._transport = writable
        writable.write(_PREFACE)
        self._send(_SETTINGS, 0, 0, struct.pack(">HI", _INITIAL_WINDOW, _LARGEST_WINDOW))
        self._send(_WINDOW_UPDATE, 0, 0, _FRAME.pack(_LARGEST_WINDOW - _USUAL_WINDOW))

    def open(self, number: int, headers: Headers, request: bytes) -> None:
        """Begins the stream of that number, counted from 0, with its only request."""
        stream = 2 * number + 1
        self._unfinished[stream] = b""
        block = b"".join(_literal(name) + _literal(value, after=True) for name, value in headers)
        self._send(_HEADERS, _END_HEADERS, stream, block)
        self._send(_DATA, _END_STREAM, stream, b"\0" + _FRAME.pack(len(request)) + request)

    def close(self) -> None:
        """Ends the connection with all its streams."""
        if self._transport is not None:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        """Takes whole frames; what is left is the beginning of the next one."""
        received = self._received + data
        at = 0
        while len(received) - at >= 9:
            (length,) = _FRAME.unpack_from(b"\0" + received[at : at + 3])
            end = at + 9 + length
            if end > len(received):
                break
            kind, flags = received[at + 3], received[at + 4]
            (stream,) = _FRAME.unpack_from(received, at + 5)
            self._take(kind, flags, stream, received[at + 9 : end])
            at = end
        self._received = received[at:]

    def connection_lost(self, _error: Exception | None) -> None:
        """Tells of each stream that it ended."""
        for stream in list(self._unfinished):
            self._end(stream, "CONNECTION_LOST")

    def _take(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if kind == _DATA:
            self._take_data(stream, payload)
        if kind in (_SETTINGS, _PING) and not flags & _ACK:
            self._send(kind, _ACK, 0, payload if kind == _PING else b"")
        if kind == _RST_STREAM or (kind in (_HEADERS, _DATA) and flags & _END_STREAM):
            self._end(stream, "ENDED_BY_SERVER")
        if kind == _GOAWAY:
            self.close()

    def _take_data(self, stream: int, payload: bytes) -> None:
        data = self._unfinished.get(stream, b"") + payload
        while len(data) >= 5:
            (length,) = _FRAME.unpack_from(data, 1)
            if len(data) < 5 + length:
                break
            self._told(stream // 2, data[5 : 5 + length])
            data = data[5 + length :]
        self._unfinished[stream] = data

    def _end(self, stream: int, how: str) -> None:
        if self._unfinished.pop(stream, None) is not None:
            self._ended(stream // 2, how)

    def _send(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        assert self._transport is not None
        header = _FRAME.pack(len(payload))[1:] + bytes((kind, flags)) + _FRAME.pack(stream)
        self._transport.write(header + payload)


def _literal(text: str, *, after: bool = False) -> bytes:
    """A name, or the value `after` it, that goes into no table and is not compressed."""
    encoded = text.encode()
    assert len(encoded) < 127, "longer ones are written differently"
    return (b"" if after else b"\0") + bytes((len(encoded),)) + encoded
