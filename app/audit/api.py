"""Routes of the audit log, for the audit committee and the audit administrator."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import Field

from app.access.actor import Actor
from app.access.audit import Trace, record
from app.access.deps import Transaction, require
from app.access.policy import Permission
from app.audit import queries
from app.audit.errors import NoHead
from app.audit.schemas import EntryView, HeadView
from app.platform.clock import GivenInstant, utc_now
from app.platform.http import StrictRoute
from app.platform.paging import CursorInvalid, PageRequest, PageView
from app.platform.problems import describe

router = APIRouter(route_class=StrictRoute, tags=["audit"])


class EntriesRequest(PageRequest):
    """Which entries are asked for; `from` is included, `until` is not."""

    since: Annotated[GivenInstant | None, Field(alias="from")] = None
    until: GivenInstant | None = None
    actor_id: UUID | None = None
    action: Annotated[str | None, Query(min_length=3, max_length=80, pattern=r"^[a-z0-9_.]+$")] = None
    subject_id: UUID | None = None
    union_id: UUID | None = None

    @property
    def wanted(self) -> queries.EntriesWanted:
        """The filters."""
        names = ("since", "until", "actor_id", "action", "subject_id", "union_id")
        return queries.EntriesWanted(**{name: getattr(self, name) for name in names})


@router.get(
    "/audit/entries",
    name="list_audit_entries",
    response_model=PageView[EntryView],
    responses=describe(CursorInvalid),
)
async def list_entries(
    asked: Annotated[EntriesRequest, Query()],
    session: Transaction,
    actor: Annotated[Actor, require(Permission.AUDIT_READ)],
) -> PageView[EntryView]:
    """Return the entries of the caller's unions, the newest first; that they were read is recorded too."""
    found = await queries.list_entries(session, asked.wanted, limit=asked.limit, after=asked.after)
    items = [
        EntryView(**dict(row._mapping) | {"hash": row.hash.hex() if row.hash else None})
        for row in found.items
    ]
    looked = {"count": len(items)} | {
        name: str(value)
        for name, value in asked.model_dump(exclude={"limit", "cursor"}, exclude_none=True).items()
    }
    record(session, Trace("audit.read", actor.union_id, actor=actor, details=looked), now=utc_now())
    return PageView(items=items, next=found.next)


@router.get("/audit/head", name="get_audit_head", response_model=HeadView, responses=describe(NoHead))
async def get_head(session: Transaction, _: Annotated[Actor, require(Permission.AUDIT_READ)]) -> HeadView:
    """Return where the log ended when it was last signed; kept elsewhere, it shows what was cut off since."""
    head = await queries.find_head(session)
    if head is None:
        raise NoHead()
    return HeadView(
        seq=head.seq,
        hash=head.hash.hex(),
        signed_at=head.signed_at,
        key_id=head.key_id,
        public_key=head.public_key.hex(),
        signature=head.signature.hex(),
    )
