"""Sessions: what ends them (attack A5), where a cookie may come from (A15), and what people see of them."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select, update

from app.access.cookies import SESSION_COOKIE
from app.access.policy import Role
from app.access.scope import every_union
from app.access.tokens import AccessToken, Opening, digest_of, open_session
from app.platform.clock import utc_now
from app.platform.errors import Unauthenticated
from app.unions.actions.accounts import disable_staff
from app.unions.tables import Member, StaffAccount
from tests.actions.eventually import eventually
from tests.conftest import MakeStreet
from tests.factories.answers import API, refused, unchanged, walk
from tests.factories.apps import Fleet
from tests.factories.managers import OWN_PAGE, browser, make_manager
from tests.factories.street import Person, Street


async def _opened(here: Street, who: Person, role: Role, **wanted: Any) -> Person:
    """Open another session of somebody."""
    async with here.database.transaction(every_union("a test arranges")) as session:
        opening = Opening(who.id, role, here.id, [here.id], **wanted)
        return Person(who.id, who.name, open_session(session, opening, now=utc_now()))


async def _status(client: httpx.AsyncClient, headers: dict[str, str]) -> int:
    return (await client.get(f"{API}/me", headers=headers)).status_code


async def _end_the_account(here: Street, id: Any) -> None:
    async with here.database.transaction(every_union("the operator")) as session:
        staff = await session.get_one(StaffAccount, id)
        await disable_staff(session, staff.login, now=utc_now())


async def _change_the_role(here: Street, id: Any) -> None:
    await here.set(StaffAccount, id, role="warehouse_keeper")


async def _change_the_unit(here: Street, id: Any) -> None:
    await here.set(StaffAccount, id, role="group_leader", unit_id=here.unit_id)


@pytest.mark.parametrize("end", [_end_the_account, _change_the_role, _change_the_unit])
async def test_a_changed_account_is_refused_by_every_app(fleet: Fleet, street: MakeStreet, end: Any) -> None:
    """A5: both apps remember the session; nobody tells them but the database."""
    here = await street()
    clerk = await _opened(here, here.clerk, Role.STATION_CLERK)
    assert [await _status(app, clerk.headers()) for app in fleet.clients] == [200, 200]
    await end(here, here.clerk.id)

    async def both_refuse() -> bool:
        return [await _status(app, clerk.headers()) for app in fleet.clients] == [401, 401]

    await eventually(both_refuse)
    assert [await _status(app, here.officer.headers()) for app in fleet.clients] == [200, 200]


async def test_a_role_that_was_given_back_does_not_bring_a_session_back(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    await _change_the_role(here, here.clerk.id)
    await here.set(StaffAccount, here.clerk.id, role="station_clerk")
    assert await _status(client, here.clerk.headers()) == 401


@pytest.mark.parametrize(("status", "wanted"), [("left", 401), ("transferred_out", 401), ("retained", 200)])
async def test_a_member_who_has_left_is_refused_by_every_app(
    fleet: Fleet, street: MakeStreet, status: str, wanted: int
) -> None:
    here = await street()
    member = here.members[0]
    assert [await _status(app, member.headers()) for app in fleet.clients] == [200, 200]
    await here.set(Member, member.id, status=status)

    async def both_know() -> bool:
        return [await _status(app, member.headers()) for app in fleet.clients] == [wanted, wanted]

    await eventually(both_know)
    assert await _status(fleet.clients[0], here.members[1].headers()) == 200


async def test_a_stolen_cookie_is_worth_nothing_after_sign_out(fleet: Fleet, street: MakeStreet) -> None:
    """A5: the next request is refused, by the app that was told and by the other one."""
    here = await street()
    manager = await make_manager(here)
    async with browser(fleet.apps[0]) as here_, browser(fleet.apps[1]) as thief:
        answer = await manager.sign_in(here_, "cookie")
        assert answer["token"] is None
        stolen = here_.cookies[SESSION_COOKIE]
        thief.cookies.set(SESSION_COOKIE, stolen)
        assert [await _status(one, {}) for one in (here_, thief)] == [200, 200]
        out = await here_.post(f"{API}/sign-out", headers=OWN_PAGE)
        assert out.status_code == 204
        assert "Max-Age=0" in out.headers["set-cookie"]
        assert SESSION_COOKIE not in here_.cookies
        here_.cookies.set(SESSION_COOKIE, stolen)
        refused(await here_.get(f"{API}/me"), 401, "access.unauthenticated")

        async def thief_is_refused() -> bool:
            return await _status(thief, {}) == 401

        await eventually(thief_is_refused)


async def test_sign_in_always_makes_a_new_session_and_ends_the_one_of_the_browser(
    app: FastAPI, street: MakeStreet
) -> None:
    """A5, fixation: a session that was planted before the sign-in is worth nothing afterwards."""
    here = await street()
    manager = await make_manager(here)
    planted = (await _opened(here, here.members[0], Role.MEMBER, kind="cookie")).token
    async with browser(app) as victim, browser(app) as attacker:
        victim.cookies.set(SESSION_COOKIE, planted)
        attacker.cookies.set(SESSION_COOKIE, planted)
        assert await _status(attacker, {}) == 200
        await manager.sign_in(victim, "cookie")
        ours = [c.value for c in victim.cookies.jar if c.name == SESSION_COOKIE]
        assert planted not in ours[-1:]
        assert await _status(attacker, {}) == 401


async def test_the_cookie_is_out_of_reach_of_scripts_and_of_other_hosts(
    app: FastAPI, street: MakeStreet
) -> None:
    manager = await make_manager(await street())
    async with browser(app) as client:
        body = {"challenge": await manager.challenge(client), "code": manager.code(), "transport": "cookie"}
        answer = await client.post(f"{API}/sign-in/staff/totp", json=body, headers=OWN_PAGE)
        given = answer.headers["set-cookie"]
        assert answer.headers["cache-control"] == "no-store"
    name, *parts = given.split("; ")
    assert name.startswith("__Host-grainline=~")
    assert {part.lower() for part in parts} == {
        "httponly", "max-age=43200", "path=/", "samesite=lax", "secure",
    }  # fmt: skip


JSON = {"Content-Type": "application/json"}
GOOD = JSON | {"X-Grainline": "1", "Sec-Fetch-Site": "same-origin"}
FOREIGN: dict[str, dict[str, str]] = {
    "nothing": JSON,
    "no word of ours": JSON | {"Sec-Fetch-Site": "same-origin"},
    "another word": GOOD | {"X-Grainline": "0"},
    "another site": GOOD | {"Sec-Fetch-Site": "cross-site"},
    "a sub-domain": GOOD | {"Sec-Fetch-Site": "same-site"},
    "a site that says it is ours": GOOD | {"Sec-Fetch-Site": "cross-site", "Origin": "http://127.0.0.1:8000"},
    "no origin": JSON | {"X-Grainline": "1"},
    "origin null": JSON | {"X-Grainline": "1", "Origin": "null"},
    "another origin": JSON | {"X-Grainline": "1", "Origin": "http://127.0.0.1:8001"},
    "an origin that begins like ours": JSON
    | {"X-Grainline": "1", "Origin": "http://127.0.0.1:8000.evil.example"},
    "text": GOOD | {"Content-Type": "text/plain"},
    "text with a charset": GOOD | {"Content-Type": "Text/Plain; charset=utf-8"},
    "a form": GOOD | {"Content-Type": "application/x-www-form-urlencoded"},
    "multipart": GOOD | {"Content-Type": "multipart/form-data; boundary=x"},
    "no type": GOOD | {"Content-Type": ""},
}


@pytest.mark.parametrize("kind", FOREIGN)
async def test_a_cookie_from_elsewhere_changes_nothing(app: FastAPI, street: MakeStreet, kind: str) -> None:
    """A15."""
    here = await street()
    officer = await _opened(here, here.officer, Role.UNION_OFFICER, kind="cookie")
    body = '{"name": "示例·领取点9", "address": "x"}'.encode()
    async with browser(app) as client, unchanged(here):
        client.cookies.set(SESSION_COOKIE, officer.token)
        answer = await client.post(f"{API}/pickup-points", content=body, headers=FOREIGN[kind])
        refused(answer, 403, "access.cross_site")
        assert await _status(client, {}) == 200, "looking is no change"


@pytest.mark.parametrize(
    "headers",
    [
        GOOD,
        GOOD | {"Sec-Fetch-Site": "none"},
        {
            "X-Grainline": "1",
            "Origin": "http://127.0.0.1:8000",
            "Content-Type": "application/json; charset=utf-8",
        },
    ],
)
async def test_a_cookie_from_our_pages_does(
    app: FastAPI, street: MakeStreet, headers: dict[str, str]
) -> None:
    here = await street()
    officer = await _opened(here, here.officer, Role.UNION_OFFICER, kind="cookie")
    body = '{"name": "示例·领取点9", "address": "x"}'.encode()
    async with browser(app) as client:
        client.cookies.set(SESSION_COOKIE, officer.token)
        answer = await client.post(f"{API}/pickup-points", content=body, headers=headers)
        assert answer.status_code == 201, answer.text


async def test_a_cookie_and_a_token_together_are_refused(app: FastAPI, street: MakeStreet) -> None:
    here = await street()
    member = await _opened(here, here.members[0], Role.MEMBER, kind="cookie")
    async with browser(app) as client:
        client.cookies.set(SESSION_COOKIE, member.token)
        for header in (here.officer.headers()["Authorization"], "Basic x", ""):
            answer = await client.get(f"{API}/me", headers={"Authorization": header})
            refused(answer, 400, "access.two_credentials")


async def test_a_session_travels_only_as_it_was_given(app: FastAPI, street: MakeStreet) -> None:
    here = await street()
    member = await _opened(here, here.members[0], Role.MEMBER, kind="cookie")
    async with browser(app) as client:
        assert await _status(client, member.headers()) == 401, "a cookie is no bearer token"
        client.cookies.set(SESSION_COOKIE, here.members[0].token)
        assert await _status(client, {}) == 401, "a bearer token is no cookie"


async def test_people_see_and_end_their_own_sessions(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here, there = await street(), await street()
    who = here.members[0]
    phone = await _opened(here, who, Role.MEMBER, label="Chrome · Android")
    stranger = await _opened(there, there.members[0], Role.MEMBER)
    seen = await walk(client, "/sessions", phone)
    assert [(one["label"], one["kind"], one["is_current"]) for one in seen] == [
        ("Chrome · Android", "bearer", True),
        (None, "script", False),
    ]
    for path in (stranger, here.members[1]):
        theirs = (await walk(client, "/sessions", path))[0]["id"]
        refused(
            await client.delete(f"{API}/sessions/{theirs}", headers=phone.headers()),
            404,
            "platform.not_found",
        )
        assert await _status(client, path.headers()) == 200
    ended = await client.delete(f"{API}/sessions/{seen[1]['id']}", headers=phone.headers())
    assert (ended.status_code, ended.content) == (204, b"")
    assert [await _status(client, one.headers()) for one in (phone, who)] == [200, 401]
    again = await client.delete(f"{API}/sessions/{seen[1]['id']}", headers=phone.headers())
    refused(again, 404, "platform.not_found")


async def test_all_other_sessions_end_and_this_one_stays(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    who, other = here.members[:2]
    more = [await _opened(here, who, Role.MEMBER) for _ in range(3)]
    assert (await client.delete(f"{API}/sessions", headers=more[1].headers())).status_code == 204
    found = [await _status(client, one.headers()) for one in (who, *more, other)]
    assert found == [401, 401, 200, 401, 200]


LIVES = {
    "member": (Role.MEMBER, {}, timedelta(days=30), timedelta(days=90)),
    "manager": (Role.UNION_OFFICER, {}, timedelta(minutes=30), timedelta(hours=12)),
    "clerk at a device": (Role.STATION_CLERK, {"device_id": True}, timedelta(hours=4), timedelta(hours=12)),
    "script": (Role.UNION_OFFICER, {"kind": "script"}, None, timedelta(days=30)),
}


@pytest.mark.parametrize("kind", LIVES)
async def test_a_session_ends_without_use_and_at_last(app: FastAPI, street: MakeStreet, kind: str) -> None:
    here = await street()
    role, wanted, idle, most = LIVES[kind]
    if "device_id" in wanted:
        wanted = {"device_id": here.staff[Role.PICKUP_DEVICE].id}
    who = here.members[0] if role is Role.MEMBER else here.staff[role]
    person = await _opened(here, who, role, **wanted)
    row = select(AccessToken.created_at, AccessToken.expires_at).where(
        AccessToken.digest == digest_of(person.token)
    )
    created_at, expires_at = (await here.read(row))[0]
    assert expires_at - created_at == most

    async def at(used: timedelta, begun: timedelta) -> int:
        now = utc_now()
        values = {"last_used_at": now - used, "created_at": now - begun, "expires_at": now - begun + most}
        async with here.database.transaction(every_union("a test moves time")) as session:
            mine = update(AccessToken).where(AccessToken.digest == digest_of(person.token))
            await session.execute(mine.values(values))
        app.state.tokens.forget()
        try:
            await app.state.tokens.actor_of(person.token, now=now)
        except Unauthenticated:
            return 401
        finally:
            await app.state.tokens.drain()
        return 200

    second = timedelta(seconds=1)
    if idle is not None:
        assert await at(idle - 5 * second, idle) == 200
        assert await at(idle, idle) == 401
    assert await at(second, most - 5 * second) == 200
    assert await at(second, most) == 401


async def test_use_is_written_down_once_a_minute(
    client: httpx.AsyncClient, app: FastAPI, street: MakeStreet
) -> None:
    here = await street()
    row = select(AccessToken.last_used_at).where(AccessToken.digest == digest_of(here.clerk.token))

    async def used_after(ago: timedelta) -> bool:
        moved = utc_now() - ago
        async with here.database.transaction(every_union("a test moves time")) as session:
            mine = update(AccessToken).where(AccessToken.digest == digest_of(here.clerk.token))
            await session.execute(mine.values(last_used_at=moved))
        app.state.tokens.forget()
        assert await _status(client, here.clerk.headers()) == 200
        await app.state.tokens.drain()
        return (await here.read(row))[0][0] != moved

    assert [await used_after(timedelta(seconds=s)) for s in (0, 55, 61, 3600)] == [False, False, True, True]


async def test_a_full_disk_does_not_keep_people_out(
    app: FastAPI, client: httpx.AsyncClient, street: MakeStreet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The use of a session cannot be written down; who it belongs to can be read all the same."""
    from app.access import reader

    here = await street()
    await _opened(here, here.clerk, Role.STATION_CLERK)
    monkeypatch.setattr(reader, "_USE_NOTED_EVERY", timedelta())
    monkeypatch.setattr(reader, "update", _broken)
    app.state.tokens.forget()
    assert await _status(client, here.clerk.headers()) == 200
    await app.state.tokens.drain()
    assert await _status(client, here.clerk.headers()) == 200


def _broken(*_: Any) -> Any:
    raise OSError("no space left")
