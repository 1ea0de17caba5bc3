"""Eligibility through HTTP: one rule book on every path, explained; exceptions; what was ordered stays."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import event, select

from app.access.audit import AuditEntry
from app.access.policy import Role
from app.access.scope import every_union, one_union
from app.campaigns.tables import Campaign, EligibilityException, ListEntry
from app.notifications.tables import OutboxEvent
from app.orders.actions.admit import admit_orders
from app.orders.rules.commands import ChangeQuota, PlaceOrder
from app.orders.rules.states import Channel
from app.orders.tables import Order
from app.platform.clock import local_date, utc_now
from app.platform.database import Database
from app.platform.errors import DomainError
from app.platform.idempotency import Answer
from app.platform.ids import new_id
from app.unions.tables import Member, StaffAccount
from tests.conftest import MakeStreet
from tests.factories.answers import API, order, refused, unchanged, walk, without_ids
from tests.factories.eligible import (
    add_unit,
    ask_exception,
    collected_before,
    grant_exception,
    set_list,
    set_rules,
)
from tests.factories.street import Person, Street, campaign_terms

RULES = ["membership_status", "unit", "not_received_within", "on_list"]


async def _break(client: httpx.AsyncClient, here: Street, who: Person, rule: str) -> None:
    """Set a rule of the campaign that this member, and no other, does not keep."""
    others = [f"T{position:07}" for position, person in enumerate(here.members) if person is not who]
    if rule == "membership_status":
        await here.set(Member, who.id, status="retained")
    elif rule == "unit":
        await here.set(Member, who.id, unit_id=await add_unit(here))
        await set_rules(client, here, eligible_unit_ids=[str(here.unit_id)])
    elif rule == "not_received_within":
        await collected_before(here, who, at=utc_now() - timedelta(days=20))
        await set_rules(client, here, not_received_months=6)
    else:
        await set_list(client, here, others)
        await set_rules(client, here, is_listed_only=True)


async def _by_member(client: httpx.AsyncClient, here: Street, who: Person) -> Any:
    """Order as a member; return the failing rules, or the status of the order."""
    body = {"offer_id": str(here.offers[0])}
    answer = await client.post(f"{API}/orders", json=body, headers=who.headers("new"))
    if answer.status_code == 201:
        return answer.json()["status"]
    return _failing(refused(answer, 403, "campaigns.not_eligible")["rules"])


async def _by_desk(client: httpx.AsyncClient, here: Street, who: Person) -> Any:
    """Order for a member at the desk, in one batch with another's order, as staff paths and imports do."""
    now, other = utc_now(), here.members[2]
    commands = [
        PlaceOrder(at=now, claim=None, order_id=new_id(), number=uuid4().hex[:12], member_id=one.id,
                   offer_id=here.offers[0], channel=Channel.DESK)
        for one in (who, other)
    ]  # fmt: skip
    async with here.database.transaction(one_union(here.id)) as session:
        mine, others = await admit_orders(session, here.id, commands)
    assert isinstance(others, Answer), "a refused order hurts nobody else in its batch"
    if isinstance(mine, DomainError):
        return _failing(mine.params["rules"])
    orders = await here.read(select(Order.status).where(Order.member_id == who.id))
    return orders[-1].status


def _failing(rules: list[dict[str, Any]]) -> list[str]:
    return [rule["code"] for rule in rules if not rule["passed"]]


PATHS: dict[str, Callable[[httpx.AsyncClient, Street, Person], Awaitable[Any]]] = {
    "member": _by_member,
    "desk": _by_desk,
}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("path", PATHS)
async def test_every_path_enforces_every_rule_and_honours_an_exception(
    client: httpx.AsyncClient, street: MakeStreet, path: str, rule: str
) -> None:
    here = await street()
    who = here.members[0]
    await _break(client, here, who, rule)
    assert await PATHS[path](client, here, who) == [rule]
    assert await here.read(select(Order.id).where(Order.member_id == who.id, Order.status == "to_book")) == []
    await grant_exception(client, here, who, rule)
    assert await _by_member(client, here, who) == "to_book"


