"""An archive is unpacked once by ourselves, counted and looked through, before a library may see it.

What the directory says of sizes is a claim; two entries may share their bytes. So every part is inflated
with a limit, thrown away, and its true size compared with the claim.
"""

import struct
import zlib
from collections.abc import Iterator
from zipfile import ZIP_STORED, ZipInfo

from app.roster.errors import ArchiveUnsafe, FileLocked, FileUnreadable, MacrosFound, UnpackedTooLarge
from app.roster.rules.formats import MOST_UNPACKED_BYTES, open_archive

_LOCAL_BYTES = 30
_PIECE_BYTES = 256 * 1024
_DOCUMENT_TYPES = (b"<!DOCTYPE", b"<!ENTITY")
_WIDE = (b"\xff\xfe", b"\xfe\xff", b"<\0", b"\0<")
_LONGEST_WORD = 64


def check_parts(content: bytes) -> None:
    """Unpack every part with a limit and look through those that are XML.

    Raises ArchiveUnsafe for document types, entities and sizes that lie (XML 1.0 section 2.8; no producer of
    workbooks writes them), UnpackedTooLarge, FileUnreadable, MacrosFound, FileLocked.
    """
    left = MOST_UNPACKED_BYTES
    for part in open_archive(content).infolist():
        count, tail = 0, b""
        for piece in _pieces(content, part):
            if count == 0 and piece.startswith(_WIDE) and _is_xml(part.filename):
                raise ArchiveUnsafe()
            count += len(piece)
            if count > left:
                raise UnpackedTooLarge(limit_bytes=MOST_UNPACKED_BYTES)
            _look(part.filename, tail + piece)
            tail = piece[-_LONGEST_WORD:]
        if count != part.file_size:
            raise ArchiveUnsafe()
        left -= count


def _is_xml(name: str) -> bool:
    return name.lower().endswith((".xml", ".rels", ".vml", ".rdf"))


def _look(name: str, text: bytes) -> None:
    if not _is_xml(name):
        return
    if any(word in text for word in _DOCUMENT_TYPES):
        raise ArchiveUnsafe()
    if name == "[Content_Types].xml" and b"macroEnabled" in text:
        raise MacrosFound()
    if name == "META-INF/manifest.xml" and b"encryption-data" in text:
        raise FileLocked()


def _pieces(content: bytes, part: ZipInfo) -> Iterator[bytes]:
    """Yield what a part unpacks to, in pieces of at most 256 KiB, whatever its directory entry claims."""
    head = content[part.header_offset : part.header_offset + _LOCAL_BYTES]
    if len(head) < _LOCAL_BYTES or head[:4] != b"PK\x03\x04":
        raise FileUnreadable()
    name_bytes, extra_bytes = struct.unpack_from("<HH", head, 26)
    start = part.header_offset + _LOCAL_BYTES + name_bytes + extra_bytes
    packed = content[start : start + part.compress_size]
    if part.compress_type == ZIP_STORED:
        yield packed
        return
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        while packed and not inflater.eof:
            yield inflater.decompress(packed, _PIECE_BYTES)
            packed = inflater.unconsumed_tail
        if not inflater.eof:
            yield inflater.flush(_PIECE_BYTES)
    except zlib.error:
        raise FileUnreadable() from None
