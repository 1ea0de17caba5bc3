"""Fields that nobody offered, and SQL in every text: over all operations, by the OpenAPI document."""

import copy
from collections.abc import Iterator
from functools import reduce
from operator import getitem
from typing import Any, get_args

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel

from app.platform.database import Base
from tests.factories.matrix import UUIDS, Operation, Players, operations

INVENTED = (
    "id", "tenant_id", "union_id", "unit_id", "member_id", "staff_id", "role", "status", "stage",
    "promised_count", "drafted_by", "approved_by", "approved_at", "version", "is_sample", "scope_union_ids",
    "__proto__",
)  # fmt: skip
SQL = tuple(
    """
'
"
\\
';
' OR '1'='1
' OR 1=1--
" OR ""="
') OR ('a'='a
1 OR 1=1
admin'--
' UNION SELECT NULL--
' UNION SELECT NULL,NULL,NULL--
1 UNION ALL SELECT version(),NULL
'; DROP TABLE members;--
'; DELETE FROM orders;--
'; UPDATE staff_accounts SET role='sys_admin';--
'; SELECT pg_sleep(5);--
' || pg_sleep(5) || '
' OR pg_sleep(5) IS NULL--
1; SELECT pg_sleep(5)
(SELECT 1 FROM pg_sleep(5))
' AND 1=(SELECT 1 FROM pg_sleep(5))--
1) OR pg_sleep(5) IS NULL--
';SELECT pg_sleep(5)::text||'
$$;SELECT pg_sleep(5);$$
'; SET ROLE grainline_jobs;--
'; RESET ROLE;--
'; SET LOCAL gl.unions='';--
' AND extractvalue(1,2)--
CAST('x' AS int)
'||(SELECT current_user)||'
1/(SELECT 0)
ORDER BY 999--
id; DROP TABLE x
%27%20OR%201=1--
'; COPY members TO '/tmp/x';--
' OR row(1,1)>(SELECT 1,1)--
{{7*7}}
:name
%(name)s
$1
""".strip().splitlines()
)
FEW = ("'", "' OR '1'='1", "1; SELECT pg_sleep(5)", "' OR pg_sleep(5) IS NULL--", "$1")
"""What places get that take nothing but an id."""
SLEEPS = tuple(text for text in SQL if "pg_sleep" in text)
HASHING = {
    "begin_staff_sign_in", "activate_staff_account", "step_up", "change_password", "sign_clerk_in",
    "activate_pin", "set_own_pin", "finish_staff_sign_in",
}  # fmt: skip
"""Operations that hash a password, which takes a tenth of a second: they get only what would sleep."""
MOST_SECONDS = 0.5


def _models(app: FastAPI) -> dict[str, type[BaseModel]]:
    """Return the models of all bodies, with those inside them."""
    found: dict[str, type[BaseModel]] = {}

    def look(annotation: Any) -> None:
        for one in get_args(annotation):
            look(one)
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            found[annotation.__name__] = annotation
            for field in annotation.model_fields.values():
                look(field.annotation)

    for context in iter_route_contexts(app.routes):
        for parameter in getattr(getattr(context, "dependant", None), "body_params", []):
            look(parameter.field_info.annotation)
    return found


def test_no_model_of_a_body_takes_the_name_of_a_column(app: FastAPI) -> None:
    from app.redemptions.schemas import RecordedScan

    models = _models(app) | {"RecordedScan": RecordedScan}
    assert len(models) >= 35
    columns = {column.name for table in Base.metadata.tables.values() for column in table.c} | {*INVENTED}
    tried = 0
    for name, model in models.items():
        for column in columns - {field.alias or key for key, field in model.model_fields.items()}:
            with pytest.raises(ValueError) as refusal:
                model.model_validate({column: "x"})
            assert ("extra_forbidden", (column,)) in _errors(refusal.value), (name, column)
            tried += 1
    assert tried > 5_000


def _errors(error: Any) -> set[tuple[str, tuple[Any, ...]]]:
    return {(one["type"], one["loc"]) for one in error.errors()}


def _with_body(app: FastAPI, players: Players) -> Iterator[Operation]:
    for operation in operations(app):
        if "json" in players.own_call(operation, players.first_let(operation)):
            yield operation


