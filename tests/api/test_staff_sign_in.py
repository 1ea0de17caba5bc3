"""Managers' sign-in, and the attacks on it: guessing (A1), finding logins out (A2), old codes (A3)."""

import asyncio
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import httpx
import pyotp
import pytest
from fastapi import FastAPI
from sqlalchemy import select, update

from app.access.audit import AuditEntry
from app.access.policy import Role
from app.access.scope import every_union
from app.access.tokens import AccessToken
from app.platform.clock import utc_now
from app.platform.errors import TooManyRequests
from app.sign_in.actions.invite import invite
from app.sign_in.actions.staff_door import StaffDoor, network_of
from app.sign_in.actions.staff_password import check_password
from app.sign_in.errors import SignInRefused
from app.sign_in.tables.staff import StaffChallenge, StaffCredential, StaffRecoveryCode
from app.unions.tables import StaffAccount
from tests.conftest import MakeStreet
from tests.factories.answers import API, refused, without_ids
from tests.factories.managers import OWN_PAGE, PASSWORD, Manager, browser, make_manager, new_address
from tests.factories.street import Street

BEGIN, FINISH, ACTIVATE = f"{API}/sign-in/staff", f"{API}/sign-in/staff/totp", f"{API}/sign-in/staff/activate"


async def _login(here: Street, role: Role) -> str:
    row = select(StaffAccount.login).where(StaffAccount.id == here.staff[role].id)
    return str((await here.read(row))[0][0])


async def _invited(
    here: Street, role: Role, *, reset: bool = False, now: datetime | None = None
) -> tuple[str, str]:
    """Return login and activation code of an account."""
    login = await _login(here, role)
    async with here.database.transaction(every_union("the operator")) as session:
        return login, await invite(session, login, reset=reset, now=now or utc_now())


async def _actions(app: FastAPI, here: Street, staff_id: Any) -> list[str]:
    await app.state.errands.settle()
    wanted = select(AuditEntry.action).where(AuditEntry.subject_id == staff_id).order_by(AuditEntry.id)
    return [row.action for row in await here.read(wanted)]


async def _finish(client: httpx.AsyncClient, challenge: str, **proof: str) -> httpx.Response:
    return await client.post(FINISH, json={"challenge": challenge} | proof, headers=OWN_PAGE)


async def test_an_account_begins_without_a_password_and_ends_with_two_factors(
    app: FastAPI, street: MakeStreet
) -> None:
    here = await street()
    chair = here.staff[Role.CHAIR]
    login, code = await _invited(here, Role.CHAIR)
    async with browser(app) as client:
        refused(await client.post(BEGIN, json={"login": login, "password": PASSWORD}), 401, "sign_in.refused")
        body = {"login": login, "activation_code": code, "password": PASSWORD}
        weak = await client.post(ACTIVATE, json=body | {"password": "Dragon2026!!"})
        assert refused(weak, 422, "sign_in.password_weak")["reason"] == "known"
        step = (await client.post(ACTIVATE, json=body)).json()
        assert step["next"] == "enroll_totp"
        secret = pyotp.parse_uri(step["provisioning_uri"]).secret
        refused(
            await _finish(client, step["challenge"], recovery_code="0000-0000-0000"), 401, "sign_in.refused"
        )
        done = await _finish(client, step["challenge"], code=pyotp.TOTP(secret).now())
        signed_in = done.json()
        assert done.status_code == 200, done.text
        assert (signed_in["idle_seconds"], len(signed_in["recovery_codes"])) == (1800, 10)
        me = await client.get(f"{API}/me", headers={"Authorization": f"Bearer {signed_in['token']}"})
        assert (me.json()["id"], me.json()["role"]) == (str(chair.id), "chair")
        refused(await client.post(ACTIVATE, json=body), 401, "sign_in.refused")
        again = (await client.post(BEGIN, json={"login": login.upper(), "password": PASSWORD})).json()
        assert (again["next"], again["provisioning_uri"]) == ("totp", None)
        recovered = await _finish(
            client, again["challenge"], recovery_code=signed_in["recovery_codes"][3].lower()
        )
        assert (recovered.json()["recovery_codes"], recovered.json()["recovery_codes_left"]) == (None, 9)
    assert await _actions(app, here, chair.id) == [
        "staff.invited", "sign_in.password_refused", "sign_in.activated", "sign_in.second_factor_refused",
        "sign_in.accepted", "sign_in.activation_refused", "sign_in.accepted",
    ]  # fmt: skip


