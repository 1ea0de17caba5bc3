"""Who may: every operation against every role; tokens that are none; whose rows."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from sqlalchemy import update

from app.access.policy import GRANTS, Role
from app.access.scope import every_union
from app.access.tokens import AccessToken
from app.platform.clock import utc_now
from tests.conftest import MakeStreet
from tests.factories.answers import API, refused, unchanged
from tests.factories.bodies import BODIES, QUERIES, address_of
from tests.factories.street import Person, Street


def _operations(app: FastAPI) -> list[tuple[str, str, str, Any]]:
    """Return name, method, path and permission of every route that needs one."""
    found = []
    for context in iter_route_contexts(app.routes):
        calls = [d.call for d in getattr(getattr(context, "dependant", None), "dependencies", [])]
        permission = next((p for call in calls if (p := getattr(call, "permission", None))), None)
        if permission is not None and context.path is not None and context.name is not None:
            (method,) = context.methods or ()
            found.append((context.name, method, context.path, permission))
    # Whoever signs out calls nothing more.
    return sorted(found, key=lambda one: one[0] == "sign_out")


async def _call(
    client: httpx.AsyncClient, name: str, method: str, path: str, *, headers: dict[str, str]
) -> httpx.Response:
    address = address_of(path) + QUERIES.get(name, "")
    return await client.request(method, address, json=BODIES.get(name), headers=headers)


async def test_every_operation_is_open_to_the_roles_of_the_table_and_to_no_others(
    client: httpx.AsyncClient, app: FastAPI, street: MakeStreet
) -> None:
    here = await street()
    people: dict[Role, Person] = {Role.MEMBER: here.members[0]} | here.staff
    operations = _operations(app)
    assert len(operations) >= 25
    async with unchanged(here):
        for name, method, path, permission in operations:
            for role, person in people.items():
                headers = person.headers("new" if name == "place_order" else None)
                answer = await _call(client, name, method, path, headers=headers)
                if permission in GRANTS[role]:
                    code = answer.json()["code"] if answer.status_code >= 400 else ""
                    assert answer.status_code < 500, (name, role, answer.text)
                    assert not code.startswith(("access.", "platform.malformed")), (name, role, answer.text)
                else:
                    refused(answer, 403, "access.forbidden")


async def _tokens(here: Street) -> dict[str, str]:
    """Return headers that name nobody."""
    good = here.members[0].token
    return {
        "no scheme": good,
        "basic": f"Basic {good}",
        "empty": "Bearer ",
        "unknown": "Bearer " + "x" * 43,
        "longer": f"Bearer {good}x",
        "shorter": f"Bearer {good[:-1]}",
        "two": f"Bearer {good} {good}",
        "huge": "Bearer " + "y" * 30_000,
        "latin": "Bearer \xff\xfe",
    }


async def test_without_a_good_token_every_operation_says_401(
    client: httpx.AsyncClient, app: FastAPI, street: MakeStreet
) -> None:
    here = await street()
    async with unchanged(here):
        for name, method, path, _ in _operations(app):
            answer = await _call(client, name, method, path, headers={"Idempotency-Key": "k"})
            refused(answer, 401, "access.unauthenticated")
            assert answer.headers["www-authenticate"] == "Bearer"
        for kind, header in (await _tokens(here)).items():
            answer = await client.get(f"{API}/me", headers={"Authorization": header.encode("latin-1")})
            assert refused(answer, 401, "access.unauthenticated"), kind


@pytest.mark.parametrize(
    "values", [{"revoked_at": utc_now()}, {"expires_at": utc_now() - timedelta(seconds=1)}]
)
async def test_a_token_that_has_ended_is_none(
    client: httpx.AsyncClient, street: MakeStreet, values: dict[str, Any]
) -> None:
    here = await street()
    member = here.members[0]
    if "expires_at" in values:
        values = values | {"created_at": utc_now() - timedelta(days=31)}
    async with here.database.transaction(every_union("a test ends a token")) as session:
        await session.execute(update(AccessToken).where(AccessToken.member_id == member.id).values(values))
    refused(await client.get(f"{API}/me", headers=member.headers()), 401, "access.unauthenticated")


async def test_the_scheme_is_read_in_any_case(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street()
    for scheme in ("bearer", "BEARER"):
        answer = await client.get(f"{API}/me", headers={"Authorization": f"{scheme} {here.members[0].token}"})
        assert answer.status_code == 200
