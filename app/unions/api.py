"""Routes of people."""

from typing import Annotated

from fastapi import APIRouter, Query

from app.access.actor import Actor
from app.access.deps import Transaction, require
from app.access.policy import Permission, Role
from app.platform.http import StrictRoute
from app.platform.paging import CursorInvalid, PageRequest, PageView
from app.platform.problems import describe
from app.unions import queries
from app.unions.errors import PersonNotFound
from app.unions.rules import MemberStatus, mask_mobile, mask_name
from app.unions.schemas import MemberView, MeView, UnionRef

router = APIRouter(route_class=StrictRoute, tags=["unions"])


@router.get("/me", name="get_me", response_model=MeView, responses=describe(PersonNotFound))
async def get_me(session: Transaction, actor: Annotated[Actor, require(Permission.PROFILE_OWN)]) -> MeView:
    """Return who is calling."""
    union = await queries.get_union(session, actor.union_id)
    ref = UnionRef(id=union.id, name=union.name)
    if actor.role is not Role.MEMBER:
        staff = await queries.get_staff(session, actor.id)
        return MeView(
            id=staff.id, role=actor.role, union=ref, unit=None, name=staff.display_name, number=None,
            mobile_masked=None, membership_status=None, is_senior_mode=False, sample=staff.is_sample,
        )  # fmt: skip
    member = await queries.get_member(session, actor.id)
    unit = await queries.get_union(session, member.unit_id)
    return MeView(
        id=member.id,
        role=actor.role,
        union=ref,
        unit=UnionRef(id=unit.id, name=unit.name),
        name=member.name,
        number=member.number,
        mobile_masked=mask_mobile(member.mobile),
        membership_status=MemberStatus(member.status),
        is_senior_mode=member.is_senior_mode,
        sample=member.is_sample,
    )


@router.get(
    "/members",
    name="list_members",
    response_model=PageView[MemberView],
    responses=describe(CursorInvalid),
)
async def list_members(
    page: Annotated[PageRequest, Query()],
    session: Transaction,
    _: Annotated[Actor, require(Permission.MEMBERS_READ)],
) -> PageView[MemberView]:
    """Return the members of the union by name, masked."""
    found = await queries.list_members(session, limit=page.limit, after=page.after)
    names = await queries.find_union_names(session, {member.unit_id for member in found.items})
    items = [
        MemberView(
            id=member.id,
            number=member.number,
            name_masked=mask_name(member.name),
            mobile_masked=mask_mobile(member.mobile),
            unit=UnionRef(id=member.unit_id, name=names[member.unit_id]),
            status=MemberStatus(member.status),
            sample=member.is_sample,
        )
        for member in found.items
    ]
    return PageView(items=items, next=found.next)