async def test_nothing_of_the_proofs_can_be_read_in_the_database(app: FastAPI, street: MakeStreet) -> None:
    here = await street()
    login, code = await _invited(here, Role.CHAIR)
    async with browser(app) as client:
        body = {"login": login, "activation_code": code, "password": PASSWORD}
        step = (await client.post(ACTIVATE, json=body)).json()
        secret = pyotp.parse_uri(step["provisioning_uri"]).secret
        done = (await _finish(client, step["challenge"], code=pyotp.TOTP(secret).now())).json()
    rows = []
    for model in (StaffCredential, StaffRecoveryCode, StaffChallenge, AccessToken, AuditEntry):
        rows += [
            tuple(row) for row in await here.read(select(*model.__table__.c).where(model.union_id == here.id))
        ]
    held = str(rows)
    secrets = [code, PASSWORD, secret, step["challenge"], done["token"], *done["recovery_codes"]]
    secrets += [one.replace("-", "") for one in done["recovery_codes"]]
    assert [one for one in secrets if one in held] == []


async def test_an_activation_code_counts_for_a_day_and_the_last_one_only(
    app: FastAPI, street: MakeStreet
) -> None:
    here = await street()
    now = utc_now()
    login, late = await _invited(here, Role.CHAIR, now=now - timedelta(hours=24))
    async with browser(app) as client:
        body = {"login": login, "password": PASSWORD}
        refused(await client.post(ACTIVATE, json=body | {"activation_code": late}), 401, "sign_in.refused")
        _, first = await _invited(here, Role.CHAIR)
        _, second = await _invited(here, Role.CHAIR)
        refused(await client.post(ACTIVATE, json=body | {"activation_code": first}), 401, "sign_in.refused")
        assert (await client.post(ACTIVATE, json=body | {"activation_code": second})).status_code == 200


async def test_a_reset_takes_everything_away(app: FastAPI, street: MakeStreet) -> None:
    here = await street()
    manager = await make_manager(here)
    async with browser(app) as client:
        signed_in = await manager.bearer(client)
        challenge = await manager.challenge(client)
        await _invited(here, Role.UNION_OFFICER, reset=True)
        refused(await _finish(client, challenge, code=manager.code()), 401, "sign_in.refused")
        body = {"login": manager.login, "password": PASSWORD}
        refused(await client.post(BEGIN, json=body), 401, "sign_in.refused")
        app.state.tokens.forget()
        refused(await client.get(f"{API}/me", headers=signed_in), 401, "access.unauthenticated")


# --- A1: guessing ---------------------------------------------------------------------------------


