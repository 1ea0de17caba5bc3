"""Bodies of papers and of what is verified."""

from datetime import date
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field, model_validator

from app.documents.rules.issuing import DocumentReason, DocumentStatus, FileFormat
from app.documents.rules.paper import DocumentKind, Edition
from app.documents.tables import Document, DocumentFile
from app.platform.clock import GivenDay, Instant
from app.platform.i18n import Language, text
from app.platform.paging import PageRequest

NUMBER = r"^[A-Z]{2,3}-[0-9]{4}-[0-9]{4,6}(-B[0-9]{1,4})?$"
SHA256 = r"^[0-9a-f]{64}$"


class DocumentRequest(BaseModel):
    """Which paper; `subject_id` is the receipt, dispatch or stocktake that it is about; days are included."""

    model_config = ConfigDict(extra="forbid")

    kind: DocumentKind
    edition: Edition
    campaign_id: UUID | None = None
    pickup_point_id: UUID | None = None
    unit_id: UUID | None = None
    subject_id: UUID | None = None
    from_on: GivenDay | None = None
    until_on: GivenDay | None = None
    reason: DocumentReason
    is_final: Annotated[
        bool, Field(strict=True, description="with a number, for good; a draft otherwise")
    ] = False

    @model_validator(mode="after")
    def _forwards(self) -> Self:
        if self.from_on is not None and self.until_on is not None and self.until_on < self.from_on:
            raise ValueError("until_on is before from_on")
        return self


class SupplementRequest(BaseModel):
    """Why a supplement is made."""

    model_config = ConfigDict(extra="forbid")

    reason: DocumentReason


class DocumentsRequest(PageRequest):
    """Which documents are asked for."""

    kind: DocumentKind | None = None
    campaign_id: UUID | None = None
    status: DocumentStatus | None = None
    is_final: bool | None = None

    @property
    def filters(self) -> dict[str, Any]:
        """What was asked for, by column."""
        return self.model_dump(exclude={"limit", "cursor"}, exclude_none=True)


class TakeRequest(BaseModel):
    """What a file is needed for."""

    model_config = ConfigDict(extra="forbid")

    reason: Annotated[
        DocumentReason | None,
        Query(description="needed for a full edition by those who cannot make documents; it is recorded"),
    ] = None


class FileView(BaseModel):
    """A file of a document."""

    format: FileFormat
    byte_count: int
    sha256: str


class FailureView(BaseModel):
    """Why a document could not be made."""

    code: str
    title: str
    detail: str


class DocumentView(BaseModel):
    """A document and how far it is: `done_count` of `total_count` rows are written."""

    id: UUID
    kind: DocumentKind
    edition: Edition
    number: str | None
    is_final: bool
    supplement_to: UUID | None
    title: str | None
    campaign_id: UUID | None
    pickup_point_id: UUID | None
    unit_id: UUID | None
    subject_id: UUID | None
    from_on: date | None
    until_on: date | None
    reason: DocumentReason
    requested_by: UUID | None
    requested_at: Instant
    status: DocumentStatus
    done_count: int
    total_count: int
    failure: FailureView | None
    content_hash: str | None
    row_count: int | None
    amount_fen: int | None
    ready_at: Instant | None
    forgotten_at: Instant | None
    files: list[FileView]


class DocumentTicket(BaseModel):
    """A document that was asked for."""

    id: UUID
    number: str | None
    status: DocumentStatus


class SupplementView(BaseModel):
    """A supplement to a document."""

    number: str
    issued_at: Instant


class VerifyRequest(BaseModel):
    """What a paper says of itself, or the SHA-256 of a file; with less, the answer is `unknown`."""

    model_config = ConfigDict(extra="forbid")

    number: Annotated[str | None, Query(max_length=30, description="the document's number")] = None
    hash: Annotated[str | None, Query(max_length=100, description="SHA-256 of the content, 64 digits")] = None
    file_sha256: Annotated[str | None, Query(max_length=100, description="SHA-256 of a file")] = None


class VerifiedView(BaseModel):
    """Whether a paper was issued here as it is; nothing about people.

    `superseded`: it is genuine, and its supplements are to be read with it. Whatever does not fit, the answer
    is `unknown`.
    """

    status: Literal["genuine", "superseded", "unknown"]
    number: str | None = None
    kind: DocumentKind | None = None
    edition: Edition | None = None
    union: str | None = None
    issued_at: Instant | None = None
    row_count: int | None = None
    amount_fen: int | None = None
    content_hash: str | None = None
    supplements: list[SupplementView] = []


def document_view(one: Document, files: list[DocumentFile], *, language: Language) -> DocumentView:
    """Return a document as it is answered; files that were deleted are not in it."""
    failure = None
    if one.failure is not None:
        title, detail = (
            text(language, one.failure, part=part, **one.failure_params) for part in ("title", "detail")
        )
        failure = FailureView(code=one.failure, title=title, detail=detail)
    is_ready = one.status == DocumentStatus.READY
    return DocumentView(
        **{name: getattr(one, name) for name in _SAME},
        failure=failure,
        files=[
            FileView(format=FileFormat(file.format), byte_count=file.byte_count, sha256=file.sha256.hex())
            for file in files
            if is_ready
        ],
    )


_SAME = tuple(name for name in DocumentView.model_fields if name not in {"failure", "files"})
