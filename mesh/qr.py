"""QR codes (ISO/IEC 18004) of tickets: one matrix, drawn as PNG for mails and as SVG for pages.

Made here because a library that knows every kind of code takes thirty times as long for one of ours, and a
booking has several on its page and in its mail. ASCII, level M (15 % may be unreadable) and up to 106
characters; anything else is left to the library, and the two are compared in the tests.
"""

import re
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain
from operator import itemgetter
from typing import Final

import segno

MASK: Final = 0
"""The checkerboard. Looking for the mask that suits a content best takes four fifths of the time of drawing,
and readers take any: which one it is stands in the code (7.8)."""

Rows = Sequence[str]
"""Rows of modules from the top, "1" for a dark one."""

_FORMAT: Final = 0b101010000010010
"""Level M and mask 0 as they stand in every code (7.9)."""
_LIGHT, _DARK = -2, -1
_PNG_SCALE, _PNG_BORDER = 6, 4
_SVG_BORDER = 2
_RUNS: Final = re.compile("1+|0+")


@dataclass(frozen=True, slots=True)
class _Kind:
    """A version at level M: how many data and check bytes each of its blocks has (table 9)."""

    version: int
    blocks: int
    data: int
    checks: int

    @property
    def longest(self) -> int:
        """How many bytes of content fit."""
        return self.blocks * self.data - 2

    @property
    def size(self) -> int:
        """Modules on a side."""
        return 17 + 4 * self.version


_KINDS: Final = (
    _Kind(1, 1, 16, 10),
    _Kind(2, 1, 28, 16),
    _Kind(3, 1, 44, 26),
    _Kind(4, 2, 32, 18),
    _Kind(5, 2, 43, 24),
    _Kind(6, 4, 27, 16),
)


def matrix(content: str) -> Rows:
    """The code without the quiet border."""
    kind = next((kind for kind in _KINDS if len(content) <= kind.longest), None)
    if kind is None or not content.isascii():
        code = segno.make(content, error="m", micro=False, mask=MASK, boost_error=False)
        return ["".join(map(str, row)) for row in code.matrix]
    pick, mask, count = _plan(kind)
    # What is left over after the last byte is light before it is masked.
    bits = int.from_bytes(_codewords(content.encode(), kind)) << (count % 8)
    # The last two characters are those of modules that are the same in every code.
    modules = "".join(pick(f"{bits ^ mask:0{count}b}01"))
    return [modules[at : at + kind.size] for at in range(0, len(modules), kind.size)]


def png(content: str) -> bytes:
    """A black and white picture with a border, six pixels for a module."""
    rows = matrix(content)
    side = (len(rows) + 2 * _PNG_BORDER) * _PNG_SCALE
    width = (side + 7) // 8
    white = {ord("0"): "1" * _PNG_SCALE, ord("1"): "0" * _PNG_SCALE}
    margin, rest = "1" * _PNG_BORDER * _PNG_SCALE, "1" * (width * 8 - side)
    same = b"\x02" + bytes(width)  # as the line above
    border = b"\0" + b"\xff" * width + same * (_PNG_BORDER * _PNG_SCALE - 1)
    lines = [
        b"\0"
        + int(margin + row.translate(white) + margin + rest, 2).to_bytes(width)
        + same * (_PNG_SCALE - 1)
        for row in rows
    ]
    pixels = zlib.compress(b"".join([border, *lines, border]), 6)
    head = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", pixels) + _chunk(b"IEND", b"")


def svg(content: str, ink: str, attributes: str = "") -> str:
    """One path with a border, as large as its place: squares, and none of the content's characters."""
    rows = matrix(content)
    side = len(rows) + 2 * _SVG_BORDER
    path = "".join(_line(y, row) for y, row in enumerate(rows, _SVG_BORDER))
    return f'<svg {attributes} viewBox="0 0 {side} {side}"><path stroke="{ink}" d="{path}"/></svg>'


def _line(y: int, row: str) -> str:
    runs = _RUNS.findall(row.rstrip("0"))
    return f"M{_SVG_BORDER} {y}.5" + "".join([_STROKES[run] for run in runs])


