"""QR pictures of a text (ISO/IEC 18004), error level M, with the quiet zone of 4 modules it demands.

The same text always gives the same bytes, so a picture can carry an ETag.
"""

from io import BytesIO

import qrcode
from PIL import Image

QUIET_ZONE_MODULES = 4
SVG_PIXELS_PER_MODULE = 8
LARGEST_SCALE = 40


def qr_svg(text: str) -> bytes:
    """Return an SVG document: black on white, one path, 8 pixels a module unless the page scales it."""
    matrix = _matrix(text)
    size = len(matrix)
    pixels = size * SVG_PIXELS_PER_MODULE
    path = "".join(_row_path(row, y) for y, row in enumerate(matrix))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{pixels}" height="{pixels}" '
        f'viewBox="0 0 {size} {size}" shape-rendering="crispEdges">'
        f'<rect width="{size}" height="{size}" fill="#fff"/><path fill="#000" d="{path}"/></svg>'
    ).encode("ascii")


def qr_png(text: str, *, scale: int = 8) -> bytes:
    """Return a PNG of one bit a pixel, `scale` pixels a module. ValueError if `scale` is not 1 to 40."""
    if not 1 <= scale <= LARGEST_SCALE:
        raise ValueError(f"scale is 1 to {LARGEST_SCALE} pixels a module")
    matrix = _matrix(text)
    size = len(matrix)
    # One pixel a module, enlarged once: five times as fast as the library's own image classes.
    grey = bytes(0 if dark else 255 for row in matrix for dark in row)
    picture = Image.frombytes("L", (size, size), grey).convert("1", dither=Image.Dither.NONE)
    file = BytesIO()
    picture.resize((size * scale, size * scale), Image.Resampling.NEAREST).save(file, "PNG")
    return file.getvalue()


def _matrix(text: str) -> list[list[bool]]:
    code = qrcode.QRCode(error_correction=qrcode.ERROR_CORRECT_M, border=QUIET_ZONE_MODULES)
    code.add_data(text, optimize=0)  # one segment: splitting an alphanumeric text can only make it longer
    code.make(fit=True)
    return [[bool(dark) for dark in row] for row in code.get_matrix()]


def _row_path(row: list[bool], y: int) -> str:
    """Draw each dark run as one rectangle: far faster and smaller than the library's own SVG classes."""
    parts: list[str] = []
    x = 0
    while x < len(row):
        start = x
        while x < len(row) and row[x]:
            x += 1
        if x > start:
            parts.append(f"M{start} {y}h{x - start}v1H{start}z")
        x += 1
    return "".join(parts)
