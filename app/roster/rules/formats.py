"""What kind of file it is, told by its first bytes; and what of an archive is refused before it is unpacked.

Limits (OWASP ASVS 5.0 5.2.1 to 5.2.3): a roster of 50,000 rows and eight columns is 2.2 MB packed, 20 MB
unpacked, ratio 10. Workbooks of one sheet have 9 to 12 parts, with several sheets, comments and printer
settings about 40, spreadsheets in OpenDocument format up to 30.
"""

import io
import struct
import zipfile
from enum import StrEnum

from app.roster.errors import (
    ArchiveUnsafe,
    FileEmpty,
    FileLocked,
    FileUnreadable,
    FormatUnknown,
    LinksFound,
    MacrosFound,
    UnpackedTooLarge,
)

MOST_FILE_BYTES = 5 * 1024 * 1024
MOST_UNPACKED_BYTES = 50 * 1024 * 1024
MOST_PARTS = 100
MOST_RATIO = 100
# Small parts of nothing but spaces pack better than any limit; up to here they hurt nobody.
_HARMLESS_BYTES = 1024 * 1024
_MOST_DIRECTORY_BYTES = 64 * 1024
_END, _END_BYTES, _LONGEST_COMMENT = b"PK\x05\x06", 22, 65_535
_OLE = bytes.fromhex("d0cf11e0a1b11ae1")
_ENCRYPTED, _PROGRAMS = 0x1, ("vbaproject", "macrosheets/", "basic/", "scripts/", "dialogsheets/")
_LINKS = ("xl/externallinks/", "xl/connections.xml", "xl/querytables/", "xl/embeddings/", "xl/activex/")


class Format(StrEnum):
    """The kinds of tables that are read."""

    XLSX = "xlsx"
    XLS = "xls"
    ODS = "ods"
    TEXT = "text"


_ENDINGS = {"xlsx": Format.XLSX, "xls": Format.XLS, "ods": Format.ODS} | dict.fromkeys(
    ("csv", "tsv", "txt"), Format.TEXT
)


def check_file(content: bytes, filename: str) -> Format:
    """Return what kind of table the file is; nothing of it is unpacked.

    Raises FileEmpty, FormatUnknown, FileLocked, MacrosFound, LinksFound, ArchiveUnsafe, UnpackedTooLarge,
    FileUnreadable.
    """
    if not content.strip():
        raise FileEmpty()
    ending = filename.rpartition(".")[2].lower()
    if ending in {"xlsm", "xltm", "xlam", "xlsb"}:
        raise MacrosFound()
    if content.startswith(b"PK"):
        found = _check_archive(content)
    elif content.startswith(_OLE):
        found = _check_compound(content)
    else:
        found = Format.TEXT
        is_wide = content[:2] in {b"\xff\xfe", b"\xfe\xff"}
        if not is_wide and (b"\0" in content[:4096] or content.lstrip()[:5] in {b"%PDF-", b"{\\rtf"}):
            raise FormatUnknown()
    if _ENDINGS.get(ending) is not found:
        raise FormatUnknown()
    return found


def _check_compound(content: bytes) -> Format:
    """An old workbook; names of its parts are in UTF-16 (MS-CFB 2.6.1)."""
    if "EncryptedPackage".encode("utf-16-le") in content:
        raise FileLocked()
    if "_VBA_PROJECT".encode("utf-16-le") in content:
        raise MacrosFound()
    if not any(name.encode("utf-16-le") in content for name in ("Workbook", "Book")):
        raise FormatUnknown()
    return Format.XLS


def open_archive(content: bytes) -> zipfile.ZipFile:
    """Return the archive if its directory is small enough; raises ArchiveUnsafe, FileUnreadable."""
    start = content.rfind(_END, max(0, len(content) - _END_BYTES - _LONGEST_COMMENT))
    if start < 0 or len(content) < start + _END_BYTES:
        raise FileUnreadable()
    parts, directory_bytes = struct.unpack_from("<HL", content, start + 10)
    if parts > MOST_PARTS or directory_bytes > _MOST_DIRECTORY_BYTES:
        raise ArchiveUnsafe()
    try:
        return zipfile.ZipFile(io.BytesIO(content))
    except (zipfile.BadZipFile, ValueError, NotImplementedError, struct.error, UnicodeError):
        raise FileUnreadable() from None


def _check_archive(content: bytes) -> Format:
    parts = open_archive(content).infolist()
    if len(parts) > MOST_PARTS or len({part.filename.lower() for part in parts}) != len(parts):
        raise ArchiveUnsafe()
    for part in parts:
        _check_part(part)
    unpacked = sum(part.file_size for part in parts)
    if unpacked > MOST_UNPACKED_BYTES:
        raise UnpackedTooLarge(limit_bytes=MOST_UNPACKED_BYTES)
    if unpacked > max(_HARMLESS_BYTES, MOST_RATIO * len(content)):
        raise ArchiveUnsafe()
    names = {part.filename for part in parts}
    if "xl/workbook.xml" in names:
        return Format.XLSX
    if {"content.xml", "mimetype"} <= names:
        return Format.ODS
    raise FormatUnknown()


def _check_part(part: zipfile.ZipInfo) -> None:
    name = part.filename.lower()
    steps = part.orig_filename.replace("\\", "/").split("/")
    if part.flag_bits & _ENCRYPTED:
        raise FileLocked()
    if ".." in steps or steps[0] == "" or ":" in name or "\0" in part.orig_filename:
        raise ArchiveUnsafe()
    if part.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise ArchiveUnsafe()
    if any(word in name for word in _PROGRAMS[:2]) or name.startswith(_PROGRAMS[2:]):
        raise MacrosFound()
    if name.startswith(_LINKS):
        raise LinksFound()