async def test_invented_fields_are_refused_and_change_nothing(app: FastAPI, players: Players) -> None:
    before = [await players.watch.digests(world) for world in (players.ours, players.theirs)]
    taken, tried = [], 0
    for operation in _with_body(app, players):
        caller = players.first_let(operation)
        for name in INVENTED:
            call = players.own_call(operation, caller)
            if name in call["json"]:
                continue
            call["json"] |= {name: "x"}
            answer, _ = await players.send(caller, call)
            tried += 1
            if (answer.status_code, answer.json().get("code")) != (422, "platform.malformed"):
                taken.append((operation.name, name, answer.status_code))
    assert taken == [], taken[:5]
    assert tried > 500
    after = [await players.watch.digests(world) for world in (players.ours, players.theirs)]
    for one, other in zip(after, before, strict=True):
        # A commit notices that the roster has outrun its comparison before it looks at its body.
        assert one | {"roster_imports": ""} == other | {"roster_imports": ""}


def _queries(app: FastAPI, operation: Operation) -> list[str]:
    document = app.openapi()["paths"].get(operation.path, {}).get(operation.method.lower(), {})
    return [one["name"] for one in document.get("parameters", []) if one["in"] == "query"]


def _attacks(app: FastAPI, players: Players, operation: Operation) -> Iterator[tuple[str, dict[str, Any]]]:
    """Return a text and the call with it, for each place of the operation and each text."""
    caller = players.first_let(operation)
    call = players.own_call(operation, caller)
    corpus = SLEEPS[:3] if operation.name in HASHING else SQL
    for name in _queries(app, operation):
        for text in FEW if name.endswith(("_id", "_ids")) else corpus:
            yield text, call | {"params": call["params"] | {name: text}}
    steps = call["url"].split("/")
    for place, step in enumerate(operation.path.split("/")):
        for text in FEW if step.startswith("{") else ():
            yield text, call | {"url": "/".join([*steps[:place], _escaped(text), *steps[place + 1 :]])}
    for place in _leaves(call.get("json"), str):
        value = reduce(getitem, place, call["json"])
        for text in FEW if UUIDS.fullmatch(value) else corpus:
            body = copy.deepcopy(call["json"])
            reduce(getitem, place[:-1], body)[place[-1]] = text
            yield text, call | {"json": body}


def _escaped(text: str) -> str:
    return "".join(f"%{octet:02X}" for octet in text.encode())


async def test_sql_in_every_text_does_nothing(app: FastAPI, players: Players) -> None:
    found: list[Any] = []
    before, tried = await players.watch.digests(players.theirs), 0
    for operation in operations(app):
        caller = players.first_let(operation)
        for text, call in _attacks(app, players, operation):
            answer, seconds = await players.send(caller, call)
            if seconds > MOST_SECONDS and "pg_sleep" in text:
                answer, seconds = await players.send(caller, call)
            tried += 1
            if answer.status_code >= 500 and answer.status_code != 503:
                found.append((operation.name, text, answer.status_code, call["url"]))
            if seconds > MOST_SECONDS and "pg_sleep" in text:
                found.append((operation.name, text, seconds))
    assert found == [], found[:5]
    assert tried > 2_000
    assert await players.watch.digests(players.theirs) == before


def _leaves(value: Any, kind: type, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Return where values of a type are in a body."""
    if type(value) is kind:
        yield at
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield from _leaves(one, kind, (*at, key))


SIZES: dict[type, tuple[Any, ...]] = {
    str: ("x" * 1_000_000, "\x00", "\u202e", 0, None, [], {}),
    int: (-1, 2**31, 2**63, 10**20, -(10**20), 1.5, True, "1", None),
}


async def test_sizes_and_integers_are_refused(app: FastAPI, players: Players) -> None:
    before, found, tried = await players.watch.digests(players.theirs), [], 0
    for operation in _with_body(app, players):
        caller = players.first_let(operation)
        call = players.own_call(operation, caller)
        for kind, values in SIZES.items():
            for place in _leaves(call["json"], kind):
                for value in values:
                    body = copy.deepcopy(call["json"])
                    reduce(getitem, place[:-1], body)[place[-1]] = value
                    answer, _ = await players.send(caller, call | {"json": body})
                    tried += 1
                    is_taken = value == values[0] and answer.status_code < 400
                    # What a device has recorded and nobody can read is kept for a person, whatever it is.
                    if answer.status_code >= 500 or (is_taken and place[:1] != ("events",)):
                        found.append((operation.name, place, str(value)[:40], answer.status_code))
    assert found == [], found
    assert tried > 400
    assert await players.watch.digests(players.theirs) == before
