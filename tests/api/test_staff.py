"""Staff accounts: drafted by one, approved by another, disabled at once; nobody helps themselves to power."""

from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app.access.audit import AuditEntry
from app.access.policy import Role
from app.access.scope import every_union
from app.access.tokens import Opening, open_session
from app.platform.clock import utc_now
from app.unions.actions import issue_staff_token
from app.unions.errors import AccountPending
from app.unions.tables import StaffAccount
from tests.conftest import MakeStreet
from tests.factories.answers import API, refused, walk
from tests.factories.street import Person, Street


def _draft(here: Street, **wanted: Any) -> dict[str, Any]:
    draft = {
        "login": f"t-{uuid4().hex[:8]}",
        "display_name": "示例·新人",
        "role": "station_clerk",
        "union_id": str(here.id),
    }
    return draft | wanted


async def _post(client: httpx.AsyncClient, who: Person, path: str, body: Any = None) -> httpx.Response:
    return await client.post(f"{API}/staff{path}", json=body, headers=who.headers("new"))


async def _row(here: Street, staff_id: str | UUID) -> Any:
    (row,) = await here.read(select(*StaffAccount.__table__.c).where(StaffAccount.id == UUID(str(staff_id))))
    return row


async def test_an_account_is_drafted_by_one_and_approved_by_another(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    sys_admin, sec_admin = here.staff[Role.SYS_ADMIN], here.staff[Role.SEC_ADMIN]
    made = await _post(client, sys_admin, "", _draft(here))
    assert made.status_code == 201, made.text
    drafted = made.json()
    assert (drafted["status"], drafted["drafted_by"], drafted["approved_at"]) == (
        "pending", str(sys_admin.id), None,
    )  # fmt: skip
    async with here.database.transaction(every_union("a test signs in")) as session:
        with pytest.raises(AccountPending):
            await issue_staff_token(session, drafted["login"], now=utc_now())
    refused(await _post(client, sys_admin, f"/{drafted['id']}/approve"), 403, "access.forbidden")
    approved = await _post(client, sec_admin, f"/{drafted['id']}/approve")
    assert approved.status_code == 200, approved.text
    assert (approved.json()["status"], approved.json()["approved_by"]) == ("active", str(sec_admin.id))
    refused(await _post(client, sec_admin, f"/{drafted['id']}/approve"), 409, "unions.nothing_pending")
    listed = await walk(client, "/staff", sec_admin)
    assert drafted["id"] in {item["id"] for item in listed}
    assert len(listed) == await here.count(StaffAccount)
    assert [item["login"] for item in listed] == sorted(item["login"] for item in listed)


async def test_an_account_says_who_the_person_is_in_the_roster(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here, there = await street(members=2), await street(members=4)
    admin = here.staff[Role.SYS_ADMIN]
    made = await _post(client, admin, "", _draft(here, member_number="T0000001"))
    assert made.json()["member_id"] == str(here.members[1].id)
    assert (await _row(here, made.json()["id"])).member_id == here.members[1].id
    foreign = await _post(client, admin, "", _draft(here, member_number="T0000003"))
    refused(foreign, 404, "unions.person_not_found")
    assert await there.count(StaffAccount) == len(there.staff) - 1


async def test_a_kept_answer_asks_for_the_same_proofs_again(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    admin, body = here.staff[Role.SYS_ADMIN], _draft(here)
    made = await client.post(f"{API}/staff", json=body, headers=admin.headers("once"))
    assert made.status_code == 201, made.text
    async with here.database.transaction(every_union("a test signs in")) as session:
        opening = Opening(admin.id, Role.SYS_ADMIN, here.id, [here.id])
        plain = Person(admin.id, admin.name, open_session(session, opening, now=utc_now()))
    again = await client.post(f"{API}/staff", json=body, headers=plain.headers("once"))
    refused(again, 403, "access.step_up_required")
    again = await client.post(f"{API}/staff", json=body, headers=admin.headers("once"))
    assert (again.status_code, again.content) == (201, made.content)


async def test_nobody_approves_what_they_drafted_or_touches_their_own_account(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    sys_admin, sec_admin = here.staff[Role.SYS_ADMIN], here.staff[Role.SEC_ADMIN]
    drafted = (await _post(client, sys_admin, "", _draft(here))).json()
    await here.set(StaffAccount, UUID(drafted["id"]), drafted_by=sec_admin.id)
    refused(await _post(client, sec_admin, f"/{drafted['id']}/approve"), 403, "unions.own_account")
    assert (await _row(here, drafted["id"])).approved_at is None
    role = {"role": "chair"}
    refused(await _post(client, sys_admin, f"/{sys_admin.id}/role", role), 403, "unions.own_account")
    refused(
        await _post(client, sys_admin, f"/{sys_admin.id}/disable", {"reason": "离岗"}),
        403,
        "unions.own_account",
    )
    changed = await _post(client, sys_admin, f"/{sec_admin.id}/role", role)
    assert (changed.json()["role"], changed.json()["pending_role"]) == ("sec_admin", "chair")
    refused(await _post(client, sec_admin, f"/{sec_admin.id}/approve"), 403, "unions.own_account")
    row = await _row(here, sec_admin.id)
    assert (row.role, row.pending_role) == ("sec_admin", "chair")
    for wrong in ({"approved_by": sys_admin.id}, {"approved_by": sec_admin.id}, {"drafted_by": sec_admin.id}):
        with pytest.raises(IntegrityError):
            await here.set(StaffAccount, sec_admin.id, **wrong)


async def test_another_role_counts_when_it_is_approved_and_ends_the_sessions(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    sys_admin, sec_admin, clerk = (
        here.staff[role] for role in (Role.SYS_ADMIN, Role.SEC_ADMIN, Role.STATION_CLERK)
    )
    await _post(client, sys_admin, f"/{clerk.id}/role", {"role": "auditor"})
    assert (await client.get(f"{API}/me", headers=clerk.headers())).json()["role"] == "station_clerk"
    approved = await _post(client, sec_admin, f"/{clerk.id}/approve")
    assert (approved.json()["role"], approved.json()["pending_role"]) == ("auditor", None)
    refused(await client.get(f"{API}/me", headers=clerk.headers()), 401, "access.unauthenticated")


async def test_an_account_is_disabled_at_once_and_stays(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    sys_admin, clerk = here.staff[Role.SYS_ADMIN], here.clerk
    assert (await client.get(f"{API}/me", headers=clerk.headers())).status_code == 200
    disabled = await _post(client, sys_admin, f"/{clerk.id}/disable", {"reason": "离岗"})
    assert disabled.json()["status"] == "disabled"
    refused(await client.get(f"{API}/me", headers=clerk.headers()), 401, "access.unauthenticated")
    refused(
        await _post(client, sys_admin, f"/{clerk.id}/role", {"role": "chair"}), 403, "unions.account_disabled"
    )
    assert (await _row(here, clerk.id)).disabled_at is not None
    wanted = select(AuditEntry.reason, AuditEntry.subject_id).where(AuditEntry.action == "disable_staff")
    assert await here.read(wanted.where(AuditEntry.union_id == here.id)) == [("离岗", clerk.id)]


async def test_roles_of_a_unit_have_a_unit_and_others_none(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here, elsewhere = await street(), await street()
    sys_admin = here.staff[Role.SYS_ADMIN]
    unit = str(here.unit_id)
    good = await _post(client, sys_admin, "", _draft(here, role="group_leader", unit_id=unit))
    assert (good.status_code, good.json()["unit_id"]) == (201, unit)
    for wrong in (
        {"role": "group_leader"},
        {"role": "group_leader", "unit_id": str(elsewhere.unit_id)},
        {"role": "group_leader", "unit_id": str(here.id)},
        {"role": "chair", "unit_id": unit},
    ):
        refused(await _post(client, sys_admin, "", _draft(here, **wrong)), 422, "unions.unit_not_found")
    refused(
        await _post(client, sys_admin, f"/{here.clerk.id}/role", {"role": "group_leader"}),
        422,
        "unions.unit_not_found",
    )
    leader = here.staff[Role.GROUP_LEADER]
    await _post(client, sys_admin, f"/{leader.id}/role", {"role": "finance"})
    moved = await _post(client, here.staff[Role.SEC_ADMIN], f"/{leader.id}/approve")
    assert (moved.json()["role"], moved.json()["unit_id"]) == ("finance", None)


async def test_what_is_no_draft_or_not_theirs_is_refused(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here, elsewhere = await street(), await street()
    sys_admin, sec_admin = here.staff[Role.SYS_ADMIN], here.staff[Role.SEC_ADMIN]
    before = await here.count(StaffAccount)
    for wrong in ({"role": "member"}, {"role": "pickup_device"}, {"login": "A"}, {"display_name": " "},
                  {"approved_at": "2026-10-12T00:00:00Z"}):  # fmt: skip
        refused(await _post(client, sys_admin, "", _draft(here, **wrong)), 422, "platform.malformed")
    for union_id in (elsewhere.id, uuid4()):
        answer = await _post(client, sys_admin, "", _draft(here, union_id=str(union_id)))
        refused(answer, 404, "unions.union_not_found")
    taken = _draft(here)
    assert (await _post(client, sys_admin, "", taken)).status_code == 201
    refused(await _post(client, sys_admin, "", taken), 409, "platform.conflict")
    for staff_id in (elsewhere.clerk.id, uuid4()):
        refused(
            await _post(client, sys_admin, f"/{staff_id}/disable", {"reason": "离岗"}),
            404,
            "unions.person_not_found",
        )
        refused(await _post(client, sec_admin, f"/{staff_id}/approve"), 404, "unions.person_not_found")
    assert await here.count(StaffAccount) == before + 1
    assert (await _row(elsewhere, elsewhere.clerk.id)).disabled_at is None
