"""Accounts that the operator adds and invites; who may be at which union."""

from uuid import uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app.access.audit import AuditEntry
from app.access.policy import Role
from app.access.scope import every_union
from app.access.tokens import AccessToken, Opening, open_session
from app.platform.clock import utc_now
from app.platform.errors import DomainError
from app.sign_in.actions.invite import NewAccount, add_staff, invite
from app.sign_in.tables.staff import StaffCredential
from app.unions.actions.accounts import staff_opening
from app.unions.tables import StaffAccount, Union
from tests.conftest import MakeStreet
from tests.factories.street import Street


async def _codes(here: Street) -> dict[str, str]:
    """Return the codes of the street union, of its unit and of the district above."""
    rows = await here.read(select(Union.code, Union.id, Union.level, Union.parent_id))
    by_id = {row.id: row for row in rows}
    street = by_id[here.id]
    return {
        "street": street.code, "unit": by_id[here.unit_id].code, "district": by_id[street.parent_id].code
    }  # fmt: skip


async def _add(here: Street, role: Role, union: str, unit: str | None = None) -> StaffAccount:
    login = f"t-{uuid4().hex[:10]}"
    async with here.database.transaction(every_union("the operator")) as session:
        return await add_staff(session, NewAccount(login, role, union, unit, "示例·管理员"), now=utc_now())


async def test_the_first_administrator_is_added_and_invited(street: MakeStreet) -> None:
    here = await street()
    codes = await _codes(here)
    added = await _add(here, Role.SYS_ADMIN, codes["street"])
    assert await here.read(select(StaffCredential).where(StaffCredential.staff_id == added.id)) == []
    async with here.database.transaction(every_union("the operator")) as session:
        code = await invite(session, added.login, reset=False, now=utc_now())
        opening = await staff_opening(session, added, kind="bearer")
    assert len(code) >= 22, "128 bits"
    assert (opening.scope_union_ids, opening.scope_unit_ids) == ([here.id], None)
    entries = await here.read(
        select(AuditEntry.action).where(AuditEntry.subject_id == added.id).order_by(AuditEntry.id)
    )
    assert [row.action for row in entries] == ["staff.added_by_operator", "staff.invited"]


async def test_a_unit_role_sees_its_unit_and_a_district_sees_its_streets(street: MakeStreet) -> None:
    here = await street()
    codes = await _codes(here)
    leader = await _add(here, Role.GROUP_LEADER, codes["street"], codes["unit"])
    viewer = await _add(here, Role.DISTRICT_VIEWER, codes["district"])
    async with here.database.transaction(every_union("a test looks")) as session:
        narrow = await staff_opening(session, leader, kind="cookie")
        wide = await staff_opening(session, viewer, kind="cookie")
    assert (narrow.scope_union_ids, narrow.scope_unit_ids) == ([here.id], [here.unit_id])
    assert (set(wide.scope_union_ids), wide.scope_unit_ids) == ({viewer.union_id, here.id}, None)


@pytest.mark.parametrize(
    ("role", "union", "unit"),
    [
        (Role.GROUP_LEADER, "street", None),
        (Role.GROUP_LEADER, "street", "street"),
        (Role.GROUP_LEADER, "district", "unit"),
        (Role.UNION_OFFICER, "street", "unit"),
        (Role.UNION_OFFICER, "unit", None),
        (Role.UNION_OFFICER, "nowhere", None),
    ],
)
async def test_an_account_that_fits_no_union_is_not_added(
    street: MakeStreet, role: Role, union: str, unit: str | None
) -> None:
    here = await street()
    codes = await _codes(here)
    before = await here.count(StaffAccount)
    with pytest.raises(DomainError) as refusal:
        await _add(here, role, codes.get(union, union), codes.get(unit or "", unit))
    assert refusal.value.code == "sign_in.unit_mismatch"
    assert await here.count(StaffAccount) == before


