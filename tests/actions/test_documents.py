"""Papers in the database: numbers, leases, files, and that what is final stays."""

import hashlib
import io
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from pypdf import PdfReader
from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.scope import every_union, one_union
from app.documents import jobs
from app.documents.actions import files, issue
from app.documents.actions.press import Press, PrintingFailed
from app.documents.errors import CampaignNeeded, FileDamaged, NotFailed, NotFinal, SubjectNotFound
from app.documents.rules.content import Identity, content_of, hash_of
from app.documents.rules.issuing import DocumentReason, FileFormat
from app.documents.rules.paper import DocumentKind, Edition, Paper
from app.documents.tables import Document, DocumentFile, DocumentPiece, DocumentSeries
from app.platform.clock import utc_now
from app.platform.database import Database, sqlstate
from app.platform.ids import new_id
from app.privacy.actions.erase import end_campaign_data
from tests.factories.papers import build_sheet, sign_off_sheet
from tests.factories.street import Street

MakeStreet = Callable[..., Awaitable[Street]]
NOW = datetime(2026, 12, 31, 16, 30, tzinfo=UTC)
"""Half an hour into 2027 in Shanghai."""
BUILDERS: Any = dict.fromkeys(DocumentKind, build_sheet)


@pytest.fixture
async def here(street: MakeStreet) -> Street:
    return await street(members=0, slots=0)


@pytest.fixture(scope="module")
def press(tmp_path_factory: pytest.TempPathFactory) -> Press:
    return Press(tmp_path_factory.mktemp("fonts"), "https://gl.test/verify")


async def request(here: Street, *, is_final: bool = True, now: datetime = NOW, **wanted: Any) -> Document:
    values: dict[str, Any] = {"kind": DocumentKind.SIGNOFF_SHEET, "campaign_id": here.campaign_id}
    values |= {"reason": DocumentReason.CLOSING, "params": {"rows": 20}} | wanted
    async with here.database.transaction(one_union(here.id)) as session:
        return await issue.request_document(
            session,
            issue.Wanted(**values),
            union_id=here.id,
            requested_by=here.officer.id,
            now=now,
            is_final=is_final,
        )


async def look(here: Street, document_id: UUID) -> Document:
    async with here.database.transaction(one_union(here.id)) as session:
        return (await session.execute(select(Document).where(Document.id == document_id))).scalar_one()


async def render(here: Street, press: Press, builders: Any = BUILDERS) -> None:
    await jobs.render_waiting(here.database, builders, press=press)


async def take(here: Street, document_id: UUID, name: FileFormat) -> bytes:
    async with here.database.transaction(one_union(here.id)) as session:
        document = (await session.execute(select(Document).where(Document.id == document_id))).scalar_one()
        return await files.take_file(
            session, document, format=name, actor=_actor(here), reason=DocumentReason.AUDIT, now=utc_now()
        )


def _actor(here: Street) -> Any:
    from app.access.actor import Actor
    from app.access.policy import Role

    return Actor(here.officer.id, Role.UNION_OFFICER, here.id, one_union(here.id), NOW)


async def test_numbers_are_of_a_union_a_kind_and_a_year(street: MakeStreet) -> None:
    here, there = await street(members=0, slots=0), await street(members=0, slots=0)
    before = NOW - timedelta(hours=1)
    found = [
        (await request(here, now=before)).number,
        (await request(here)).number,
        (await request(here)).number,
        (await request(here, edition=Edition.MASKED)).number,
        (await request(here, kind=DocumentKind.STOCKTAKE, campaign_id=None)).number,
        (await request(here, is_final=False)).number,
        (await request(there)).number,
        (await request(here)).number,
    ]
    assert found == [
        "QL-2026-0001", "QL-2027-0001", "QL-2027-0002", "QLG-2027-0001", "PD-2027-0001", None, "QL-2027-0001",
        "QL-2027-0003",
    ]  # fmt: skip


