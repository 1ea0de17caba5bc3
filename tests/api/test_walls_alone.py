"""Row-level security alone: with the filter of the service off, still nothing of another union is seen.

The same looks are taken again without either wall: there they do find foreign rows.
"""

import re
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from sqlalchemy import delete, func, insert, select, update

from app.access.policy import GRANTS, Role
from app.access.scope import Scope, UnionOwned, UnitOwned, every_union, one_union
from app.orders.tables import Order
from app.platform.clock import utc_now
from app.platform.database import Base, Database, sqlstate
from app.platform.ids import new_id
from app.redemptions.tables import QuarantinedEvent, Redemption, RedemptionConflict
from app.unions.tables import Member
from tests.conftest import MakeStreet
from tests.factories.answers import API, order, unchanged
from tests.factories.apps import run_fleet
from tests.factories.bodies import BODIES
from tests.factories.databases import Scratch
from tests.factories.street import Person, Street

REFUSED = "42501"
OWNED: list[Any] = [
    mapper.class_ for mapper in Base.registry.mappers if issubclass(mapper.class_, UnionOwned)
]
FILLED = {
    "members", "staff_accounts", "campaigns", "offers", "orders", "slots", "pickup_points", "pickup_codes",
    "products", "gift_boxes", "gift_box_components", "redemptions", "redemption_conflicts",
    "quarantined_events", "outbox_events",
}  # fmt: skip
"""Tables in which both streets surely have rows."""


# A database with these two streets alone: the first page of every list has both, were there no wall.
@pytest.fixture
def database(scratch: Scratch) -> Database:
    """The database of this test."""
    return scratch.database


@pytest.fixture
async def app(scratch: Scratch) -> AsyncIterator[FastAPI]:
    """An app on the database of this test."""
    async with run_fleet(scratch.settings, 1) as fleet:
        yield fleet.apps[0]


@pytest.fixture
async def streets(street: MakeStreet, client: httpx.AsyncClient) -> tuple[Street, Street]:
    """Ours and theirs, each with rows in every business table."""
    both = await street(), await street()
    for here in both:
        await _fill(client, here)
    return both


async def _fill(client: httpx.AsyncClient, here: Street) -> None:
    placed = await order(client, here.members[0], here.offers[0], slot_id=here.slots[0])
    code = await client.get(f"{API}/orders/{placed['id']}/code", headers=here.members[0].headers())
    scan = {"event_id": str(uuid4()), "code": code.json()["code"], "pickup_point_id": str(here.points[0])}
    done = await client.post(f"{API}/redemptions", json=scan, headers=here.clerk.headers())
    assert (done.status_code, done.json().get("result")) == (200, "handed_over"), done.text
    now, second = utc_now(), uuid4()
    async with here.database.transaction(every_union("a test arranges")) as session:
        first = (await session.execute(select(Redemption).where(Redemption.union_id == here.id))).scalar_one()
        values = {name: getattr(first, name) for name in list(Redemption.__table__.columns.keys())}
        values |= {"id": new_id(), "event_id": second, "result": "refused", "reason": "already_collected"}
        values |= {"quantity": None, "first_portion": None}
        await session.execute(insert(Redemption).values(values))
        common = {"id": new_id(), "union_id": here.id, "reason": "already_collected"}
        await session.execute(
            insert(RedemptionConflict).values(
                common | {"order_id": first.order_id, "first_event_id": first.event_id}
                | {"second_event_id": second, "status": "open", "noticed_at": now}
            )
        )  # fmt: skip
        await session.execute(
            insert(QuarantinedEvent).values(
                common | {"device_id": "d", "staff_id": here.clerk.id, "body": "{}"}
                | {"body_sha256": bytes(32), "received_at": now}
            )
        )  # fmt: skip


async def _rows(database: Database, scope: Scope) -> dict[str, set[UUID]]:
    """Return whose rows are seen in each table of a union."""
    seen = {}
    async with database.transaction(scope) as session:
        for model in OWNED:
            found = await session.execute(select(model.union_id).distinct())
            seen[model.__tablename__] = set(found.scalars())
    return seen


@pytest.mark.usefixtures("without_filter")
async def test_no_table_shows_a_foreign_row(database: Database, streets: tuple[Street, Street]) -> None:
    ours, theirs = streets
    for table, unions in (await _rows(database, one_union(ours.id))).items():
        assert unions <= {ours.id}, table
        assert unions or table not in FILLED, table
    assert not any((await _rows(database, Scope())).values())
    every = await _rows(database, every_union("a control"))
    assert {name for name, unions in every.items() if {ours.id, theirs.id} <= unions} >= FILLED


@pytest.mark.usefixtures("without_filter")
async def test_no_foreign_row_is_changed_or_added(database: Database, streets: tuple[Street, Street]) -> None:
    ours, theirs = streets
    async with unchanged(theirs):
        for model in OWNED:
            table: Any = model.__table__
            foreign = table.c.union_id == theirs.id
            for statement in (
                update(table).where(foreign).values(union_id=table.c.union_id),
                delete(table).where(foreign),
            ):
                assert await _changed(database, ours, statement) == 0, table
            rows = await theirs.read(select(*table.c).where(foreign).limit(1))
            if rows:
                with pytest.raises(Exception) as refusal:
                    await _changed(database, ours, _copy(table, rows[0]))
                assert sqlstate(refusal.value) == REFUSED, table


def _copy(table: Any, row: Any) -> Any:
    values = {name: value for name, value in row._mapping.items() if not table.c[name].identity}
    return insert(table).values(values)