@pytest.mark.parametrize("excepted", [False, True])
@pytest.mark.parametrize("rule", RULES)
async def test_the_waiting_list_enforces_every_rule_too(
    client: httpx.AsyncClient, street: MakeStreet, rule: str, excepted: bool
) -> None:
    """Who waits has no box yet: when one would be theirs they must be eligible; else it is the next one's."""
    here = await street(quota=0)
    first, second = here.members[0], here.members[1]
    mine = await order(client, first, here.offers[0], join_waitlist=True)
    theirs = await order(client, second, here.offers[0], join_waitlist=True)
    await _break(client, here, first, rule)
    if excepted:
        await grant_exception(client, here, first, rule)
    path = f"{API}/offers/{here.offers[0]}/quota"
    for quota in (1, 2):
        raised = await client.put(
            path, json={"quota": quota}, headers=here.officer.headers() | {"If-Match": "*"}
        )
        assert raised.status_code == 200
    rows = await here.read(select(Order.id, Order.status, Order.cancel_reason).order_by(Order.id))
    found = {str(row.id): (row.status, row.cancel_reason) for row in rows}
    told = await here.read(select(OutboxEvent.kind).where(OutboxEvent.subject_id == UUID(mine["id"])))
    if excepted:
        assert found[mine["id"]] == ("to_book", None)
    else:
        assert found[mine["id"]] == ("cancelled", "not_eligible")
        assert [row.kind for row in told] == ["order.placed", "order.passed_over"], "and they are told"
    assert found[theirs["id"]] == ("to_book", None)
    counters = await here.counters()
    assert counters["stored"] == counters["derived"]