async def test_a_refused_request_leaves_no_gap(street: MakeStreet) -> None:
    here, there = await street(members=0, slots=0), await street(members=0, slots=0)
    with pytest.raises(CampaignNeeded):
        await request(here, campaign_id=None)
    for wrong in (
        {"campaign_id": there.campaign_id}, {"campaign_id": new_id()}, {"pickup_point_id": there.points[0]},
        {"unit_id": there.unit_id},
    ):  # fmt: skip
        with pytest.raises(SubjectNotFound):
            await request(here, **wrong)
    assert await here.count(Document) == await here.count(DocumentSeries) == 0
    assert (
        await request(here, pickup_point_id=here.points[0], unit_id=here.unit_id)
    ).number == "QL-2027-0001"


async def test_a_document_becomes_ready_with_both_files(here: Street, press: Press) -> None:
    asked = await request(here)
    assert (asked.status, asked.content_hash) == ("queued", None)
    await render(here, press)
    made = await look(here, asked.id)
    paper = sign_off_sheet(20)
    expected = hash_of(content_of(paper, Identity(here.id, "QL-2027-0001")))
    assert (made.status, made.row_count, made.amount_fen, made.title) == (
        "ready", 20, paper.amount_fen, paper.title,
    )  # fmt: skip
    assert (made.content_hash, made.done_count, made.total_count, made.attempts) == (expected, 40, 40, 0)
    pdf = await take(here, asked.id, FileFormat.PDF)
    text = "".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)
    assert expected in text.replace("\n", "")
    assert "𬱖" in text
    assert (await take(here, asked.id, FileFormat.XLSX))[:2] == b"PK"
    rows = await here.read(select(DocumentFile.format, DocumentFile.sha256, DocumentFile.byte_count).where(
        DocumentFile.document_id == asked.id).order_by(DocumentFile.format))  # fmt: skip
    assert tuple(rows[0]) == ("pdf", hashlib.sha256(pdf).digest(), len(pdf))
    sealed = await here.read(select(DocumentPiece.content).where(DocumentPiece.union_id == here.id))
    assert not any(b"%PDF" in row.content or "张三丰".encode() in row.content for row in sealed)


async def test_progress_is_seen_while_it_is_made(here: Street, press: Press, monkeypatch: Any) -> None:
    asked = await request(here, params={"rows": 450})
    seen: list[tuple[str, int, int]] = []
    real = jobs.print_paper

    async def watched(content: Any, imprint: Any, *, font_folder: Path, heard: Any) -> Any:
        async def told(rows: int) -> None:
            await heard(rows)
            one = await look(here, asked.id)
            seen.append((one.status, one.done_count, one.total_count))

        return await real(content, imprint, font_folder=font_folder, heard=told)

    monkeypatch.setattr(jobs, "print_paper", watched)
    await render(here, press)
    assert seen == [("rendering", done, 900) for done in (200, 400, 450)]
    assert (await look(here, asked.id)).done_count == 900


async def test_a_worker_that_died_is_followed_by_another(here: Street, press: Press) -> None:
    asked = await request(here)
    lease = await jobs._take(here.database, now=utc_now())
    assert lease is not None
    assert lease.document_id == asked.id
    await render(here, press)
    assert (await look(here, asked.id)).status == "rendering", "the lease is still held"
    await here.set(Document, asked.id, leased_until=utc_now() - timedelta(seconds=1))
    await render(here, press)
    made = await look(here, asked.id)
    assert (made.status, made.number) == ("ready", "QL-2027-0001")
    with pytest.raises(jobs.LeaseLost):
        async with lease.held():
            pytest.fail("the first worker has it no more")
    assert await here.count(DocumentFile) == 2
    assert (await request(here)).number == "QL-2027-0002"


async def test_what_fails_is_tried_again_three_times_and_can_be_retried(here: Street, press: Press) -> None:
    asked = await request(here)
    tries: list[UUID] = []

    async def breaks(_session: AsyncSession, document: Document) -> Paper:
        tries.append(document.id)
        raise PrintingFailed

    for _ in range(5):
        await render(here, press, dict.fromkeys(DocumentKind, breaks))
        if (await look(here, asked.id)).status == "rendering":
            await here.set(Document, asked.id, leased_until=utc_now() - timedelta(seconds=1))
    failed = await look(here, asked.id)
    assert (tries.count(asked.id), failed.status, failed.failure) == (3, "failed", "documents.given_up")
    async with here.database.transaction(one_union(here.id)) as session:
        await issue.retry_document(session, asked.id)
    await render(here, press)
    made = await look(here, asked.id)
    assert (made.status, made.number, made.failure) == ("ready", "QL-2027-0001", None)
    with pytest.raises(NotFailed):
        async with here.database.transaction(one_union(here.id)) as session:
            await issue.retry_document(session, asked.id)


