"""The process that writes a paper in both formats: it holds no secret, and dies of its limits, not of harm.

Started by `app.documents.actions.press`. It takes one JSON text on stdin; on stdout it says line by line how
many rows are written, then how long the two files are, and then the files.
"""

import json
import resource
import sys
from pathlib import Path
from typing import Any

import typst

from app.documents.rules.glyphs import read_glyphs
from app.documents.rules.issuing import FileFormat
from app.documents.rules.layout import Layout
from app.documents.rules.printing import Imprint
from app.documents.rules.workbook import write_workbook
from app.platform.qr import qr_svg

MEMORY_BYTES = 3 * 1024**3
CPU_SECONDS = 240
TEMPLATE = Path(__file__).resolve().parents[1] / "templates" / "paper.typ"


def main() -> None:
    """Write one paper; the process ends with it."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    asked = json.load(sys.stdin.buffer)
    content, imprint, font = asked["content"], Imprint(**asked["imprint"]), Path(asked["font"])
    workbook = write_workbook(content, imprint, progress=_say_done)
    pdf = write_pdf(content, imprint, font=font)
    files = {FileFormat.XLSX.value: workbook, FileFormat.PDF.value: pdf}
    _say({"files": {name: len(file) for name, file in files.items()}})
    for file in files.values():
        sys.stdout.buffer.write(file)
    sys.stdout.buffer.flush()


def write_pdf(content: dict[str, Any], imprint: Imprint, *, font: Path) -> bytes:
    """Return a paper as PDF/A-2u, whose texts can be extracted; the same paper gives the same bytes.

    The template sees its own folder and no other file, no font of the machine, and all texts as data.
    """
    layout = Layout(content, read_glyphs(font.read_bytes()))
    qr = None if imprint.is_draft else qr_svg(imprint.query_url).decode()
    sheet = json.dumps(layout.sheet(imprint, qr=qr), ensure_ascii=False)
    compiler = typst.Compiler(
        TEMPLATE,
        root=TEMPLATE.parent,
        font_paths=[font.parent],
        ignore_system_fonts=True,
        sys_inputs={"paper": sheet},
    )
    pdf = compiler.compile(format="pdf", pdf_standards=["a-2u"], pdf_tags=False, timestamp=0)
    if not isinstance(pdf, bytes):
        raise TypeError("one paper is one file")
    return pdf


def _say_done(rows: int) -> None:
    _say({"rows": rows})


def _say(what: dict[str, Any]) -> None:
    sys.stdout.buffer.write(json.dumps(what).encode() + b"\n")
    sys.stdout.buffer.flush()