async def _changed(database: Database, ours: Street, statement: Any) -> int:
    """Return how many rows a statement touches in our scope; what is only added to refuses the rest."""
    try:
        async with database.transaction(one_union(ours.id)) as session:
            done: Any = await (await session.connection()).execute(statement)
            return int(done.rowcount)
    except Exception as error:
        if sqlstate(error) == REFUSED and not statement.is_insert:
            return 0
        raise


@pytest.mark.usefixtures("without_filter")
async def test_units_are_a_wall_too(database: Database, streets: tuple[Street, Street]) -> None:
    ours, _ = streets
    for units, expected in (({ours.unit_id}, True), ({uuid4()}, False), (set(), False), (None, True)):
        scope = Scope(frozenset({ours.id}), unit_ids=None if units is None else frozenset(units))
        async with database.transaction(scope) as session:
            for model in OWNED:
                if issubclass(model, UnitOwned) and model in (Member, Order):
                    seen = await session.scalar(select(func.count()).select_from(model))
                    assert bool(seen) is expected, (model, units)


async def test_units_are_filtered_too(database: Database, streets: tuple[Street, Street]) -> None:
    """The first wall alone: in a session of the jobs' role, with the filter of some units."""
    ours, _ = streets
    async with database.transaction(every_union("a test looks through the filter only")) as session:
        await session.connection()
        for units, expected in (({ours.unit_id}, 3), ({uuid4()}, 0), (set(), 0)):
            session.info["scope"] = Scope(frozenset({ours.id}), unit_ids=frozenset(units))
            assert await session.scalar(select(func.count()).select_from(Member)) == expected


def _operations(app: FastAPI, role: Role) -> list[tuple[str, str, str]]:
    """Return name, method and path of what a role may call at all; the others answer 403 before they look."""
    found = []
    for context in iter_route_contexts(app.routes):
        calls = [d.call for d in getattr(getattr(context, "dependant", None), "dependencies", [])]
        permission = next((p for call in calls if (p := getattr(call, "permission", None))), None)
        if permission in GRANTS[role] and context.path is not None and context.name is not None:
            (method,) = context.methods or ("GET",)
            found.append((context.name, method, context.path))
    return found


async def _ids(here: Street) -> dict[str, set[UUID]]:
    """Return the ids of a street's rows, by table."""
    found: dict[str, set[UUID]] = {}
    for model in OWNED:
        columns = [
            column
            for column in model.__table__.primary_key
            if str(column.type).upper() in {"UUID", "CHAR(32)"}
        ]
        if columns:
            rows = await here.read(select(columns[0]).where(model.__table__.c.union_id == here.id))
            found[model.__tablename__] = {row[0] for row in rows}
    return found


def _addresses(path: str, theirs: dict[str, set[UUID]]) -> list[str]:
    """Return the path with foreign ids in it: of the table it names, else one of every table."""
    names = re.findall(r"{(\w+)}", path)
    if not names:
        return [path]
    fitting = theirs.get(names[-1].removesuffix("_id") + "s")
    candidates = list(fitting)[:2] if fitting else [next(iter(ids)) for ids in theirs.values() if ids]
    return [re.sub(r"{\w+}", str(id), path) for id in candidates]


async def _leaks(
    client: httpx.AsyncClient, app: FastAPI, ours: Street, theirs: Street, *, may_fail: bool = False
) -> set[str]:
    """Call every operation as everybody of ours, with ids of theirs; return which show any of theirs.

    `may_fail`: with both walls down a sealed value of theirs is reached, and does not open for us.
    """
    foreign = await _ids(theirs)
    secret = {str(id) for ids in foreign.values() for id in ids} | {theirs.members[0].name + "·"}
    people: dict[Role, Person] = {Role.MEMBER: ours.members[1]} | ours.staff
    found = set()
    for role, person in people.items():
        for name, method, path in _operations(app, role):
            for address in _addresses(path, foreign):
                query = (
                    {"campaign_id": str(theirs.campaign_id)} if "{" not in path and method == "GET" else None
                )
                answers = [await _ask(client, person, name, method, address, query)]
                if query:
                    answers.append(await _ask(client, person, name, method, address, None))
                for answer in answers:
                    assert may_fail or answer.status_code < 500 or answer.status_code == 503, (
                        name,
                        role,
                        answer.text[:300],
                    )
                    shown = answer.text.replace(address, "")
                    if answer.status_code < 400 and any(id in shown for id in secret):
                        found.add(name)
    return found


async def _ask(
    client: httpx.AsyncClient, person: Person, name: str, method: str, address: str, query: Any
) -> httpx.Response:
    headers = person.headers("new" if method == "POST" else None)
    return await client.request(method, address, params=query, json=BODIES.get(name), headers=headers)


@pytest.mark.usefixtures("without_filter")
async def test_no_operation_shows_or_changes_a_foreign_row(
    client: httpx.AsyncClient, app: FastAPI, streets: tuple[Street, Street]
) -> None:
    ours, theirs = streets
    app.state.snapshots.drop()
    async with unchanged(theirs):
        assert await _leaks(client, app, ours, theirs) == set()


@pytest.mark.usefixtures("without_walls")
async def test_without_both_walls_the_same_calls_do(
    client: httpx.AsyncClient, app: FastAPI, streets: tuple[Street, Street]
) -> None:
    ours, theirs = streets
    app.state.snapshots.drop()
    found = await _leaks(client, app, ours, theirs, may_fail=True)
    app.state.snapshots.drop()
    assert found >= {
        "get_campaign", "list_campaigns", "list_campaign_orders", "list_conflicts", "list_members",
        "list_slots", "list_gift_boxes", "list_pickup_points", "list_products", "change_capacity",
    }  # fmt: skip