async def test_a_refusal_and_its_explanation_agree(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street()
    who = here.members[0]
    for rule in ("membership_status", "unit", "not_received_within"):
        await _break(client, here, who, rule)
    everything = {"eligible_unit_ids": [str(here.unit_id)], "not_received_months": 6, "is_listed_only": True}
    await set_rules(client, here, **everything)
    body = {"offer_id": str(here.offers[0])}
    async with unchanged(here):
        answer = await client.post(f"{API}/orders", json=body, headers=who.headers("k"))
        problem = refused(answer, 403, "campaigns.not_eligible")
        again = await client.post(f"{API}/orders", json=body, headers=who.headers("k"))
        assert again.json()["rules"] == problem["rules"]
    assert problem["correction"] == f"{API}/me/corrections"
    path = f"?campaign_id={here.campaign_id}"
    told = (await client.get(f"{API}/me/eligibility{path}", headers=who.headers())).json()
    assert told["eligible"] is False
    assert [{"code": one["code"], "passed": one["passed"]} for one in told["rules"]] == problem["rules"]
    assert _failing(told["rules"]) == RULES
    assert all((one["action"] is None) == one["passed"] for one in told["rules"])
    seen = await client.get(f"{API}/members/{who.id}/eligibility{path}", headers=here.officer.headers())
    assert seen.json() == told, "the desk sees what the member is told"


async def test_the_explanation_names_the_members_own_facts(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    who = here.members[0]
    at = utc_now() - timedelta(days=20)
    await collected_before(here, who, at=at)
    await set_rules(client, here, eligible_unit_ids=[str(await add_unit(here))], not_received_months=2)
    path = f"{API}/me/eligibility?campaign_id={here.campaign_id}"
    english = (await client.get(path, headers=who.headers() | {"Accept-Language": "en"})).json()
    chinese = (await client.get(path, headers=who.headers())).json()
    from app.platform.clock import local_date

    day = local_date(at)
    unit, received = english["rules"][2], english["rules"][3]
    assert "示例·grassroots" in unit["detail"]
    assert f"{day.day} {day:%b %Y}" in received["detail"]
    assert f"{day.year}年{day.month}月{day.day}日" in chinese["rules"][3]["detail"]
    assert english["correction"]["contact"] in received["action"]
    assert english["correction"] | {"contact": ""} == {
        "href": f"{API}/me/corrections",
        "contact": "",
        "open": 0,
    }
    assert english["exception"] is None
    await grant_exception(client, here, who, "unit", "not_received_within")
    excepted = (await client.get(path, headers=who.headers() | {"Accept-Language": "en"})).json()
    assert excepted["eligible"] is True
    assert excepted["rules"][2]["detail"] == "This rule was set aside for you individually."
    assert excepted["exception"]["rules"] == ["not_received_within", "unit"]


async def test_a_member_of_another_street_is_not_explained(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here, there = await street(), await street()
    query = f"?campaign_id={here.campaign_id}"
    for id in (there.members[0].id, new_id()):
        answer = await client.get(f"{API}/members/{id}/eligibility{query}", headers=here.officer.headers())
        refused(answer, 404, "unions.person_not_found")
    path = f"{API}/members/{here.members[0].id}/eligibility?campaign_id={there.campaign_id}"
    refused(await client.get(path, headers=here.officer.headers()), 404, "campaigns.not_found")


async def test_only_the_campaigns_that_the_rule_names_count(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    counted = await collected_before(here, here.members[0], at=utc_now() - timedelta(days=20))
    await collected_before(here, here.members[1], at=utc_now() - timedelta(days=20))
    await set_rules(client, here, not_received_months=6, not_received_campaign_ids=[str(counted)])
    assert await _by_member(client, here, here.members[0]) == ["not_received_within"]
    assert await _by_member(client, here, here.members[1]) == "to_book"


async def test_the_box_of_the_campaign_itself_does_not_count_against_it(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    who = here.members[0]
    await set_rules(client, here, not_received_months=6)
    placed = await order(client, who, here.offers[0])
    await here.hand_over(placed["id"], at=utc_now())
    path = f"{API}/me/eligibility?campaign_id={here.campaign_id}"
    assert (await client.get(path, headers=who.headers())).json()["eligible"] is True


async def test_a_unit_includes_the_groups_below_it(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street()
    await here.set(Member, here.members[0].id, unit_id=await add_unit(here, below=here.unit_id))
    await set_rules(client, here, eligible_unit_ids=[str(here.unit_id)])
    assert await _by_member(client, here, here.members[0]) == "to_book"


# --- Rules and lists -----------------------------------------------------------------------------


async def test_rules_change_with_the_version_seen_and_leave_a_trace(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here, there = await street(), await street()
    path = f"{API}/campaigns/{here.campaign_id}/rules"
    officer = here.officer.headers()
    async with unchanged(here):
        refused(await client.put(path, json={}, headers=officer), 428, "platform.precondition_required")
        stale = officer | {"If-Match": '"7"'}
        refused(await client.put(path, json={}, headers=stale), 412, "platform.precondition_failed")
        for named in (
            {"eligible_unit_ids": [str(there.unit_id)]},
            {"eligible_unit_ids": [str(here.id)]},
            {"not_received_campaign_ids": [str(there.campaign_id)]},
            {"not_received_campaign_ids": [str(here.campaign_id)]},
        ):
            answer = await client.put(path, json=named, headers=officer | {"If-Match": '"1"'})
            assert refused(answer, 422, "campaigns.rules_invalid")["field"] in named
        for bad in ({"not_received_months": 0}, {"not_received_months": 37}, {"eligible_statuses": []}):
            answer = await client.put(path, json=bad, headers=officer | {"If-Match": "*"})
            refused(answer, 422, "platform.malformed")
    wanted = {"eligible_unit_ids": [str(here.unit_id)], "not_received_months": 3}
    changed = await client.put(path, json=wanted, headers=officer | {"If-Match": '"1"'})
    assert (
        changed.json()
        == {
            "campaign_id": str(here.campaign_id),
            "version": 2,
            "eligible_statuses": ["active"],
            "not_received_campaign_ids": [],
            "is_listed_only": False,
            "keeps_orders_of_leavers": True,
        }
        | wanted
    )
    (trace,) = await here.read(
        select(AuditEntry.actor_id, AuditEntry.details).where(
            AuditEntry.subject_id == here.campaign_id, AuditEntry.action == "campaigns.rules_changed"
        )
    )
    assert trace.actor_id == here.officer.id
    assert trace.details["changed"] == {
        name: [[] if name[0] == "e" else None, wanted[name]] for name in wanted
    }


async def test_the_list_is_set_by_numbers_and_read_masked(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street(members=3)
    counts = await set_list(client, here, ["T0000000", "T0000001", "T0000001", "nobody"])
    assert counts | {"version": 0} == {
        "campaign_id": str(here.campaign_id), "version": 0, "listed": 2, "added": 2, "removed": 0,
        "unknown": ["nobody"],
    }  # fmt: skip
    added = await set_list(client, here, ["T0000001", "T0000002"], mode="add")
    assert (added["listed"], added["added"], added["removed"]) == (3, 1, 0)
    gone = await set_list(client, here, ["T0000000"], mode="remove")
    assert (gone["listed"], gone["added"], gone["removed"]) == (2, 0, 1)
    listed = await walk(client, f"/campaigns/{here.campaign_id}/list", here.officer)
    assert {one["id"] for one in listed} == {str(here.members[1].id), str(here.members[2].id)}
    assert {one["name_masked"] for one in listed} == {"示*1", "示*2"}
    replaced = await set_list(client, here, ["T0000000"])
    assert (replaced["listed"], replaced["added"], replaced["removed"]) == (1, 1, 2)
    actions = await here.read(
        select(AuditEntry.details)
        .where(AuditEntry.subject_id == here.campaign_id, AuditEntry.action == "campaigns.list_changed")
        .order_by(AuditEntry.id)
    )
    assert [row.details["listed"] for row in actions] == [2, 3, 2, 1]


async def test_a_member_on_a_list_twice_has_one_order(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street(points=2)
    who = here.members[0]
    await set_list(client, here, ["T0000000"])
    await set_list(client, here, ["T0000000"], mode="add")
    await set_rules(client, here, is_listed_only=True)
    await order(client, who, here.offers[0])
    async with unchanged(here):
        for offer in here.offers:
            body = {"offer_id": str(offer)}
            again = await client.post(f"{API}/orders", json=body, headers=who.headers("new"))
            refused(again, 409, "orders.already_ordered")
    assert len(await here.read(select(ListEntry.member_id).where(ListEntry.member_id == who.id))) == 1


async def test_what_was_ordered_stays_and_the_impact_is_shown_first(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street(members=4)
    orders = [await order(client, who, here.offers[0]) for who in here.members[:3]]
    for who in here.members[:2]:
        await collected_before(here, who, at=utc_now() - timedelta(days=20))
    path = f"/campaigns/{here.campaign_id}/eligibility-impact"
    async with unchanged(here):
        assert await walk(client, path, here.officer) == []
        asked = await walk(client, path, here.officer, not_received_months=6)
        assert [(one["id"], one["failing"]) for one in asked] == [
            (placed["id"], ["not_received_within"]) for placed in orders[:2]
        ]
        assert {one["member"]["name_masked"] for one in asked} == {"示*0", "示*1"}
    await set_rules(client, here, not_received_months=6)
    async with unchanged(here):
        assert await walk(client, path, here.officer) == asked
        loose = await walk(client, path, here.officer, eligible_statuses=["retained"])
        assert len(loose) == 3
    for placed, who in zip(orders, here.members, strict=False):
        found = await client.get(f"{API}/orders/{placed['id']}", headers=who.headers())
        assert found.json()["status"] == "to_book"
        booked = await client.put(
            f"{API}/orders/{placed['id']}/slot", json={"slot_id": str(here.slots[0])}, headers=who.headers()
        )
        assert booked.status_code == 200, "and everything can be done with it"


# --- Exceptions ----------------------------------------------------------------------------------


async def test_an_exception_counts_when_another_has_approved_it(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    who, chair = here.members[0], here.staff[Role.CHAIR]
    await here.set(Member, who.id, status="retained")
    asked = await ask_exception(client, here, who, "membership_status", evidence="示例·证明")
    assert asked.json()["status"] == "pending"
    id = asked.json()["id"]
    assert await _by_member(client, here, who) == ["membership_status"]
    refused(await ask_exception(client, here, who, "unit"), 409, "campaigns.exception_stands")
    path = f"{API}/exceptions/{id}"
    for role in (Role.UNION_OFFICER, Role.AUDITOR, Role.GRASSROOTS_ADMIN):
        refused(
            await client.post(f"{path}/approve", headers=here.staff[role].headers()), 403, "access.forbidden"
        )
    assert (await client.post(f"{path}/approve", headers=chair.headers())).json()["status"] == "approved"
    for step in ("approve", "decline"):
        again = await client.post(f"{path}/{step}", headers=chair.headers())
        assert refused(again, 409, "campaigns.exception_decided")["state"] == "approved"
    two = await client.post(
        f"{API}/orders", json={"offer_id": str(here.offers[0]), "quantity": 3}, headers=who.headers("new")
    )
    refused(two, 409, "orders.quantity_over_limit")
    assert await _by_member(client, here, who) == "to_book"
    (shown,) = await walk(client, "/exceptions", here.staff[Role.AUDITOR], campaign_id=str(here.campaign_id))
    assert (shown["reason"], shown["evidence"]) == ("示例·名单更新晚", "示例·证明")
    assert (shown["member"]["name_masked"], shown["decided_by"]) == ("示*0", str(chair.id))
    (row,) = await here.read(select(EligibilityException.reason).where(EligibilityException.id == UUID(id)))
    assert "示例".encode() not in row.reason, "words about a person are sealed"


async def test_who_asked_and_whom_it_is_for_do_not_decide(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    who, chair = here.members[0], here.staff[Role.CHAIR]
    id = (await ask_exception(client, here, who, "unit")).json()["id"]
    await here.set(EligibilityException, UUID(id), requested_by=chair.id)
    async with unchanged(here):
        for step in ("approve", "decline", "withdraw"):
            answer = await client.post(f"{API}/exceptions/{id}/{step}", headers=chair.headers())
            refused(answer, 403, "campaigns.own_exception")
        await here.set(EligibilityException, UUID(id), requested_by=here.officer.id)
        await here.set(StaffAccount, chair.id, member_id=who.id)
        answer = await client.post(f"{API}/exceptions/{id}/approve", headers=chair.headers())
        refused(answer, 403, "campaigns.own_exception")
    (row,) = await here.read(select(EligibilityException.status).where(EligibilityException.id == UUID(id)))
    assert row.status == "pending"
    await here.set(StaffAccount, here.officer.id, member_id=here.members[1].id)
    mine = await ask_exception(client, here, here.members[1], "unit")
    refused(mine, 403, "campaigns.own_exception")


async def test_one_person_with_two_accounts_is_not_two_people(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    chair = here.staff[Role.CHAIR]
    for account in (here.officer, chair):
        await here.set(StaffAccount, account.id, member_id=here.members[1].id)
    id = (await ask_exception(client, here, here.members[0], "unit")).json()["id"]
    async with unchanged(here):
        answer = await client.post(f"{API}/exceptions/{id}/approve", headers=chair.headers())
        refused(answer, 403, "campaigns.own_exception")


async def test_an_exception_sets_nothing_else_aside(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street()
    who = here.members[0]
    for body in ({"rules": ["in_union"]}, {"rules": []}, {"rules": ["limit"]}, {"reason": "x"}):
        refused(await ask_exception(client, here, who, "unit", **body), 422, "platform.malformed")
    await _break(client, here, who, "on_list")
    await here.set(Member, who.id, status="retained")
    await grant_exception(client, here, who, "on_list")
    assert await _by_member(client, here, who) == ["membership_status"]


async def test_foreign_and_missing_exceptions_look_alike(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here, there = await street(), await street()
    foreign = (await ask_exception(client, there, there.members[0], "unit")).json()["id"]
    async with unchanged(there):
        answers = [
            await client.post(f"{API}/exceptions/{id}/approve", headers=here.staff[Role.CHAIR].headers())
            for id in (foreign, new_id())
        ]
        refused(answers[0], 404, "campaigns.exception_not_found")
        assert without_ids(answers[0]) == without_ids(answers[1])
    assert await walk(client, "/exceptions", here.officer) == []


async def test_an_exception_withdrawn_while_members_order(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    """Whoever comes first: an order that was placed by it stays, and none is placed after the withdrawal."""
    here = await street(members=8, quota=20)
    chair = here.staff[Role.CHAIR]
    ids = []
    for who in here.members:
        await here.set(Member, who.id, status="retained")
        ids.append(await grant_exception(client, here, who, "membership_status"))

    async def withdraw(id: str) -> None:
        answer = await client.post(f"{API}/exceptions/{id}/withdraw", headers=chair.headers())
        assert answer.status_code == 200, answer.text

    found = await asyncio.gather(
        *(_by_member(client, here, who) for who in here.members), *(withdraw(id) for id in ids)
    )
    assert {str(one) for one in found[:8]} <= {"to_book", "['membership_status']"}
    orders = await here.read(select(Order.member_id).where(Order.campaign_id == here.campaign_id))
    assert len(orders) == found[:8].count("to_book")
    for who, one in zip(here.members, found, strict=False):
        if one != "to_book":
            assert await _by_member(client, here, who) == ["membership_status"]


async def test_a_withdrawal_waits_for_an_order_that_is_being_decided_by_it(
    client: httpx.AsyncClient, street: MakeStreet, database: Database
) -> None:
    here = await street()
    who = here.members[0]
    await here.set(Member, who.id, status="retained")
    id = await grant_exception(client, here, who, "membership_status")
    command = PlaceOrder(at=utc_now(), claim=None, order_id=new_id(), number=uuid4().hex[:12],
                         member_id=who.id, offer_id=here.offers[0])  # fmt: skip
    async with database.transaction(one_union(here.id)) as session:
        (outcome,) = await admit_orders(session, here.id, [command])
        assert isinstance(outcome, Answer)
        path = f"{API}/exceptions/{id}/withdraw"
        withdrawing = asyncio.create_task(client.post(path, headers=here.staff[Role.CHAIR].headers()))
        await asyncio.sleep(0.3)
        assert not withdrawing.done()
    assert (await withdrawing).status_code == 200


# --- What it costs -------------------------------------------------------------------------------


async def _statements(here: Street, commands: list[Any]) -> int:
    count = 0

    def counted(*_: Any) -> None:
        nonlocal count
        count += 1

    engine = here.database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", counted)
    try:
        async with here.database.transaction(one_union(here.id)) as session:
            await admit_orders(session, here.id, commands)
    finally:
        event.remove(engine, "before_cursor_execute", counted)
    return count


def _places(here: Street, people: list[Person]) -> list[PlaceOrder]:
    return [
        PlaceOrder(at=utc_now(), claim=None, order_id=new_id(), number=uuid4().hex[:12], member_id=who.id,
                   offer_id=here.offers[0])
        for who in people
    ]  # fmt: skip


async def test_rules_that_a_campaign_does_not_use_cost_no_statement(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street(members=13, quota=100)
    plain = await _statements(here, _places(here, here.members[:1]))
    assert await _statements(here, _places(here, here.members[1:5])) == plain
    everything = {"eligible_unit_ids": [str(here.unit_id)], "not_received_months": 6}
    await set_rules(client, here, **everything)
    assert await _statements(here, _places(here, here.members[5:6])) == plain + 2
    await set_list(client, here, [f"T{n:07}" for n in range(12)])
    await set_rules(client, here, is_listed_only=True, **everything)
    assert await _statements(here, _places(here, here.members[6:7])) == plain + 3
    assert await _statements(here, _places(here, here.members[7:11])) == plain + 3
    # Somebody fails: their exceptions are asked for, once for all of them.
    assert await _statements(here, _places(here, here.members[11:])) == plain + 4


async def test_a_line_with_people_who_may_no_longer_order_is_served_to_its_end(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    """No newcomer gets what is free while somebody waits; the job gives it to them."""
    from app.orders.jobs import serve_lines

    here = await street(members=5, quota=0)
    placed = [await order(client, who, here.offers[0], join_waitlist=True) for who in here.members[:4]]
    for who in here.members[:2]:
        await here.set(Member, who.id, status="left")
    async with here.database.transaction(one_union(here.id)) as session:
        command = ChangeQuota(at=utc_now(), claim=None, offer_id=here.offers[0], quota=2, version=None)
        await admit_orders(session, here.id, [command, *_places(here, here.members[4:])])
    await serve_lines(here.database.transaction, now=utc_now())
    rows = await here.read(select(Order.id, Order.status).where(Order.campaign_id == here.campaign_id))
    found = {str(row.id): row.status for row in rows}
    assert [found[one["id"]] for one in placed] == ["cancelled", "cancelled", "to_book", "to_book"]
    assert len(found) == 4, "who came later than those who wait got none"
    counters = await here.counters()
    assert counters["stored"] == counters["derived"]


async def test_a_rule_about_the_past_is_refused_when_the_past_is_forgotten_before(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    now = utc_now()
    ended = local_date(now) - timedelta(days=80)
    other, title = new_id(), "示例·春季活动"
    async with here.database.transaction(every_union("a test arranges")) as session:
        terms = campaign_terms(now) | {
            "title": title, "pickup_from": ended - timedelta(days=2), "pickup_until": ended,
            "order_opens_at": now - timedelta(days=99), "order_closes_at": now - timedelta(days=83),
            "is_sample": False, "retention_days": 90,
        }  # fmt: skip
        session.add(Campaign(id=other, union_id=here.id, **terms))
    path = f"{API}/campaigns/{here.campaign_id}/rules"
    headers = here.officer.headers() | {"If-Match": "*"}
    await here.set(Campaign, here.campaign_id, order_closes_at=now + timedelta(days=30),
                   pickup_until=local_date(now) + timedelta(days=40))  # fmt: skip
    answer = await client.put(path, json={"not_received_months": 6}, headers=headers)
    problem = refused(answer, 409, "campaigns.retention_too_short")
    assert (problem["campaign_id"], problem["title"]) != (None, None)
    # Two months do not ask for it any more, and records that are kept longer are there.
    assert (await client.put(path, json={"not_received_months": 2}, headers=headers)).status_code == 200
    await here.set(Campaign, other, retention_days=400)
    assert (await client.put(path, json={"not_received_months": 6}, headers=headers)).status_code == 200
    await here.set(Campaign, other, personal_data_ended_at=now)
    gone = await client.put(path, json={"not_received_months": 6}, headers=headers)
    refused(gone, 409, "campaigns.retention_too_short")
