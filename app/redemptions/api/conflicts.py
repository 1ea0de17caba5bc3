"""Routes of hand-overs that contradict each other."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query

from app.access.actor import Actor
from app.access.deps import Transaction, require
from app.access.policy import Permission
from app.platform.http import StrictRoute
from app.platform.paging import CursorInvalid, PageRequest, PageView
from app.platform.problems import describe
from app.redemptions import queries
from app.redemptions.schemas import ConflictSide, ConflictView
from app.redemptions.tables import Redemption

router = APIRouter(route_class=StrictRoute, tags=["redemptions"])


class ConflictsRequest(PageRequest):
    """Which conflicts are asked for."""

    status: Literal["open", "resolved"] | None = None


@router.get(
    "/redemptions/conflicts",
    name="list_conflicts",
    response_model=PageView[ConflictView],
    responses=describe(CursorInvalid),
)
async def list_conflicts(
    asked: Annotated[ConflictsRequest, Query()],
    session: Transaction,
    _: Annotated[Actor, require(Permission.CONFLICTS_READ)],
) -> PageView[ConflictView]:
    """Return hand-overs that contradict each other or the state of their order, newest first."""
    found = await queries.list_conflicts(session, status=asked.status, limit=asked.limit, after=asked.after)
    items = [
        ConflictView(
            first=_side(first) if first else None,
            second=_side(second),
            **{
                name: getattr(conflict, name) for name in ("id", "order_id", "reason", "status", "noticed_at")
            },
        )
        for conflict, second, first in found.items
    ]
    return PageView(items=items, next=found.next)


def _side(event: Redemption) -> ConflictSide:
    return ConflictSide.model_validate(event, from_attributes=True)
