"""Bodies of imports; names and numbers in them are masked."""

from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.access.vault import Place, UnionKeys
from app.platform.clock import Instant
from app.platform.i18n import Language, text
from app.platform.paging import PageRequest
from app.platform.text import LINE
from app.roster.rules.comparing import Kind, Mode
from app.roster.rules.headings import Field as Column
from app.roster.rules.progress import ImportStatus
from app.roster.tables import RosterImport, RosterRow, open_content
from app.unions.rules import MemberStatus, mask_id_last4, mask_mobile, mask_name
from app.unions.schemas import UnionRef


class UploadTerms(BaseModel):
    """What a file is meant for."""

    model_config = ConfigDict(extra="forbid")

    filename: Annotated[
        str,
        Field(min_length=3, max_length=200, pattern=LINE, description="with its ending, such as 名单.xlsx"),
    ]
    mode: Annotated[
        Mode, Field(description="full: who is missing from the file has left; partial: nobody is removed")
    ] = Mode.PARTIAL
    unit_id: Annotated[
        UUID | None,
        Field(description="the one unit that the file lists; leave out for the whole street union"),
    ] = None


class RowsRequest(PageRequest):
    """Which lines of a comparison are asked for."""

    kind: Kind | None = None


class CommitRequest(BaseModel):
    """What was looked at; `confirm_removals` repeats the number of removals when they are many."""

    model_config = ConfigDict(extra="forbid")

    comparison_hash: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    confirm_removals: Annotated[int | None, Field(strict=True, ge=0, le=1_000_000)] = None


class Progress(BaseModel):
    """Rows dealt with, of how many."""

    done: int
    total: int


class Counts(BaseModel):
    """How many rows and members of each kind; `members` is how many the file is about."""

    added: int
    changed: int
    moved: int
    removed: int
    protected: int
    refused: int
    unchanged: int
    repeated: int
    members: int


class Failure(BaseModel):
    """Why a file could not be read: a problem code and its text."""

    code: str
    title: str
    detail: str


class ImportTicket(BaseModel):
    """Which import it is and where; answers that are kept for a key hold no name of a file."""

    id: UUID
    status: ImportStatus


class ImportView(BaseModel):
    """An import; `filename` is gone once it was erased, `counts` are there once it was compared."""

    id: UUID
    status: ImportStatus
    mode: Mode
    filename: str | None
    byte_count: int
    progress: Progress
    counts: Counts | None
    comparison_hash: str | None
    roster_changed: bool
    failure: Failure | None
    created_by: UUID
    created_at: Instant
    compared_at: Instant | None
    committed_at: Instant | None
    ended_at: Instant | None


class PersonView(BaseModel):
    """A member before or after an import."""

    number: str
    name_masked: str
    mobile_masked: str | None
    id_last4_masked: str | None
    unit: UnionRef
    status: MemberStatus


class ReasonView(BaseModel):
    """Why a row is refused."""

    code: str
    detail: str


class RowView(BaseModel):
    """A line of a comparison; `row` is its place in the file, `fields` is what differs."""

    row: int | None
    kind: Kind
    member_id: UUID | None
    name_masked: str | None
    old: PersonView | None
    new: PersonView | None
    fields: list[str]
    reasons: list[ReasonView]


MISSING_FROM = 1_000_000
"""Positions of members who are missing from a file begin here."""


def import_view(one: RosterImport, keys: UnionKeys, *, language: Language) -> ImportView:
    """Return an import as it is answered."""
    place = Place("roster_imports", "filename", one.id)
    failure = None
    if one.failure is not None:
        title, detail = (
            text(language, one.failure, part=part, **one.failure_params) for part in ("title", "detail")
        )
        failure = Failure(code=one.failure, title=title, detail=detail)
    return ImportView(
        id=one.id,
        status=ImportStatus(one.status),
        mode=Mode(one.mode),
        filename=None if one.filename_sealed is None else keys.open(place, one.filename_sealed),
        byte_count=one.byte_count,
        progress=Progress(done=one.done_count, total=one.total_count),
        counts=Counts(**one.counts) if one.counts else None,
        comparison_hash=one.comparison_hash,
        roster_changed=one.has_outrun,
        failure=failure,
        created_by=one.created_by,
        created_at=one.created_at,
        compared_at=one.compared_at,
        committed_at=one.committed_at,
        ended_at=one.ended_at,
    )


def row_view(row: RosterRow, keys: UnionKeys, *, units: Mapping[UUID, str], language: Language) -> RowView:
    """Return a line of a comparison as it is answered; `units` are the names of units by their ids."""
    content = open_content(keys, row)
    old, new, sent = content.get("old"), content.get("new"), content.get("sent", {})
    shown = (new or old or {}).get("name") or sent.get(Column.NAME.value)
    fields = [name for name in new if old[name] != new[name]] if old and new else []
    return RowView(
        row=row.position if row.position < MISSING_FROM else None,
        kind=Kind(row.kind),
        member_id=row.member_id if old else None,
        name_masked=mask_name(shown) if shown else None,
        old=_person_view(old, units),
        new=_person_view(new, units),
        fields=fields,
        reasons=reasons_of(row, language),
    )


def reasons_of(row: RosterRow, language: Language) -> list[ReasonView]:
    """Return why a row is refused, in a language."""
    found = row.complaints.get("reasons", [])
    return [
        ReasonView(
            code=one["code"],
            detail=text(language, f"message.roster_{one['code']}", part="detail", **one["params"]),
        )
        for one in found
    ]


def _person_view(person: Mapping[str, Any] | None, units: Mapping[UUID, str]) -> PersonView | None:
    if person is None:
        return None
    unit_id = UUID(person["unit_id"])
    return PersonView(
        number=person["number"],
        name_masked=mask_name(person["name"]),
        mobile_masked=mask_mobile(person["mobile"]),
        id_last4_masked=mask_id_last4(person["last4"]),
        unit=UnionRef(id=unit_id, name=units.get(unit_id, "–")),
        status=MemberStatus(person["status"]),
    )
