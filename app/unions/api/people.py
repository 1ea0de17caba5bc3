"""Routes of people."""

from typing import Annotated

from fastapi import APIRouter, Query

from app.access.actor import Actor
from app.access.deps import Transaction, require
from app.access.policy import Permission, Role
from app.access.vault import keys_of, vault_of
from app.platform.http import StrictRoute
from app.platform.paging import CursorInvalid, PageRequest, PageView
from app.platform.problems import describe
from app.unions import queries
from app.unions.errors import PersonNotFound
from app.unions.rules import MemberStatus, mask_id_last4, mask_mobile, mask_name
from app.unions.schemas import MemberView, MeView, UnionRef
from app.unions.tables import Member, Particulars, open_particulars

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
    shown = open_particulars(await keys_of(session, member.union_id), member)
    return MeView(
        id=member.id,
        role=actor.role,
        union=ref,
        unit=UnionRef(id=unit.id, name=unit.name),
        name=shown.name,
        number=member.number,
        mobile_masked=mask_mobile(shown.mobile),
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
    """Return the members of the union in the order of their names, masked.

    Where a name is not the only one of its kind in the union, the end of the identity number is shown too.
    """
    found = await queries.list_members(session, limit=page.limit, after=page.after)
    names = await queries.find_union_names(session, {member.unit_id for member in found.items})
    shared = await queries.find_shared_names(session, found.items)
    keys = await vault_of(session).keys_of_many(session, {member.union_id for member in found.items})
    items = [
        _member_view(
            member,
            open_particulars(keys[member.union_id], member),
            unit=UnionRef(id=member.unit_id, name=names[member.unit_id]),
            same_name=(member.union_id, member.name_index) in shared,
        )
        for member in found.items
    ]
    return PageView(items=items, next=found.next)


def _member_view(member: Member, opened: Particulars, *, unit: UnionRef, same_name: bool) -> MemberView:
    return MemberView(
        id=member.id,
        number=member.number,
        name_masked=mask_name(opened.name),
        mobile_masked=mask_mobile(opened.mobile),
        same_name=same_name,
        id_last4_masked=mask_id_last4(opened.id_last4) if same_name else None,
        unit=unit,
        status=MemberStatus(member.status),
        sample=member.is_sample,
    )
