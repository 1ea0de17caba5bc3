"""Staff accounts that are disabled or stand too high, and keys that do not fit."""

from uuid import uuid4

import httpx
import pytest

from app.access.policy import Role
from app.access.scope import every_union
from app.access.tokens import add_token
from app.platform.clock import utc_now
from app.platform.ids import new_id
from app.platform.signing import KeyStore
from app.redemptions.actions.keys import make_key
from app.unions.actions import disable_staff, issue_staff_token
from app.unions.errors import AccountDisabled
from app.unions.tables import StaffAccount
from tests.actions.eventually import eventually
from tests.conftest import MakeStreet
from tests.factories.apps import run_fleet
from tests.factories.databases import Scratch
from tests.factories.street import Person, Street, make_street

API = "/api/v1"


async def login_of(here: Street, person: Person) -> str:
    """Return the login of a staff account."""
    async with here.database.transaction(every_union("a test looks")) as session:
        return (await session.get_one(StaffAccount, person.id)).login


async def test_a_disabled_account_is_refused_at_once(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street()

    async def status() -> int:
        return (await client.get(f"{API}/me", headers=here.clerk.headers())).status_code

    assert await status() == 200
    login = await login_of(here, here.clerk)
    async with here.database.transaction(every_union("the operator")) as session:
        await disable_staff(session, login, now=utc_now())
    await eventually(lambda: _is(status, 401))
    with pytest.raises(AccountDisabled):
        async with here.database.transaction(every_union("the operator")) as session:
            await issue_staff_token(session, login, now=utc_now())
    officer = await client.get(f"{API}/me", headers=here.officer.headers())
    assert officer.status_code == 200, "nobody else is disabled"


async def _is(status: object, wanted: int) -> bool:
    return bool(await status() == wanted)  # type: ignore[operator]


async def test_an_account_disabled_behind_the_back_is_refused_too(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    await here.set(StaffAccount, here.clerk.id, disabled_at=utc_now())
    answer = await client.get(f"{API}/me", headers=here.clerk.headers())
    assert (answer.status_code, answer.json()["code"]) == (401, "access.unauthenticated")


@pytest.mark.parametrize("path", ["/pickup-points", "/campaigns"])
async def test_who_stands_above_a_street_writes_nothing_in_it(
    client: httpx.AsyncClient, street: MakeStreet, path: str
) -> None:
    """An officer of a district union sees several streets, and belongs to none of them."""
    here, there = await street(), await street()
    async with here.database.transaction(every_union("a test arranges")) as session:
        high = StaffAccount(
            id=new_id(), union_id=here.id, login=f"t-{uuid4().hex[:8]}", display_name="示例",
            role=Role.UNION_OFFICER.value,
        )  # fmt: skip
        session.add(high)
        await session.flush()
        token = add_token(
            session, high.id, role=Role.UNION_OFFICER, union_id=here.id,
            scope_union_ids=[here.id, there.id], now=utc_now(),
        )  # fmt: skip
    headers = {"Authorization": f"Bearer {token}"}
    assert (await client.get(f"{API}/campaigns", headers=headers)).status_code == 200
    answer = await client.post(f"{API}{path}", json={}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "access.forbidden")


async def test_a_key_number_is_never_used_twice(scratch: Scratch) -> None:
    """The folder of keys outlived its database: the new one begins after it."""
    store = KeyStore(scratch.settings.keys_dir.parent / f"keys-{uuid4().hex[:8]}")
    store.create(7)
    async with scratch.database.transaction(every_union("a test makes a key")) as session:
        assert (await make_key(session, store, now=utc_now())).id == 8


@pytest.mark.parametrize("harm", ["missing", "another"])
async def test_a_private_key_that_does_not_fit_signs_nothing(scratch: Scratch, harm: str) -> None:
    folder = scratch.settings.keys_dir.parent / f"keys-{uuid4().hex[:8]}"
    if harm == "another":
        KeyStore(folder).create(1)
    async with run_fleet(scratch.settings.model_copy(update={"keys_dir": folder}), 1) as fleet:
        here = await make_street(scratch.database)
        placed = await fleet.order(here.members[0], here.offers[0], slot_id=here.slots[0])
        path = f"{API}/orders/{placed.json()['id']}/code"
        answer = await fleet.clients[0].get(path, headers=here.members[0].headers())
        assert (answer.status_code, answer.json()["code"]) == (503, "redemptions.no_active_key")
        assert int(answer.headers["Retry-After"]) > 0


@pytest.mark.parametrize("body", [b"hello", b"\xff\xfe", b"[" * 100_000, b"1" * 5_000])
async def test_a_body_that_is_no_json_never_harms_a_keyed_call(
    client: httpx.AsyncClient, street: MakeStreet, body: bytes
) -> None:
    here = await street()
    headers = here.officer.headers("new") | {"Content-Type": "text/plain"}
    answer = await client.post(f"{API}/pickup-points", content=body, headers=headers)
    assert answer.status_code == 422, answer.text
    chair = here.staff[Role.CHAIR].headers("new")
    answer = await client.post(f"{API}/campaigns/{here.campaign_id}/publish", content=body, headers=chair)
    assert (answer.status_code, answer.json()["code"]) == (409, "campaigns.not_draft")
