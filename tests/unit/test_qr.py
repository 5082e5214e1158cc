"""QR codes are what a library makes of the same content, and what a scanner reads."""

import io
from collections.abc import Iterator

import pytest
import segno
import segno.encoder
import zxingcpp
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from mesh.qr import MASK, matrix, png, svg

TICKET = "REX-2026-000017"


@pytest.fixture(autouse=True, scope="module")
def library_by_the_standard() -> Iterator[None]:
    """Content that ends on a byte gets one byte more from the library than by 7.4.10; readers ignore it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            segno.encoder,
            "write_padding_bits",
            lambda bits, _version, length: bits.extend([0] * (-length % 8)),
        )
        yield


def library(content: str) -> list[str]:
    code = segno.make(content, error="m", mode="byte", micro=False, mask=MASK, boost_error=False)
    return ["".join(map(str, row)) for row in code.matrix]


def scanned(picture: Image.Image) -> str:
    [code] = zxingcpp.read_barcodes(picture)
    return str(code.text)


@pytest.mark.parametrize("length", range(1, 107))
def test_every_length_is_module_for_module_what_the_library_makes(length: int) -> None:
    content = "".join(chr(33 + (n * 7 + length) % 94) for n in range(length))
    assert list(matrix(content)) == library(content)
    with Image.open(io.BytesIO(png(content))) as picture:
        assert scanned(picture) == content


@given(st.text(st.characters(min_codepoint=0, max_codepoint=127), max_size=106))
def test_any_ascii_is_what_the_library_makes(content: str) -> None:
    assert list(matrix(content)) == library(content)


@pytest.mark.parametrize("content", [TICKET, "x", "0" * 14, "aB3_-" * 20, "y" * 107, "z" * 500, "Kárty€ 票"])
def test_the_png_is_read_by_a_scanner_also_when_it_is_shrunk_and_stretched(content: str) -> None:
    with Image.open(io.BytesIO(png(content))) as picture:
        assert picture.mode == "1"
        assert picture.width == picture.height == (len(matrix(content)) + 8) * 6
        grey = picture.convert("L")
    assert scanned(grey) == content
    for side in (grey.width * 3 // 4, grey.width * 5 // 3):
        assert scanned(grey.resize((side, side), Image.Resampling.BILINEAR)) == content


@pytest.mark.parametrize("content", [TICKET, "aB3_-" * 20, "z" * 500])
def test_the_svgs_path_has_every_dark_module_and_no_other(content: str) -> None:
    rows = matrix(content)
    drawn = svg(content, "#000", 'aria-hidden="true"')
    side = len(rows) + 4
    assert drawn.startswith(f'<svg aria-hidden="true" viewBox="0 0 {side} {side}"><path stroke="#000" d="M')
    assert content not in drawn
    assert painted(drawn) == {
        (y + 2, x + 2) for y, row in enumerate(rows) for x, one in enumerate(row) if one == "1"
    }


def painted(drawn: str) -> set[tuple[int, int]]:
    """Follows the path: M to a line, h draws, m skips."""
    path = drawn.partition(' d="')[2].partition('"')[0]
    found: set[tuple[int, int]] = set()
    for line in path[1:].split("M"):
        place, *steps = line.replace("h", "|h").replace("m", "|m").split("|")
        x, y = (int(float(each)) for each in place.split(" "))
        for step in steps:
            count = int(step[1:].split(" ")[0])
            if step[0] == "h":
                found |= {(y, x + n) for n in range(count)}
            x += count
    return found