_STROKES: Final = {"1" * n: f"h{n}" for n in range(1, 178)} | {"0" * n: f"m{n} 0" for n in range(1, 178)}


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def _codewords(content: bytes, kind: _Kind) -> bytes:
    """Data and check bytes in the order in which they are drawn (7.4 to 7.6)."""
    length = len(content)
    head = 0b0100 << 8 * length + 12 | length << 8 * length + 4 | int.from_bytes(content) << 4
    room = kind.blocks * kind.data
    data = head.to_bytes(length + 2) + (b"\xec\x11" * room)[: room - length - 2]
    blocks = [data[at : at + kind.data] for at in range(0, room, kind.data)]
    checks = [_checks(block, kind.checks) for block in blocks]
    return bytes(chain.from_iterable(chain(zip(*blocks, strict=True), zip(*checks, strict=True))))


def _checks(block: bytes, count: int) -> bytes:
    """The remainder of the block divided by the generator (7.5.2)."""
    multiples = _multiples(count)
    top, kept = 8 * (count - 1), (1 << 8 * (count - 1)) - 1
    remainder = 0
    for byte in block:
        remainder = (remainder & kept) << 8 ^ multiples[remainder >> top ^ byte]
    return remainder.to_bytes(count)


@cache
def _multiples(count: int) -> Sequence[int]:
    """For each byte, the generator polynomial of that many check bytes times it, without the leading term."""
    powers, logs = [1], [0] * 256
    for _ in range(254):
        double = powers[-1] << 1
        powers.append(double ^ 0x11D if double > 255 else double)
    for exponent, power in enumerate(powers):
        logs[power] = exponent

    def times(one: int, other: int) -> int:
        return powers[(logs[one] + logs[other]) % 255] if one and other else 0

    generator = [1]
    for root in powers[:count]:
        shifted = [0, *(times(factor, root) for factor in generator)]
        generator = [factor ^ more for factor, more in zip([*generator, 0], shifted, strict=True)]
    return [int.from_bytes(bytes(times(factor, byte) for factor in generator[1:])) for byte in range(256)]


@cache
def _plan(kind: _Kind) -> tuple[Callable[[str], Iterable[str]], int, int]:
    """Which bit each module shows, row by row; the mask in the order of the bits; how many bits there are."""
    size = kind.size
    shown = {(y, x): _DARK if dark else _LIGHT for y, x, dark in _fixed(kind)}
    free = [place for place in _path(size) if place not in shown]
    shown |= {place: bit for bit, place in enumerate(free)}
    mask = int("".join("1" if (y + x) % 2 == 0 else "0" for y, x in free), 2)
    order = [shown[y, x] for y in range(size) for x in range(size)]
    return itemgetter(*order), mask, len(free)


def _fixed(kind: _Kind) -> Iterator[tuple[int, int, bool]]:
    """The modules that are the same in every code of the kind (6.3, 7.9)."""
    size = kind.size
    for along in range(8, size - 8):
        yield 6, along, along % 2 == 0
        yield along, 6, along % 2 == 0
    for top, left in ((0, 0), (0, size - 7), (size - 7, 0)):
        for y in range(-1, 8):
            for x in range(-1, 8):
                if 0 <= top + y < size and 0 <= left + x < size:
                    ring = max(abs(y - 3), abs(x - 3))
                    yield top + y, left + x, ring in (0, 1, 3)
    if kind.version > 1:
        for y in range(-2, 3):
            for x in range(-2, 3):
                yield size - 7 + y, size - 7 + x, max(abs(y), abs(x)) != 1
    for bit in range(15):
        dark = bool(_FORMAT >> bit & 1)
        yield bit if bit < 6 else bit + 1 if bit < 8 else size - 15 + bit, 8, dark
        yield 8, size - 1 - bit if bit < 8 else 15 - bit if bit == 8 else 14 - bit, dark
    yield size - 8, 8, True


def _path(size: int) -> Iterator[tuple[int, int]]:
    """From the lower right, two columns at a time, up and down, past the timing pattern (7.7.3)."""
    upwards = True
    for right in chain(range(size - 1, 6, -2), range(5, 0, -2)):
        for y in range(size - 1, -1, -1) if upwards else range(size):
            yield y, right
            yield y, right - 1
        upwards = not upwards
