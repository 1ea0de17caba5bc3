"""People and things that the run needs beside a street in which much has happened."""

from typing import Any
from uuid import uuid4

import httpx
from sqlalchemy import func, select

from app.access.policy import Role
from app.access.scope import every_union
from app.access.tokens import Opening, open_session
from app.platform.clock import utc_now
from app.platform.database import Database
from app.platform.ids import new_id
from app.privacy.tables import DeletionReceipt
from app.redemptions.tables import CodeKey
from app.roster.jobs.imports import carry_out_imports
from app.roster.tables import RosterImport
from app.sign_in.actions.invite import invite
from app.unions.tables import Member, StaffAccount
from tests.factories.answers import API
from tests.factories.managers import make_manager
from tests.factories.rosters import HEADINGS, csv_of
from tests.factories.sign_in import give, new_mobile
from tests.factories.street import Person, Street
from tests.factories.tablets import make_key, public_half

INVITED, ENDED, IMPORTS, KEYS = 30, 40, 16, 4
ORDERING, FRESH = 60, 64
"""How many of the members order; to the others nothing has happened yet."""
MANAGERS = (Role.GROUP_LEADER, Role.FINANCE, Role.WAREHOUSE_KEEPER, Role.DISTRICT_VIEWER)


async def describe_people(here: Street) -> dict[str, Any]:
    """Return who is who."""
    rows = await here.read(select(StaffAccount.login).where(StaffAccount.id == here.clerk.id))
    return {
        "union_id": str(here.id),
        "unit_id": str(here.unit_id),
        "staff": {role.value: person.token for role, person in here.staff.items()},
        "clerk": {"id": str(here.clerk.id), "login": rows[0].login},
        "ids": await _things(here),
    }


NOBODY: dict[str, Any] = {"fresh": [], "invited": [], "ended": []}


async def add_fresh(here: Street) -> dict[str, Any]:
    """Return people for calls that each work only once, or end something of theirs."""
    *fresh, leaver, lone, first_twin, second_twin = here.members[ORDERING:]
    twins = new_mobile()
    for twin in (first_twin, second_twin):
        await give(here, twin.id, mobile=twins)
    managers = {role.value: await make_manager(here, role) for role in MANAGERS}
    return {
        "managers": {name: {"login": one.login, "secret": one.secret} for name, one in managers.items()},
        "shared_mobile": twins,
        "lone": lone.token,
        "fresh": [await _fresh(here, who) for who in fresh],
        "invited": await _invited(here),
        "ended": [await _session(here, leaver) for _ in range(ENDED)],
    }


async def _fresh(here: Street, who: Person) -> dict[str, str]:
    mobile, number = new_mobile(), f"N{uuid4().hex[:10]}"
    await give(here, who.id, mobile=mobile)
    await here.set(Member, who.id, number=number)
    return {"id": str(who.id), "token": who.token, "mobile": mobile, "number": number}


async def _invited(here: Street) -> list[list[str]]:
    """Return logins of new accounts with the codes that activate them."""
    found, now = [], utc_now()
    async with here.database.transaction(every_union("a test arranges")) as session:
        for _ in range(INVITED):
            login = f"t-{uuid4().hex[:12]}"
            session.add(
                StaffAccount(id=new_id(), union_id=here.id, login=login, display_name="示例·新人",
                             role="finance", approved_at=now)
            )  # fmt: skip
            await session.flush()
            found.append([login, await invite(session, login, reset=False, now=now)])
    return found


async def _session(here: Street, who: Person) -> str:
    opening = Opening(who.id, Role.MEMBER, here.id, [here.id], kind="bearer")
    async with here.database.transaction(every_union("a test arranges")) as session:
        return open_session(session, opening, now=utc_now())


async def add_imports(client: httpx.AsyncClient, here: Street) -> list[str]:
    """Return imports that were compared; one of two rows in each is refused."""
    rows = [["N9001", "示例导入", "13900139001", "7319", ""], ["", "", "1", "", "x"]]
    found = []
    for _ in range(IMPORTS):
        sent = await client.post(
            f"{API}/members/imports", params={"filename": "名单.csv"}, content=csv_of([HEADINGS, *rows]),
            headers=here.officer.headers("new") | {"Content-Type": "text/csv"},
        )  # fmt: skip
        assert sent.status_code == 202, sent.text
        found.append(sent.json()["id"])
    await carry_out_imports(here.database)
    states = await here.read(select(RosterImport.status).where(RosterImport.union_id == here.id))
    assert {row.status for row in states} == {"compared"}
    return found


async def add_keys(database: Database) -> list[str]:
    """Add signing keys that have signed nothing and never will; return their ids."""
    now, newest = utc_now(), select(func.max(CodeKey.id))
    async with database.transaction(every_union("a test arranges")) as session:
        last = (await session.execute(newest)).scalar_one()
        made = range(last + 1, last + 1 + KEYS)
        for id in made:
            public_key = public_half(make_key("ed25519"))
            session.add(
                CodeKey(id=id, public_key=public_key, state="verify_only", created_at=now, changed_at=now)
            )
    return [str(id) for id in made]


async def _things(here: Street) -> dict[str, list[str]]:
    """Return ids of what no call makes, and of people."""
    now, receipt, account = utc_now(), new_id(), new_id()
    async with here.database.transaction(every_union("a test arranges")) as session:
        session.add(
            DeletionReceipt(id=receipt, union_id=here.id, kind="member", subject_id=uuid4(), counts={},
                            kept={}, carried_out_at=now, digest=bytes(32))
        )  # fmt: skip
        session.add(
            StaffAccount(id=account, union_id=here.id, login=f"t-{uuid4().hex[:12]}", role="station_clerk",
                         display_name="示例·新人", approved_at=now)
        )  # fmt: skip
    members = [str(who.id) for who in (here.members[ORDERING:-4] or here.members)]
    return {"receipt_id": [str(receipt)], "member_id": members, "staff_id": [str(account)]}
