"""QR pictures, read back by an independent decoder."""

import re
import xml.etree.ElementTree as ET
from io import BytesIO

import pytest
import zxingcpp
from PIL import Image

from app.platform.qr import qr_png, qr_svg
from app.redemptions.rules.record import sign_record
from tests.factories.vectors import a_record, private_key_of_tests

CODE = sign_record(a_record(), private_key_of_tests(1))
MODULES = 41 + 2 * 4  # version 6 and its quiet zone


def read_barcode(picture: Image.Image) -> zxingcpp.Barcode:
    (barcode,) = zxingcpp.read_barcodes(picture.convert("L"))
    return barcode


def draw_svg(svg: bytes, *, scale: int) -> Image.Image:
    """Draw our one path; anything but `M x y h n v1 H x z` fails."""
    root = ET.fromstring(svg)
    (path,) = root.findall("{http://www.w3.org/2000/svg}path")
    size = int(root.attrib["viewBox"].split()[2])
    picture = Image.new("L", (size, size), 255)
    drawing = path.attrib["d"]
    runs = re.findall(r"M(\d+) (\d+)h(\d+)v1H(\d+)z", drawing)
    assert "".join("M{} {}h{}v1H{}z".format(*run) for run in runs) == drawing
    for x, y, length, back in runs:
        assert x == back
        for offset in range(int(length)):
            picture.putpixel((int(x) + offset, int(y)), 0)
    return picture.resize((size * scale, size * scale), Image.Resampling.NEAREST)


def modules_of(picture: Image.Image, scale: int) -> list[list[bool]]:
    grey = picture.convert("L")
    centres = [place * scale + scale // 2 for place in range(grey.width // scale)]
    return [[grey.getpixel((x, y)) == 0 for x in centres] for y in centres]


@pytest.mark.parametrize("scale", [2, 3, 8, 20])
def test_the_png_says_the_text(scale: int) -> None:
    picture = Image.open(BytesIO(qr_png(CODE, scale=scale)))
    assert picture.format == "PNG"
    assert picture.mode == "1"
    assert picture.size == (MODULES * scale, MODULES * scale)
    barcode = read_barcode(picture)
    assert barcode.text == CODE
    assert barcode.ec_level == "M"


def test_the_code_is_stored_in_alphanumeric_mode() -> None:
    """As bytes it would need 8 bits a character, and version 8."""
    assert len(CODE) == 127
    upper = Image.open(BytesIO(qr_png(CODE, scale=1)))
    lower = Image.open(BytesIO(qr_png(CODE.lower(), scale=1)))
    assert upper.width == 41 + 8
    assert lower.width == 49 + 8


def test_the_quiet_zone_is_four_light_modules_wide() -> None:
    modules = modules_of(Image.open(BytesIO(qr_png(CODE))), 8)
    assert len(modules) == MODULES
    assert not any(any(row) for row in modules[:4] + modules[-4:])
    assert not any(any(row[:4] + row[-4:]) for row in modules)
    assert modules[4][4:11] == [True] * 7  # the finder pattern begins right there


def test_the_svg_says_the_text_and_draws_the_same_modules() -> None:
    drawn = draw_svg(qr_svg(CODE), scale=8)
    assert read_barcode(drawn).text == CODE
    assert modules_of(drawn, 8) == modules_of(Image.open(BytesIO(qr_png(CODE))), 8)


def test_the_svg_is_sized_black_on_white_and_small() -> None:
    svg = qr_svg(CODE)
    root = ET.fromstring(svg)
    assert root.attrib == {
        "width": "392",
        "height": "392",
        "viewBox": "0 0 49 49",
        "shape-rendering": "crispEdges",
    }
    background, path = list(root)
    assert background.attrib == {"width": "49", "height": "49", "fill": "#fff"}
    assert path.attrib["fill"] == "#000"
    assert len(svg) < 8_000


def test_the_same_text_gives_the_same_bytes() -> None:
    assert qr_svg(CODE) == qr_svg(CODE)
    assert qr_png(CODE) == qr_png(CODE)
    other = sign_record(a_record(generation=2), private_key_of_tests(1))
    assert qr_svg(other) != qr_svg(CODE)
    assert qr_png(other) != qr_png(CODE)


@pytest.mark.parametrize("text", ["0", "HTTPS://EXAMPLE.COM/A?B", "\u793a\u4f8b box", "A" * 1000])
def test_other_texts_are_drawn_too(text: str) -> None:
    assert read_barcode(Image.open(BytesIO(qr_png(text)))).text == text
    assert read_barcode(draw_svg(qr_svg(text), scale=6)).text == text


@pytest.mark.parametrize("scale", [0, -1, 41])
def test_an_absurd_scale_is_refused(scale: int) -> None:
    with pytest.raises(ValueError, match="scale"):
        qr_png(CODE, scale=scale)