async def test_however_it_is_tried_ten_guesses_of_an_account_are_looked_at_in_a_quarter(
    app: FastAPI, street: MakeStreet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A1: 3 accounts, every address another, a try every 30 seconds for an hour."""
    here = await street(members=0)
    looked_at: dict[str, list[datetime]] = {}
    told: list[int] = []
    now = utc_now()
    door: StaffDoor = app.state.staff_door

    async def never_fits(_self: Any, _secret: str, _known: str | None) -> bool:
        return False

    monkeypatch.setattr(type(door.hasher), "verify", never_fits)
    logins = [f"{here.number}-guessed-{n}" for n in range(2)] + [await _login(here, Role.CHAIR)]
    for tried in range(120):
        at = now + timedelta(seconds=30 * tried)
        for login in logins:
            try:
                await check_password(door, login, password="x", address=new_address(), now=at)
            except SignInRefused:
                looked_at.setdefault(login, []).append(at)
            except TooManyRequests as error:
                told.append(error.params["retry_after"])
    for times in looked_at.values():
        windows = [sum(begin <= one < begin + timedelta(minutes=15) for one in times) for begin in times]
        assert max(windows) <= 10
        waits = [late - early for early, late in pairwise(times)]
        assert max(waits[4:9]) > min(waits[4:9]), "the delay grows"
        assert len(times) >= 12, "nobody is locked out for ever"
    assert looked_at.keys() == set(logins)
    assert 1 <= min(told) <= max(told) <= 900
    await app.state.errands.settle()


async def test_one_address_tries_thirty_logins_in_a_quarter_at_most(
    app: FastAPI, street: MakeStreet, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = await street(members=0)
    door: StaffDoor = app.state.staff_door

    async def never_fits(_self: Any, _secret: str, _known: str | None) -> bool:
        return False

    monkeypatch.setattr(type(door.hasher), "verify", never_fits)
    address, now, seen = new_address(), utc_now(), []
    for tried in range(300):
        at = now + timedelta(seconds=6 * tried)
        try:
            await check_password(door, f"{here.number}-other-{tried}", password="x", address=address, now=at)
        except SignInRefused:
            seen.append(at)
        except TooManyRequests:
            pass
    assert max(sum(b <= one < b + timedelta(minutes=15) for one in seen) for b in seen) <= 30
    assert len(seen) >= 30


async def test_a_right_password_gives_the_allowance_back(app: FastAPI, street: MakeStreet) -> None:
    manager = await make_manager(await street())
    async with browser(app) as client:
        for _ in range(3):
            wrong = {"login": manager.login, "password": "x"}
            for _ in range(4):
                refused(await client.post(BEGIN, json=wrong), 401, "sign_in.refused")
            await manager.challenge(client)
            client._transport.client = (new_address(), 1)  # type: ignore[attr-defined]


async def test_a_challenge_takes_five_codes_and_no_right_one_after_them(
    app: FastAPI, street: MakeStreet
) -> None:
    manager = await make_manager(await street())
    async with browser(app) as client:
        challenge = await manager.challenge(client)
        good = manager.code(at=utc_now())
        wrong = next(code for code in ("000000", "111111", "222222", "333333") if code != good)
        for _ in range(4):
            refused(await _finish(client, challenge, code=wrong), 401, "sign_in.refused")
        answers = {(await _finish(client, challenge, code=code)).status_code for code in (wrong, good, good)}
        assert answers <= {401, 429}


def test_ipv6_is_counted_by_the_network_of_a_customer() -> None:
    assert network_of("2001:db8:1:2:3:4:5:6") == network_of("2001:db8:1:2::9") == "2001:db8:1:2::/64"
    assert network_of("192.0.2.1") == "192.0.2.1"
    assert network_of("testclient") == "testclient"
    assert network_of("::ffff:192.0.2.1") == "192.0.2.1", "as a server on both families sees it"


# --- A2: finding logins out -----------------------------------------------------------------------


async def test_unknown_disabled_and_known_logins_answer_alike(app: FastAPI, street: MakeStreet) -> None:
    """A2: status, body and headers; the times are measured by `bench/sign_in_times.py`."""
    here = await street()
    manager = await make_manager(here)
    disabled = await make_manager(here, Role.CHAIR)
    await here.set(StaffAccount, disabled.id, disabled_at=utc_now())
    unapproved = await make_manager(here, Role.AUDITOR)
    await here.set(StaffAccount, unapproved.id, approved_at=None)
    invited, _ = await _invited(here, Role.STATION_CLERK)
    fresh = await _login(here, Role.FINANCE)
    logins = {manager.login, disabled.login, unapproved.login, invited, fresh, "nobody-at-all", "\x01 无"}
    async with browser(app) as client:
        begun = [
            await client.post(BEGIN, json={"login": login, "password": password})
            for login in logins
            for password in (["x"] if login == manager.login else ["x", PASSWORD])
        ]
        activated = [
            await client.post(ACTIVATE, json={"login": login, "activation_code": "x", "password": PASSWORD})
            for login in logins
        ]
    assert [answer.status_code for answer in begun + activated].count(401) >= 15
    for answers in (begun, activated):
        told = [without_ids(answer) for answer in answers if answer.status_code == 401]
        assert all(one == told[0] for one in told)


async def test_a_login_without_a_password_costs_a_hash_too(
    app: FastAPI, street: MakeStreet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A2, the time: everybody's password is hashed once, in a thread, nobody's twice."""
    here = await street()
    manager = await make_manager(here)
    door: StaffDoor = app.state.staff_door
    worked: list[str | None] = []
    work = door.hasher._work

    def counted(secret: str, known: str | None) -> str:
        worked.append(known)
        return work(secret, known)

    monkeypatch.setattr(door.hasher, "_work", counted)
    async with browser(app) as client:
        for login in (manager.login, await _login(here, Role.CHAIR), "nobody-at-all"):
            await client.post(BEGIN, json={"login": login, "password": "x"})
    assert len(worked) == 3
    assert all(known is not None and known.startswith("$argon2id$v=19$m=47104,t=1,p=1$") for known in worked)


async def test_two_passwords_are_hashed_at_once_and_the_line_is_short(
    app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    door: StaffDoor = app.state.staff_door
    running, most = 0, 0

    def slow(_secret: str, _known: str | None) -> str:
        nonlocal running, most
        running += 1
        most = max(most, running)
        import time

        time.sleep(0.02)
        running -= 1
        return "no"

    monkeypatch.setattr(door.hasher, "_work", slow)
    async with browser(app) as client:
        del client
        found = await asyncio.gather(
            *(door.hasher.verify("x", None) for _ in range(40)), return_exceptions=True
        )
    busy = [one for one in found if isinstance(one, Exception)]
    assert (most, len(busy), [one for one in found if one is True]) == (2, 40 - 2 - 16, [])


# --- A3: old and foreign codes --------------------------------------------------------------------


async def test_a_code_counts_once_at_every_door(app: FastAPI, street: MakeStreet) -> None:
    manager = await make_manager(await street())
    async with browser(app) as client:
        code = manager.code()
        first = await _finish(client, await manager.challenge(client), code=code)
        assert first.status_code == 200
        refused(await _finish(client, await manager.challenge(client), code=code), 401, "sign_in.refused")
        headers = {"Authorization": f"Bearer {first.json()['token']}"}
        body = {"password": PASSWORD, "code": code}
        answer = await client.post(f"{API}/sign-in/staff/step-up", json=body, headers=headers)
        refused(answer, 403, "sign_in.proof_refused")


async def test_one_code_sent_twice_at_once_opens_one_session(app: FastAPI, street: MakeStreet) -> None:
    here = await street()
    manager = await make_manager(here)
    async with browser(app) as client:
        challenges = [await manager.challenge(client) for _ in range(2)]
        code = manager.code()
        tries = [_finish(client, challenge, code=code) for challenge in [*challenges, challenges[0]]]
        statuses = sorted(answer.status_code for answer in await asyncio.gather(*tries))
    assert statuses[0] == 200
    assert set(statuses[1:]) <= {401, 429}
    opened = await here.read(
        select(AccessToken.id).where(AccessToken.staff_id == manager.id, AccessToken.kind == "bearer")
    )
    assert len(opened) == 1


async def test_a_challenge_counts_once_for_its_account_and_for_five_minutes(
    app: FastAPI, street: MakeStreet
) -> None:
    here = await street()
    manager, other = await make_manager(here), await make_manager(here, Role.CHAIR)
    async with browser(app) as client:
        challenge = await manager.challenge(client)
        refused(await _finish(client, challenge, code=other.code()), 401, "sign_in.refused")
        assert (await _finish(client, challenge, code=manager.code())).status_code == 200
        refused(await _finish(client, challenge, code=manager.code()), 401, "sign_in.refused")
        refused(await _finish(client, "x" * 43, code=other.code()), 401, "sign_in.refused")
        late = await other.challenge(client)
        rows = await here.read(select(StaffChallenge.id).where(StaffChallenge.staff_id == other.id))
        past = utc_now() - timedelta(minutes=5)
        await here.set(StaffChallenge, rows[0][0], created_at=past, expires_at=past + timedelta(minutes=5))
        refused(await _finish(client, late, code=other.code()), 401, "sign_in.refused")


async def test_a_recovery_code_counts_once_and_new_ones_replace_all(app: FastAPI, street: MakeStreet) -> None:
    manager = await make_manager(await street())
    path = f"{API}/sign-in/staff/recovery-codes"
    async with browser(app) as client:
        headers = await manager.bearer(client)
        refused(await client.post(path, headers=headers), 403, "access.step_up_required")
        await _step_up(client, manager, headers)
        first = (await client.post(path, headers=headers)).json()["recovery_codes"]
        second = (await client.post(path, headers=headers)).json()["recovery_codes"]
        assert (len(set(first)), len(set(second)), set(first) & set(second)) == (10, 10, set())
        statuses = []
        for code in (first[0], second[0], second[0], second[1]):
            answer = await _finish(client, await manager.challenge(client), recovery_code=code)
            statuses.append(answer.status_code)
        assert statuses == [401, 200, 401, 200]


async def test_an_account_that_is_disabled_between_the_steps_stays_out(
    app: FastAPI, street: MakeStreet
) -> None:
    here = await street()
    manager = await make_manager(here)
    async with browser(app) as client:
        challenge = await manager.challenge(client)
        await here.set(StaffAccount, manager.id, disabled_at=utc_now())
        refused(await _finish(client, challenge, code=manager.code()), 401, "sign_in.refused")


# --- step up, and changing the password -------------------------------------------------------------


async def _step_up(client: httpx.AsyncClient, manager: Manager, headers: dict[str, str]) -> str:
    body = {"password": PASSWORD, "code": manager.code()}
    answer = await client.post(f"{API}/sign-in/staff/step-up", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["stepped_up_until"])


async def test_a_second_proof_counts_for_ten_minutes_and_this_session(
    app: FastAPI, street: MakeStreet
) -> None:
    here = await street()
    manager = await make_manager(here, Role.SEC_ADMIN)
    async with browser(app) as client:
        headers, other = await manager.bearer(client), await manager.bearer(client)
        body = {"password": "x", "code": "000000"}
        answer = await client.post(f"{API}/sign-in/staff/step-up", json=body, headers=headers)
        refused(answer, 403, "sign_in.proof_refused")
        codes = f"{API}/sign-in/staff/recovery-codes"
        refused(await client.post(codes, headers=headers), 403, "access.step_up_required")
        until = datetime.fromisoformat(await _step_up(client, manager, headers))
        assert abs(until - utc_now() - timedelta(minutes=10)) < timedelta(seconds=5)
        assert (await client.post(codes, headers=headers)).status_code == 200
        refused(await client.post(codes, headers=other), 403, "access.step_up_required")
        rows = await here.read(select(AccessToken.id).where(AccessToken.stepped_up_until.is_not(None)))
        for (id,) in rows:
            await here.set(AccessToken, id, stepped_up_until=utc_now())
        app.state.tokens.forget()
        refused(await client.post(codes, headers=headers), 403, "access.step_up_required")
    actions = await _actions(app, here, manager.id)
    assert [one for one in actions if "step" in one] == ["sign_in.step_up_refused", "sign_in.stepped_up"]


async def test_strangers_who_try_a_login_keep_nobody_from_the_second_proof(
    app: FastAPI, street: MakeStreet
) -> None:
    manager = await make_manager(await street())
    async with browser(app) as client, browser(app) as stranger:
        headers = await manager.bearer(client)
        tries = [await stranger.post(BEGIN, json={"login": manager.login, "password": "x"}) for _ in range(6)]
        refused(tries[-1], 429, "platform.too_many_requests")
        await _step_up(client, manager, headers)


async def test_a_changed_password_ends_what_the_old_one_began(app: FastAPI, street: MakeStreet) -> None:
    manager = await make_manager(await street())
    path, wanted = f"{API}/sign-in/staff/password", "mulberry lanes in autumn"
    async with browser(app) as client:
        headers = await manager.bearer(client)
        await _step_up(client, manager, headers)
        begun = await manager.challenge(client)
        body = {"current_password": PASSWORD, "new_password": wanted}
        assert (await client.post(path, json=body, headers=headers)).status_code == 204
        refused(await _finish(client, begun, code=manager.code()), 401, "sign_in.refused")


async def test_a_password_without_a_second_factor_counts_for_a_day(app: FastAPI, street: MakeStreet) -> None:
    here = await street()
    login, code = await _invited(here, Role.CHAIR)
    body = {"login": login, "password": PASSWORD}
    async with browser(app) as client:
        step = await client.post(ACTIVATE, json=body | {"activation_code": code})
        assert step.json()["next"] == "enroll_totp"
        assert (await client.post(BEGIN, json=body)).json()["next"] == "enroll_totp", "on the same day"
        long_ago = update(StaffCredential).where(StaffCredential.staff_id == here.staff[Role.CHAIR].id)
        async with here.database.transaction(every_union("a day goes by")) as session:
            await session.execute(long_ago.values(password_changed_at=utc_now() - timedelta(days=1)))
        refused(await client.post(BEGIN, json=body), 401, "sign_in.refused")
    await _invited(here, Role.CHAIR, reset=True)


async def test_a_changed_password_ends_all_other_sessions(app: FastAPI, street: MakeStreet) -> None:
    here = await street()
    manager = await make_manager(here)
    path, wanted = f"{API}/sign-in/staff/password", "mulberry lanes in autumn"
    async with browser(app) as client:
        headers = await manager.bearer(client)
        body = {"current_password": PASSWORD, "new_password": wanted}
        refused(await client.post(path, json=body, headers=headers), 403, "access.step_up_required")
        await _step_up(client, manager, headers)
        wrong = body | {"current_password": "x"}
        refused(await client.post(path, json=wrong, headers=headers), 403, "sign_in.proof_refused")
        weak = await client.post(path, json=body | {"new_password": manager.login}, headers=headers)
        assert refused(weak, 422, "sign_in.password_weak")["reason"] in {"context", "too_short"}
        assert (await client.post(path, json=body, headers=headers)).status_code == 204
        assert (await client.get(f"{API}/me", headers=headers)).status_code == 200
        script = here.officer.headers()
        refused(await client.get(f"{API}/me", headers=script), 401, "access.unauthenticated")
        old = {"login": manager.login, "password": PASSWORD}
        refused(await client.post(BEGIN, json=old), 401, "sign_in.refused")
        assert (await client.post(BEGIN, json=old | {"password": wanted})).status_code == 200


async def test_members_and_scripts_have_no_second_proof_to_give(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    body = {"password": PASSWORD, "code": "000000"}
    for who in (here.members[0], here.clerk):
        answer = await client.post(f"{API}/sign-in/staff/step-up", json=body, headers=who.headers())
        refused(answer, 403, "sign_in.proof_refused")


@pytest.mark.parametrize(
    "headers", [{}, {"X-Grainline": "1"}, {"X-Grainline": "1", "Sec-Fetch-Site": "cross-site"}]
)
async def test_another_site_signs_nobody_in_with_a_cookie(
    app: FastAPI, street: MakeStreet, headers: dict[str, str]
) -> None:
    """A15, sign-in: a page that signs the visitor in as somebody else would see what they do next."""
    manager = await make_manager(await street())
    async with browser(app) as client:
        body = {"challenge": await manager.challenge(client), "code": manager.code(), "transport": "cookie"}
        answer = await client.post(FINISH, json=body, headers=headers)
        refused(answer, 403, "access.cross_site")
        assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "change", [{"code": None}, {"recovery_code": "x"}, {"code": "12345"}, {"more": 1}, {"transport": "x"}]
)
async def test_a_body_of_another_form_is_refused(app: FastAPI, change: dict[str, Any]) -> None:
    async with browser(app) as client:
        answer = await client.post(FINISH, json={"challenge": "x", "code": "123456"} | change)
    refused(answer, 422, "platform.malformed")


async def test_a_sealed_secret_moved_to_another_account_opens_nothing(
    app: FastAPI, street: MakeStreet
) -> None:
    """A copied row of the table is no second factor: the place is part of the seal."""
    here = await street()
    mine, theirs = await make_manager(here), await make_manager(here, Role.CHAIR)
    row = (await here.read(select(StaffCredential.totp).where(StaffCredential.staff_id == mine.id)))[0]
    async with here.database.transaction(every_union("an attacker with the database")) as session:
        credential = await session.get_one(StaffCredential, theirs.id)
        credential.totp = row[0]
    async with browser(app) as client:
        answer = await _finish(client, await theirs.challenge(client), code=mine.code())
        refused(answer, 401, "sign_in.refused")
