"""Routes of staff accounts: drafted by one administrator, approved by another, disabled at once."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from app.access.actor import Actor
from app.access.deps import Kept, Transaction, require
from app.access.policy import Permission, Role
from app.platform.clock import utc_now
from app.platform.errors import Conflict, KeyInFlight, KeyRequired, KeyReused
from app.platform.http import StrictRoute
from app.platform.paging import CursorInvalid, PageRequest, PageView
from app.platform.problems import describe
from app.unions import queries
from app.unions.actions import staff as actions
from app.unions.errors import (
    AccountDisabled,
    DraftPending,
    LastAdministrator,
    NothingPending,
    OwnAccount,
    PersonNotFound,
    UnionNotFound,
    UnitNotFound,
)
from app.unions.schemas import Disabling, RoleChange, StaffDraft, StaffStatus, StaffView
from app.unions.tables import StaffAccount

router = APIRouter(route_class=StrictRoute, tags=["staff"])
_KEYED = (KeyReused, KeyRequired, KeyInFlight, Conflict)


def _view(staff: StaffAccount) -> StaffView:
    status = StaffStatus.ACTIVE if staff.approved_at else StaffStatus.PENDING
    return StaffView(
        id=staff.id,
        login=staff.login,
        display_name=staff.display_name,
        role=Role(staff.role),
        pending_role=Role(staff.pending_role) if staff.pending_role else None,
        status=StaffStatus.DISABLED if staff.disabled_at else status,
        union_id=staff.union_id,
        unit_id=staff.unit_id,
        member_id=staff.member_id,
        drafted_by=staff.drafted_by,
        approved_by=staff.approved_by,
        approved_at=staff.approved_at,
        disabled_at=staff.disabled_at,
        sample=staff.is_sample,
    )


@router.get(
    "/staff", name="list_staff", response_model=PageView[StaffView], responses=describe(CursorInvalid)
)
async def list_staff(
    page: Annotated[PageRequest, Query()],
    session: Transaction,
    _: Annotated[Actor, require(Permission.STAFF_READ)],
) -> PageView[StaffView]:
    """Return the staff accounts of the caller's unions by login."""
    found = await queries.list_staff(session, limit=page.limit, after=page.after)
    return PageView(items=[_view(staff) for staff in found.items], next=found.next)


@router.post(
    "/staff",
    status_code=201,
    name="draft_staff",
    response_model=StaffView,
    responses=describe(UnionNotFound, UnitNotFound, PersonNotFound, *_KEYED),
)
async def draft_staff(
    body: StaffDraft,
    session: Transaction,
    keeper: Kept,
    actor: Annotated[Actor, require(Permission.STAFF_WRITE)],
) -> Response:
    """Draft an account; it can be used when a security administrator has approved it."""
    return await keeper.keep(_view(await actions.draft_staff(session, body, by=actor)))


@router.post(
    "/staff/{staff_id}/role",
    name="change_staff_role",
    response_model=StaffView,
    responses=describe(PersonNotFound, AccountDisabled, OwnAccount, UnitNotFound, DraftPending, *_KEYED),
)
async def change_role(
    staff_id: UUID,
    body: RoleChange,
    session: Transaction,
    keeper: Kept,
    actor: Annotated[Actor, require(Permission.STAFF_WRITE)],
) -> Response:
    """Draft another role for an account; it counts when a security administrator has approved it."""
    staff = await actions.draft_role(session, staff_id, role=body.role, by=actor)
    return await keeper.keep(_view(staff), status=200)


@router.post(
    "/staff/{staff_id}/approve",
    name="approve_staff",
    response_model=StaffView,
    responses=describe(PersonNotFound, AccountDisabled, NothingPending, OwnAccount, *_KEYED),
)
async def approve_staff(
    staff_id: UUID,
    session: Transaction,
    keeper: Kept,
    actor: Annotated[Actor, require(Permission.STAFF_APPROVE)],
) -> Response:
    """Approve what another administrator drafted; sessions in a former role end."""
    staff = await actions.approve_staff(session, staff_id, by=actor, now=utc_now())
    return await keeper.keep(_view(staff), status=200)


@router.post(
    "/staff/{staff_id}/disable",
    name="disable_staff",
    response_model=StaffView,
    responses=describe(PersonNotFound, OwnAccount, LastAdministrator, *_KEYED),
)
async def disable_staff(
    staff_id: UUID,
    body: Disabling,
    session: Transaction,
    keeper: Kept,
    actor: Annotated[Actor, require(Permission.STAFF_WRITE)],
) -> Response:
    """Disable an account at once, for good; its sessions end on every worker."""
    staff = await actions.disable_account(session, staff_id, reason=body.reason, by=actor, now=utc_now())
    return await keeper.keep(_view(staff), status=200)
