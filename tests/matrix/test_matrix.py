"""Every operation × every role × {own, same union, foreign union, missing}, by the policy file."""

import statistics
from dataclasses import replace

import pytest
from fastapi import FastAPI

from app.access.policy import GRANTS, STAFF_ROLES, Permission, Role
from tests.factories.identifiers import body_fields
from tests.factories.matrix import (
    FOREIGN,
    MISSING,
    Operation,
    Players,
    Seen,
    cells_of,
    echoed,
    operations,
    policy,
    routes,
    secrets_of,
)
from tests.factories.worlds import SAME

STAFF = {str(role) for role in STAFF_ROLES}
UNIT_ROLES = {"group_leader", "grassroots_admin"}
"""Who sees one unit of the street and not the others."""


def test_every_operation_has_a_row_and_every_row_an_operation(app: FastAPI) -> None:
    assert set(policy()["operations"]) == set(routes(app))


def test_every_role_is_a_row_of_callers(players: Players) -> None:
    assert {caller.role for caller in players.ours.callers.values()} == {*map(str, Role), ""}


def test_every_identifier_in_a_call_is_named(app: FastAPI) -> None:
    for name, place in sorted(set(body_fields(app))):
        row = policy()["operations"][name]
        assert place in row.get("named", {}) | row.get("free", {}), (name, place)


def test_what_may_be_told_apart_says_why() -> None:
    for name, row in policy()["operations"].items():
        for place, terms in row.get("named", {}).items():
            assert ("missing" in terms) == bool(terms.get("because")), (name, place)
        assert all(row.get("free", {}).values()), name


def complaints(players: Players, seen: Seen, foreign: set[str]) -> list[str]:
    """Return what is wrong with an answer."""
    cell, found = seen.cell, []
    if seen.said not in (wanted := cell.operation.expected(cell.caller, cell.place, cell.owner)):
        short = [one for one in wanted if " " not in one]
        if str(seen.answer.status_code) not in short:
            found.append(f"{cell}: {seen.said}, not {wanted}")
    shown = seen.content.replace(seen.given, "") if seen.given else seen.content
    told = foreign - echoed(players.theirs, cell.operation)
    found += [f"{cell}: shows {word}" for word in told if word in shown]
    if cell.caller.role in UNIT_ROLES and cell.owner != SAME:
        found += [
            f"{cell}: shows {word} of the other unit" for word in _of_other_unit(players) if word in shown
        ]
    return found


def _of_other_unit(players: Players) -> set[str]:
    things = players.ours.things
    kinds = ("order", "member", "correction", "exception", "import", "erasure")
    return players.ours.other_unit | {str(things[kind][SAME]) for kind in kinds}


async def play(players: Players, operation: Operation) -> list[str]:
    """Play the cells of an operation; what is refused changes nothing, and nothing at all changes there."""
    ours, watch = players.ours, players.watch
    foreign = secrets_of(players.theirs)
    cells = [cell for caller in ours.callers.values() for cell in cells_of(operation, caller, ours)]
    found: list[str] = []
    before = await watch.digests(ours), await watch.digests(players.theirs)
    for cell in (one for one in cells if one.is_still):
        found += complaints(players, await players.play(cell), foreign)
    after = await watch.digests(ours), await watch.digests(players.theirs)
    found += [f"{operation.name}: a refusal changed {name}" for name in _changed(before[0], after[0])]
    for caller in ours.callers.values():
        for cell in (one for one in cells if one.caller is caller and not one.is_still):
            found += complaints(players, await players.play(cell), foreign)
        if any(not cell.is_still for cell in cells if cell.caller is caller):
            after = ours, await watch.digests(players.theirs)
        who = f"{operation.name} as {caller.name}"
        found += [f"{who}: changed foreign {name}" for name in _changed(before[1], after[1])]
    return found


def _changed(before: dict[str, str], after: dict[str, str]) -> list[str]:
    return [name for name in before if before[name] != after[name]]


async def test_every_cell_is_as_the_policy_says(app: FastAPI, players: Players) -> None:
    found: list[str] = []
    for operation in operations(app):
        found += await play(players, operation)
    assert len(players.seen) > 5_000
    assert not found, f"{len(found)} of {len(players.seen)}:\n" + "\n".join(found)


def test_foreign_and_missing_cannot_be_told_apart(players: Players) -> None:
    pairs: dict[tuple[str, str, str], dict[str, Seen]] = {}
    for seen in players.seen:
        cell = seen.cell
        if cell.place is not None and "missing" not in cell.operation.named[cell.place]:
            pairs.setdefault((cell.operation.name, cell.caller.name, cell.place), {})[cell.owner] = seen
    assert len(pairs) > 1_000
    apart = [key for key, pair in pairs.items() if pair[FOREIGN].bare != pair[MISSING].bare]
    assert apart == []
    ratio = statistics.median(pair[FOREIGN].seconds / pair[MISSING].seconds for pair in pairs.values())
    assert 0.7 < ratio < 1.4, ratio


async def test_the_second_proof_is_asked_for_where_the_policy_says(app: FastAPI, players: Players) -> None:
    ours = players.ours
    for operation in operations(app):
        wants_proof = operation.row.get("proof", False)
        for caller in ours.callers.values():
            is_looking = operation.method == "GET" and not operation.is_public
            if operation.lets(caller) and caller.name in STAFF and (wants_proof or is_looking):
                units = [ours.here.unit_id] if caller.role in UNIT_ROLES else None
                more = {"kind": "bearer", "stepped_up": False, "scope_unit_ids": units}
                token = await ours.token(caller.who.id, Role(caller.role), **more)
                plain = replace(caller, who=replace(caller.who, token=token))
                answer, _ = await players.send(plain, players.own_call(operation, plain))
                is_asked = (answer.status_code, "access.step_up_required" in answer.text) == (403, True)
                assert is_asked == wants_proof, (operation.name, caller.name)


async def test_the_matrix_finds_a_hole(
    app: FastAPI, players: Players, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = frozenset({*GRANTS[Role.FINANCE], Permission.MEMBERS_READ})
    monkeypatch.setitem(GRANTS, Role.FINANCE, every)
    (operation,) = [one for one in operations(app) if one.name == "list_members"]
    assert await play(players, operation) == [
        "list_members as finance, None: own: 200, not ['403 access.forbidden']"
    ]