async def test_a_builder_may_refuse_and_a_kind_may_have_none(here: Street, press: Press) -> None:
    asked = await request(here)

    async def refuses(_session: AsyncSession, _document: Document) -> Paper:
        raise SubjectNotFound()

    await render(here, press, dict.fromkeys(DocumentKind, refuses))
    assert (await look(here, asked.id)).failure == "documents.subject_not_found"
    other = await request(here, is_final=False)
    await render(here, press, {})
    assert (await look(here, other.id)).failure == "documents.kind_unavailable"


async def test_a_supplement_has_the_number_of_what_it_supplements(here: Street, press: Press) -> None:
    first = await request(here)
    with pytest.raises(NotFinal):
        await supplement(here, first.id)
    draft = await request(here, is_final=False)
    await render(here, press)
    with pytest.raises(NotFinal):
        await supplement(here, draft.id)
    one = await supplement(here, first.id)
    await render(here, press)
    two = await supplement(here, one.id)
    assert [made.number for made in (one, two)] == ["QL-2027-0001-B1", "QL-2027-0001-B2"]
    assert {made.supplement_to for made in (one, two)} == {first.id}
    pdf = await take(here, one.id, FileFormat.PDF)
    assert "补充单，所补单据：QL-2027-0001" in PdfReader(io.BytesIO(pdf)).pages[0].extract_text()


async def supplement(here: Street, document_id: UUID) -> Document:
    async with here.database.transaction(one_union(here.id)) as session:
        return await issue.request_supplement(
            session, document_id, requested_by=here.officer.id, reason=DocumentReason.AUDIT, now=NOW
        )


# --- What is final stays -----------------------------------------------------------------------------