async def test_a_login_is_added_and_invited_once(street: MakeStreet) -> None:
    here = await street()
    added = await _add(here, Role.CHAIR, (await _codes(here))["street"])
    again = NewAccount(added.login, Role.CHAIR, (await _codes(here))["street"], None, "x")
    refused = []
    for call in (
        lambda session: add_staff(session, again, now=utc_now()),
        lambda session: invite(session, "t-nobody", reset=False, now=utc_now()),
    ):
        with pytest.raises(DomainError) as refusal:
            async with here.database.transaction(every_union("the operator")) as session:
                await call(session)
        refused.append(refusal.value.code)
    hash = "$argon2id$v=19$m=47104,t=1,p=1$x"
    async with here.database.transaction(every_union("a test arranges")) as session:
        credential = StaffCredential(
            staff_id=added.id, union_id=here.id, password_hash=hash, password_changed_at=utc_now()
        )
        session.add(credential)
    with pytest.raises(DomainError) as refusal:
        async with here.database.transaction(every_union("the operator")) as session:
            await invite(session, added.login, reset=False, now=utc_now())
    assert [*refused, refusal.value.code] == [
        "sign_in.login_taken", "unions.person_not_found", "sign_in.already_active"
    ]  # fmt: skip


@pytest.mark.parametrize("drafted", [{"approved_at": None}, {"disabled_at": utc_now()}])
async def test_an_account_that_does_not_count_is_not_invited(
    street: MakeStreet, drafted: dict[str, object]
) -> None:
    here = await street()
    added = await _add(here, Role.CHAIR, (await _codes(here))["street"])
    await here.set(StaffAccount, added.id, **drafted)
    with pytest.raises(DomainError) as refusal:
        async with here.database.transaction(every_union("the operator")) as session:
            await invite(session, added.login, reset=True, now=utc_now())
    assert refusal.value.code == "unions.account_disabled"


@pytest.mark.parametrize(
    ("change", "check"),
    [
        ({"role": "member"}, "role_known"),
        ({"role": "pickup_device"}, "role_known"),
        ({"role": "group_leader"}, "unit_roles_have_a_unit"),
        ({"unit_id": True}, "unit_roles_have_a_unit"),
    ],
)
async def test_the_database_knows_which_accounts_there_can_be(
    street: MakeStreet, change: dict[str, object], check: str
) -> None:
    here = await street()
    values = {name: here.unit_id if value is True else value for name, value in change.items()}
    with pytest.raises(IntegrityError, match=f"ck_staff_accounts_{check}"):
        await here.set(StaffAccount, here.officer.id, **values)


async def test_a_unit_of_another_street_is_none_of_ours(street: MakeStreet) -> None:
    here, there = await street(), await street()
    with pytest.raises(IntegrityError, match="fk_staff_accounts_union_id_unit_id"):
        await here.set(StaffAccount, here.staff[Role.GROUP_LEADER].id, unit_id=there.unit_id)


@pytest.mark.parametrize(
    ("change", "check"),
    [
        ({"member_id": None}, "one_owner"),
        ({"device_id": True}, "one_owner"),
        ({"role": "chair"}, "role_fits_the_owner"),
        ({"role": "pickup_device"}, "role_fits_the_owner"),
        ({"kind": "paper"}, "kind_known"),
        ({"idle_seconds": 0}, "idle_time_is_some"),
        ({"label": "x" * 41}, "label_length"),
    ],
)
async def test_the_database_knows_which_sessions_there_can_be(
    street: MakeStreet, change: dict[str, object], check: str
) -> None:
    here = await street()
    row = await here.read(select(AccessToken.id).where(AccessToken.member_id == here.members[0].id))
    values = {name: uuid4() if value is True else value for name, value in change.items()}
    with pytest.raises(IntegrityError, match=f"ck_access_tokens_{check}"):
        await here.set(AccessToken, row[0].id, **values)


async def test_a_clerk_at_a_device_ends_with_the_device(street: MakeStreet) -> None:
    from app.access.tokens import revoke_tokens_of

    here = await street()
    device = uuid4()
    now = utc_now()
    async with here.database.transaction(every_union("a test arranges")) as session:
        opening = Opening(here.clerk.id, Role.STATION_CLERK, here.id, [here.id], device_id=device)
        open_session(session, opening, now=now)
        await session.flush()
        await revoke_tokens_of(session, device, now=now)
    ended = await here.read(
        select(AccessToken.kind, AccessToken.revoked_at).where(AccessToken.staff_id == here.clerk.id)
    )
    assert sorted((row.kind, row.revoked_at) for row in ended if row.revoked_at) == [("bearer", now)]
    assert len(ended) == 2
