"""What shows a token, a code or somebody unmasked is never stored with an idempotency key."""

from uuid import uuid4

from fastapi import FastAPI
from sqlalchemy import select

from app.platform.keeping import IdempotencyRecord
from tests.contract.test_routes import NOT_KEPT
from tests.factories.matrix import Players, operations


async def _keys(players: Players, kept: set[str]) -> set[str]:
    rows = await players.ours.here.read(select(IdempotencyRecord.key).where(IdempotencyRecord.key.in_(kept)))
    return {row.key for row in rows}


async def test_no_answer_of_these_is_stored(app: FastAPI, fresh_players: Players) -> None:
    players, sent, done = fresh_players, {}, set()
    posts = [one for one in operations(app) if one.method == "POST"]
    for operation in sorted(posts, key=lambda one: one.name == "sign_out"):
        caller = players.first_let(operation)
        call = players.own_call(operation, caller)
        sent[key := uuid4().hex] = operation.name
        call["headers"] |= {"Idempotency-Key": key}
        answer, _ = await players.send(caller, call)
        if answer.status_code < 300:
            done.add(operation.name)
    stored = {sent[key] for key in await _keys(players, set(sent))}
    assert stored & set(NOT_KEPT) == set()
    assert {"reveal_member", "reveal_recipients", "export_members", "reset_pin", "add_pairing"} <= done
    # The control: what is kept is there.
    assert {"draft_staff", "send_roster", "draft_aid_project", "request_disposal"} <= stored & done
