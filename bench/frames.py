"""HTTP/2 as far as calls of a gRPC server need it, for the price of reading what it answers.

A caller in grpc.aio costs as much as the server that it calls. On one machine that would measure the
caller: here frames are written and taken as they come, and nothing is done that a caller elsewhere does at
its own cost.
"""

import asyncio
import re
import struct
from collections.abc import Callable, Sequence
from typing import Final, cast

import grpc

_PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _RST_STREAM, _SETTINGS, _PING, _GOAWAY, _WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
_ACK = _END_STREAM = 1
_END_HEADERS: Final = 4
_TABLE_SIZE, _INITIAL_WINDOW = 1, 4
_LARGEST_WINDOW: Final = 2**31 - 1
_USUAL_WINDOW: Final = 65_535
_NUMBER: Final = struct.Struct(">I")
_STATUS: Final = re.compile(rb"\x0bgrpc-status([\x01\x02])(\d{1,2})")
"""A literal name and the value's length: the server was told to keep no table of headers."""
_NAMES: Final = {str(code.value[0]): code.name for code in grpc.StatusCode}

Told = Callable[[int, bytes], None]
Ended = Callable[[int, str], None]


class FramesConnection(asyncio.Protocol):
    """Many calls over one connection. What the server may send is without bound; what it takes is not."""

    def __init__(self, told: Told, ended: Ended) -> None:
        """`told` is called with each message of a stream, by its number; `ended` with the name of its status.

        A stream that ended without a status ends as "NO_STATUS", or "CONNECTION_LOST".
        """
        self._told = told
        self._ended = ended
        self._transport: asyncio.WriteTransport | None = None
        self._received = b""
        self._unfinished: dict[int, bytes] = {}
        self._may_send = _USUAL_WINDOW

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greets the server."""
        # uvloop's transports can be written to without being asyncio's WriteTransport.
        writable = cast(asyncio.WriteTransport, transport)
        self._transport = writable
        settings = struct.pack(">HIHI", _TABLE_SIZE, 0, _INITIAL_WINDOW, _LARGEST_WINDOW)
        window = _NUMBER.pack(_LARGEST_WINDOW - _USUAL_WINDOW)
        writable.write(_PREFACE + _frame(_SETTINGS, 0, 0, settings) + _frame(_WINDOW_UPDATE, 0, 0, window))

    def open(self, number: int, headers: bytes, request: bytes) -> None:
        """Begins the stream of that number, counted from 0, with a `header_block` and its only request.

        Raises `ConnectionError` when the connection is lost, or when the server takes no more for now.
        """
        if self._transport is None or self._transport.is_closing():
            raise ConnectionError("the connection is lost")
        message = b"\0" + _NUMBER.pack(len(request)) + request
        if len(message) > min(self._may_send, _USUAL_WINDOW):  # the connection's, and the stream's own
            raise ConnectionError("the server takes no more at once")
        self._may_send -= len(message)
        stream = 2 * number + 1
        self._unfinished[stream] = b""
        self._transport.write(
            _frame(_HEADERS, _END_HEADERS, stream, headers) + _frame(_DATA, _END_STREAM, stream, message)
        )

    def close(self) -> None:
        """Ends the connection with all its streams."""
        if self._transport is not None:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        """Takes whole frames; what is left is the beginning of the next one."""
        received = self._received + data if self._received else data
        at, size = 0, len(received)
        while size - at >= 9:
            end = at + 9 + (_NUMBER.unpack_from(received, at)[0] >> 8)
            if end > size:
                break
            (stream,) = _NUMBER.unpack_from(received, at + 5)
            self._take(received[at + 3], received[at + 4], stream, received[at + 9 : end])
            at = end
        self._received = received[at:]

    def connection_lost(self, _error: Exception | None) -> None:
        """Tells of each stream that it ended."""
        for stream in list(self._unfinished):
            self._end(stream, "CONNECTION_LOST")

    def _take(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if kind == _DATA:
            self._take_data(stream, payload)
        elif kind == _HEADERS:
            if flags & _END_STREAM:
                self._end(stream, _status(payload))
            return
        elif kind in (_SETTINGS, _PING):
            if not flags & _ACK:
                self._send(kind, _ACK, payload if kind == _PING else b"")
            return
        elif kind == _WINDOW_UPDATE:
            self._may_send += 0 if stream else _NUMBER.unpack(payload)[0]
        elif kind == _GOAWAY:
            self.close()
        if kind == _RST_STREAM or (kind == _DATA and flags & _END_STREAM):
            self._end(stream, "NO_STATUS")

    def _take_data(self, stream: int, payload: bytes) -> None:
        data = self._unfinished.get(stream, b"") + payload
        while len(data) >= 5:
            (length,) = _NUMBER.unpack_from(data, 1)
            if len(data) < 5 + length:
                break
            self._told(stream // 2, data[5 : 5 + length])
            data = data[5 + length :]
        self._unfinished[stream] = data

    def _end(self, stream: int, how: str) -> None:
        if self._unfinished.pop(stream, None) is not None:
            self._ended(stream // 2, how)

    def _send(self, kind: int, flags: int, payload: bytes) -> None:
        assert self._transport is not None
        self._transport.write(_frame(kind, flags, 0, payload))


async def connect(target: str, told: Told, ended: Ended) -> FramesConnection:
    """A connection to HOST:PORT; raises `OSError`."""
    host, _, port = target.rpartition(":")
    _, connection = await asyncio.get_running_loop().create_connection(
        lambda: FramesConnection(told, ended), host, int(port)
    )
    return connection


def header_block(path: str, target: str, token: str, deadline_seconds: int) -> bytes:
    """The headers of a call, in which nothing is compressed or remembered."""
    headers: Sequence[tuple[str, str]] = (
        (":method", "POST"),
        (":scheme", "http"),
        (":path", path),
        (":authority", target),
        ("te", "trailers"),
        ("content-type", "application/grpc"),
        ("grpc-timeout", f"{deadline_seconds}S"),
        ("authorization", f"Bearer {token}"),
    )
    return b"".join(b"\0" + _text(name) + _text(value) for name, value in headers)


def _text(text: str) -> bytes:
    encoded = text.encode()
    assert len(encoded) < 127, "longer ones are written differently"
    return bytes((len(encoded),)) + encoded


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return _NUMBER.pack(len(payload))[1:] + bytes((kind, flags)) + _NUMBER.pack(stream) + payload


def _status(block: bytes) -> str:
    found = _STATUS.search(block)
    if found is None or len(found[2]) < found[1][0]:
        return "NO_STATUS"
    return _NAMES.get(found[2][: found[1][0]].decode(), "NO_STATUS")
