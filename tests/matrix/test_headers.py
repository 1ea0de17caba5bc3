"""What every answer carries, whoever asks and from wherever (A14, A16): over all operations."""

from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

from tests.factories.answers import API
from tests.factories.matrix import Operation, Players, operations
from tests.factories.worlds import Caller

ALWAYS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}
REVALIDATED = {
    "home": "the page of the service: the same for everybody",
    "docs": "the description of the operations: the same for everybody",
    "list_campaigns": "campaigns and their numbers of boxes",
    "get_campaign": "campaigns and their numbers of boxes",
    "list_slots": "slots and their places left",
    "list_signing_keys": "public keys",
    "get_order": "the caller's order, without a name; asked for again and again",
    "get_code": "the caller's code, shown again where there is no network; void when it has been used",
    "get_code_svg": "as get_code",
    "get_code_png": "as get_code",
    "get_product": "a product, as its label describes it",
    "get_supplier": "a supplier: a business, and the version that a change has to name",
    "get_purchase": "a purchase: goods and prices, and the version that a change has to name",
    "set_target": "the union's own target; an answer to PUT, which nothing keeps",
    "list_regions": "partner regions: public",
    "get_region": "partner regions: public",
    "list_aid_projects": "published projects: public",
    "get_aid_project": "published projects: public",
    "get_aid_totals": "published projects: public",
    "get_aid_draft": "a project of the union: no person, and the version that a change has to name",
    "get_origin": "what stands on a label: public",
    "get_label_svg": "what stands on a label: public",
    "origin_page": "what stands on a label: public",
}
"""What a client may keep if it asks each time whether it is still so, and why. Everything else: no-store."""
ORIGINS = (
    "null", "https://evil.example", "http://grainline.test.evil.example", "https://grainline.test.evil.example",
    "https://evilgrainline.test", "https://grainline.test", "http://grainline.test", "https://sub.grainline.test",
    "https://grainline.test:8443", "https://grainline.testx", "https://grainline.test%60.evil.example",
    "https://grainline.test_.evil.example", "https://grainline.test@evil.example", "http://localhost",
    "http://localhost:3000", "http://127.0.0.1", "http://[::1]", "file://", "capacitor://localhost", "*",
)  # fmt: skip


async def _ask(
    players: Players, operation: Operation, caller: Caller, *, query: Any = None, **more: str
) -> httpx.Response:
    call = players.own_call(operation, players.first_let(operation))
    call |= {"headers": call["headers"] | more, "params": query or call["params"]}
    return (await players.send(caller, call))[0]


def _last(operation: Operation) -> bool:
    """Those that end the session of who calls come last."""
    ending = {"sign_out", "end_other_sessions", "end_session", "revoke_device", "disable_staff"}
    return operation.name in ending


def _lacking(answer: httpx.Response) -> list[str]:
    found = [name for name, value in ALWAYS.items() if answer.headers.get_list(name) != [value]]
    policies = answer.headers.get_list("content-security-policy")
    wanted = {"default-src 'none'", "frame-ancestors 'none'"}
    if len(policies) != 1 or not wanted <= set(policies[0].split("; ")):
        found.append("content-security-policy")
    elif "unsafe" in policies[0] and answer.headers["content-type"].startswith("application/"):
        found.append("unsafe")
    if len(answer.headers.get_list("cache-control")) != 1 or "x-request-id" not in answer.headers:
        found.append("cache-control, x-request-id")
    return found


async def test_every_answer_of_every_operation_carries_the_headers(
    app: FastAPI, fresh_players: Players
) -> None:
    players, lacking, kept, done = fresh_players, [], set(), set()
    nobody = players.ours.callers["anonymous"]
    for operation in sorted(operations(app), key=_last):
        caller = players.first_let(operation)
        answers = {
            "good": await _ask(players, operation, caller),
            "nobody": await _ask(players, operation, nobody),
            "strange": await _ask(players, operation, caller, query={"x": "1"}),
        }
        for kind, answer in answers.items():
            lacking += [(operation.name, kind, name) for name in _lacking(answer)]
            if answer.headers.get("cache-control") != "no-store":
                kept.add(operation.name)
                is_kept = answer.headers["cache-control"] in {"private, no-cache", "no-cache"}
                assert answer.status_code < 400, (operation.name, answer.text)
                assert is_kept, (operation.name, answer.headers)
        if answers["good"].status_code < 400:
            done.add(operation.name)
    assert lacking == [], lacking[:5]
    assert kept == set(REVALIDATED)
    assert len(done) >= 60, "files, tokens and people have been shown"


async def test_no_origin_is_let_in(app: FastAPI, players: Players) -> None:
    """The service has no CORS: no origin reads an answer, none is told that it might send."""
    let_in: list[Any] = []
    tried = 0
    for place, operation in enumerate(one for one in operations(app) if one.method == "GET"):
        # All on some, and each on many: whatever lets one in stands before all operations.
        chosen = ORIGINS if operation.name in {"get_me", "healthz"} else ORIGINS[place % 5 :: 5]
        for origin in chosen:
            answer = await _ask(players, operation, players.first_let(operation), Origin=origin)
            names = [name for name in answer.headers if name.startswith("access-control")]
            let_in += [(operation.name, origin, name) for name in names]
            tried += 1
    assert let_in == [], let_in[:5]
    assert tried >= 200


@pytest.mark.parametrize("origin", ORIGINS)
async def test_a_browser_that_asks_first_is_told_nothing(app: FastAPI, players: Players, origin: str) -> None:
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization, content-type, x-grainline",
        "Access-Control-Request-Private-Network": "true",
    }
    for path in ("/orders", "/me", "/sign-in/staff", "/sign-in/code/verify", "/members/exports", "/nowhere"):
        answer = await players.ours.client.request("OPTIONS", API + path, headers=headers)
        assert answer.status_code in {404, 405}, path
        assert not [name for name in answer.headers if name.startswith("access-control")], path


async def test_control_an_answer_without_them_is_found() -> None:
    bare = httpx.Response(200, headers={"content-type": "application/json"})
    assert len(_lacking(bare)) == len(ALWAYS) + 2


async def test_control_an_app_that_lets_origins_in_is_found() -> None:
    loose = FastAPI()
    loose.add_middleware(CORSMiddleware, allow_origins=["*"])
    transport = httpx.ASGITransport(app=loose)
    async with httpx.AsyncClient(transport=transport, base_url="http://grainline.test") as client:
        answer = await client.get("/", headers={"Origin": "null"})
    assert [name for name in answer.headers if name.startswith("access-control")]
