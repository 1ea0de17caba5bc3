"""What the roster feature can refuse."""

from app.platform.errors import DomainError


class ImportNotFound(DomainError, code="roster.import_not_found", status=404):
    """No such import."""


class MediaTypeRefused(DomainError, code="roster.media_type", status=415):
    """The upload is not declared as a table."""


class FileEmpty(DomainError, code="roster.file_empty", status=422):
    """There is nothing in the file."""


class FormatUnknown(DomainError, code="roster.file_format", status=422):
    """The content is no table, or not the one that the name of the file says."""


class FileLocked(DomainError, code="roster.file_locked", status=422):
    """The workbook is encrypted."""


class MacrosFound(DomainError, code="roster.file_macros", status=422):
    """The workbook carries programs."""


class LinksFound(DomainError, code="roster.file_links", status=422):
    """The workbook takes values from other places, or carries other files."""


class ArchiveUnsafe(DomainError, code="roster.file_unsafe", status=422):
    """The archive is built to hurt: sizes that lie, names that climb, too many parts, document types."""


class UnpackedTooLarge(DomainError, code="roster.file_unpacks_too_large", status=422, shown=("limit_bytes",)):
    """What the archive holds is larger than any roster."""


class FileUnreadable(DomainError, code="roster.file_unreadable", status=422):
    """The file is damaged."""


class EncodingUnknown(DomainError, code="roster.file_encoding", status=422):
    """The text is neither UTF-8 nor GB18030."""


class HeaderMissing(DomainError, code="roster.header_missing", status=422):
    """No row has the headings of a roster."""


class SeveralSheets(DomainError, code="roster.several_sheets", status=422):
    """People stand in more than one sheet of the workbook."""


class TooManyRows(DomainError, code="roster.too_many_rows", status=422, shown=("limit",)):
    """The file has more rows than one import takes."""


class TooManyColumns(DomainError, code="roster.too_many_columns", status=422, shown=("limit",)):
    """The file has more columns than a roster."""


class ReadingTooCostly(DomainError, code="roster.reading_too_costly", status=422):
    """Reading the file took more memory or time than a roster needs."""


class ImportGivenUp(DomainError, code="roster.given_up", status=422):
    """The import failed again and again for a reason of ours."""


class NotCompared(DomainError, code="roster.not_compared", status=409):
    """There is no comparison to commit: the file is being read, or the import has ended."""


class ComparisonStale(DomainError, code="roster.comparison_stale", status=409):
    """The comparison that was looked at is not the newest."""


class RosterChanged(DomainError, code="roster.roster_changed", status=409):
    """The roster changed since the comparison; a new one is being made."""


class AlreadyCommitted(DomainError, code="roster.already_committed", status=409):
    """The import was committed before."""


class RemovalsUnconfirmed(
    DomainError, code="roster.removals_unconfirmed", status=409, shown=("removed", "members")
):
    """The import would remove many members; their exact number must be confirmed."""


class ImportEnded(DomainError, code="roster.import_ended", status=409):
    """The import has ended, or its rows were deleted in time."""


class UnitNotYours(DomainError, code="roster.unit_not_yours", status=404):
    """No such unit among those that the caller looks after."""