CHANGES: dict[str, Any] = {
    "number": {"number": "QL-2027-0009"},
    "hash": {"content_hash": "0" * 64},
    "amount": {"amount_fen": 1},
    "rows": {"row_count": 5},
    "title": {"title": "x"},
    "draft": {"is_final": False, "number": None},
    "back": {
        "status": "queued", "title": None, "paper_on": None, "content_hash": None, "row_count": None,
        "ready_at": None,
    },
    "campaign": {"campaign_id": None},
    "params": {"params": {"rows": 9}},
    "failed": {"status": "failed", "failure": "x.y"},
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
async def test_a_final_document_is_never_changed(here: Street, press: Press, change: dict[str, Any]) -> None:
    asked = await request(here, params={"rows": 1})
    await render(here, press)
    before = await here.read(select(*Document.__table__.columns).where(Document.id == asked.id))
    with pytest.raises(DBAPIError) as refused:
        await here.set(Document, asked.id, **change)
    assert sqlstate(refused.value) == "42501"
    assert await here.read(select(*Document.__table__.columns).where(Document.id == asked.id)) == before


async def test_nor_deleted_nor_are_its_files(here: Street, press: Press) -> None:
    asked = await request(here, params={"rows": 1})
    await render(here, press)
    attempts = [
        delete(Document).where(Document.id == asked.id),
        delete(DocumentFile).where(DocumentFile.document_id == asked.id),
        update(DocumentFile).where(DocumentFile.document_id == asked.id).values(byte_count=1),
        delete(DocumentPiece).where(DocumentPiece.union_id == here.id),
        update(DocumentPiece).where(DocumentPiece.union_id == here.id).values(position=7),
    ]
    for attempt in attempts:
        with pytest.raises(DBAPIError) as refused:
            await _execute(here.database, attempt)
        assert sqlstate(refused.value) == "42501"
    more = {"id": new_id(), "union_id": here.id, "document_id": asked.id, "format": "pdf"}
    with pytest.raises(DBAPIError) as refused:
        await _execute(
            here.database, insert(DocumentFile).values(more | {"sha256": b"0" * 32, "byte_count": 1})
        )
    assert sqlstate(refused.value) == "42501"
    assert await take(here, asked.id, FileFormat.XLSX)


async def _execute(database: Database, statement: Any) -> None:
    async with database.transaction(every_union("a test tampers")) as session:
        await session.execute(statement)


async def test_control_a_draft_may_be_deleted(here: Street) -> None:
    asked = await request(here, is_final=False)
    await _execute(here.database, delete(Document).where(Document.id == asked.id))
    assert await here.count(Document) == 0


async def test_a_file_that_was_exchanged_is_not_handed_out(here: Street, press: Press) -> None:
    """The triggers let a piece be sealed anew, so its content is checked against the hash."""
    asked, other = await request(here, params={"rows": 1}), await request(here, params={"rows": 2})
    await render(here, press)
    pieces = await here.read(
        select(DocumentPiece.id, DocumentFile.document_id, DocumentPiece.content)
        .join(DocumentFile, DocumentFile.id == DocumentPiece.file_id)
        .where(DocumentFile.format == "pdf", DocumentPiece.union_id == here.id)
    )
    mine, theirs = ({row.document_id: row for row in pieces}[id] for id in (asked.id, other.id))
    await here.set(DocumentPiece, mine.id, content=theirs.content)
    with pytest.raises(FileDamaged):
        await take(here, asked.id, FileFormat.PDF)
    await here.set(DocumentPiece, mine.id, content=mine.content)
    assert (await take(here, asked.id, FileFormat.PDF))[:5] == b"%PDF-"


# --- Files have their time ---------------------------------------------------------------------------


async def test_files_of_a_campaign_go_and_the_rest_stays(here: Street, press: Press) -> None:
    asked = await request(here)
    other = await request(here, kind=DocumentKind.AIDED_PURCHASES, campaign_id=None)
    await render(here, press)
    before = await look(here, asked.id)
    async with here.database.transaction(one_union(here.id)) as session:
        assert await files.forget_files(session, [here.campaign_id], now=NOW) == 1
    after = await look(here, asked.id)
    assert (after.status, after.forgotten_at) == ("forgotten", NOW)
    kept = ("number", "content_hash", "row_count", "amount_fen", "title", "ready_at")
    assert [getattr(after, name) for name in kept] == [getattr(before, name) for name in kept]
    with pytest.raises(files.FilesGone):
        await take(here, asked.id, FileFormat.PDF)
    assert await take(here, other.id, FileFormat.PDF)
    assert await here.count(DocumentFile) == 4, "hashes of files stay"
    left = select(DocumentPiece.id).join(DocumentFile, DocumentFile.id == DocumentPiece.file_id)
    assert await here.read(left.where(DocumentFile.document_id == asked.id)) == []
    async with here.database.transaction(one_union(here.id)) as session:
        assert await files.forget_files(session, [here.campaign_id], now=NOW) == 0


async def test_the_end_of_a_campaigns_personal_data_takes_the_files_along(here: Street, press: Press) -> None:
    asked = await request(here)
    await render(here, press)
    async with here.database.transaction(one_union(here.id)) as session:
        receipt = await end_campaign_data(session, here.campaign_id, union_id=here.id, now=utc_now())
    assert receipt is not None
    assert receipt.counts["documents"] == 1
    assert (await look(here, asked.id)).status == "forgotten"


async def test_files_of_drafts_go_by_themselves(here: Street, press: Press) -> None:
    draft, final = await request(here, is_final=False), await request(here)
    await render(here, press)
    await jobs.expire_drafts(here.database, days=30, now=utc_now() + timedelta(days=29))
    assert (await look(here, draft.id)).status == "ready"
    await jobs.expire_drafts(here.database, days=30, now=utc_now() + timedelta(days=31))
    assert [(await look(here, one.id)).status for one in (draft, final)] == ["forgotten", "ready"]


async def test_files_are_sealed_anew_with_a_fresh_key(here: Street, press: Press) -> None:
    from app.access.rotation import add_version, reseal_outdated

    asked = await request(here)
    await render(here, press)
    pdf = await take(here, asked.id, FileFormat.PDF)
    long_ago = utc_now() - timedelta(days=1)
    async with here.database.transaction(one_union(here.id)) as session:
        await add_version(session, here.id, now=long_ago)
    assert await reseal_outdated(here.database.transaction, now=utc_now()) >= 2
    assert await take(here, asked.id, FileFormat.PDF) == pdf
