"""Numbers of documents: without a gap and never twice, however many ask at once and whoever gives up."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import func, select

from app.access.scope import one_union
from app.documents.actions import issue
from app.documents.rules.issuing import DocumentReason, number_of, series_of
from app.documents.rules.paper import DocumentKind, Edition
from app.documents.tables import Document
from tests.factories.street import Street

NOW = datetime(2027, 3, 1, tzinfo=UTC)
WANTED = issue.Wanted(kind=DocumentKind.GOODS_ISSUE, reason=DocumentReason.ACCOUNTING)


class GivenUp(Exception):
    """Somebody's transaction fails after its number was taken."""


async def ask(here: Street, place: int) -> str | None:
    async with here.database.transaction(one_union(here.id)) as session:
        made = await issue.request_document(
            session, WANTED, union_id=here.id, requested_by=None, now=NOW, is_final=True
        )
        await asyncio.sleep(0.002)
        if place % 4 == 0:
            raise GivenUp
        return made.number


async def test_forty_at_once_of_whom_a_quarter_gives_up(
    street: Callable[..., Awaitable[Street]],
) -> None:
    here = await street(members=0, slots=0)
    found = await asyncio.gather(*(ask(here, place) for place in range(40)), return_exceptions=True)
    numbers = sorted(one for one in found if isinstance(one, str))
    assert sum(isinstance(one, GivenUp) for one in found) == 10
    assert numbers == [f"CK-2027-{place:04}" for place in range(1, 31)]
    stored = await here.read(
        select(Document.number).where(Document.union_id == here.id).order_by(Document.number)
    )
    assert [row.number for row in stored] == numbers


async def test_control_counting_the_rows_gives_a_number_twice(
    street: Callable[..., Awaitable[Street]],
) -> None:
    """What the row of the series is for: without it, those who ask at once read the same count."""
    here = await street(members=0, slots=0)
    barrier = asyncio.Barrier(4)

    async def count() -> str:
        async with here.database.transaction(one_union(here.id)) as session:
            wanted = select(func.count()).select_from(Document).where(Document.union_id == here.id)
            taken = int((await session.execute(wanted)).scalar_one())
            await barrier.wait()
            return number_of(series_of(DocumentKind.GOODS_ISSUE, Edition.FULL), 2027, place=taken + 1)

    assert set(await asyncio.gather(*(count() for _ in range(4)))) == {"CK-2027-0001"}


async def test_supplements_at_once(street: Callable[..., Awaitable[Street]]) -> None:
    here = await street(members=0, slots=0)
    async with here.database.transaction(one_union(here.id)) as session:
        first = await issue.request_document(
            session, WANTED, union_id=here.id, requested_by=None, now=NOW, is_final=True
        )
    says = {
        "title": "示例",
        "paper_on": NOW.date(),
        "content_hash": "0" * 64,
        "row_count": 0,
        "ready_at": NOW,
    }
    await here.set(Document, first.id, status="ready", **says)

    async def supplement(document_id: UUID) -> str | None:
        async with here.database.transaction(one_union(here.id)) as session:
            made = await issue.request_supplement(
                session, document_id, requested_by=None, reason=DocumentReason.AUDIT, now=NOW
            )
            return made.number

    found = await asyncio.gather(*(supplement(first.id) for _ in range(12)))
    assert sorted(found, key=lambda one: int(str(one).rpartition("B")[2])) == [
        f"CK-2027-0001-B{place}" for place in range(1, 13)
    ]
