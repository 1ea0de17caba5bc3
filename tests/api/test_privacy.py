"""Personal data in the hands of its owner: looks, consents, everything held, erasure, exports."""

from datetime import timedelta
from io import BytesIO
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import python_calamine as calamine
from sqlalchemy import select, update

from app.access.audit import AuditEntry
from app.access.policy import Role
from app.access.scope import every_union
from app.access.tokens import AccessToken, Opening, add_token, open_session
from app.campaigns.tables import Campaign
from app.orders.tables import Order
from app.platform.clock import local_date, utc_now
from app.platform.database import Database
from app.privacy.actions.export import EXPORTS
from app.privacy.actions.reveal import REVEALS
from app.privacy.tables import Consent, DeletionReceipt
from app.redemptions.tables import PickupCode
from app.roster.jobs.imports import carry_out_imports
from app.roster.tables import RosterRow
from app.unions.queries import find_streets_below
from app.unions.tables import Member, Reveal, StaffAccount, Union
from tests.conftest import MakeStreet
from tests.factories.answers import API, order, refused, unchanged, walk, without_ids
from tests.factories.eligible import set_list
from tests.factories.rosters import HEADINGS, csv_of
from tests.factories.street import Person, Street

WHY = {"fields": ["name", "mobile"], "reason": "contact_member", "note": "示例·电话核对"}


async def look(client: httpx.AsyncClient, who: Person, member: object, **changed: Any) -> httpx.Response:
    return await client.post(f"{API}/members/{member}/reveal", json=WHY | changed, headers=who.headers())


async def test_a_look_shows_what_was_asked_for_and_the_member_reads_who_looked(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    member = here.members[1]
    shown = await look(client, here.officer, member.id)
    assert shown.status_code == 200, shown.text
    body = shown.json()
    assert (body["name"], body["mobile"], body["id_last4"]) == ("示例1", "13800000001", None)
    (seen,) = await walk(client, "/me/looks", member)
    assert (seen["fields"], seen["reason"], seen["note"]) == (
        ["mobile", "name"],
        "contact_member",
        "示例·电话核对",
    )
    assert (seen["role"], seen["reason_text"], seen["id"]) == ("union_officer", "联系会员", body["reveal_id"])
    assert await walk(client, "/me/looks", here.members[0]) == []
    entries = await here.read(select(AuditEntry).where(AuditEntry.subject_id == member.id))
    (entry,) = [row[0] for row in entries if row[0].action == "privacy.reveal"]
    assert (entry.actor_id, entry.reason) == (here.officer.id, "contact_member")
    assert "示例1" not in str(entry.details)
    assert "13800000001" not in str(entry.details)


@pytest.mark.parametrize(
    "changed",
    [
        {"reason": "curiosity"},
        {"fields": []},
        {"fields": ["number"]},
        {"note": "x" * 101},
        {"member_id": "x"},
    ],
)
async def test_a_look_without_a_good_reason_is_none(
    client: httpx.AsyncClient, street: MakeStreet, changed: dict[str, Any]
) -> None:
    here = await street()
    refused(await look(client, here.officer, here.members[0].id, **changed), 422, "platform.malformed")
    assert await here.count(Reveal) == 0


async def test_a_foreign_member_cannot_be_told_from_none(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here, there = await street(), await street()
    foreign = await look(client, here.officer, there.members[0].id)
    missing = await look(client, here.officer, uuid4())
    refused(foreign, 404, "privacy.nothing_to_reveal")
    assert without_ids(foreign) == without_ids(missing)
    assert await there.count(Reveal) == 0


async def test_a_clerk_sees_only_who_is_expected_today(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street(slots=1)
    member = here.members[0]
    refused(await look(client, here.clerk, member.id), 404, "privacy.nothing_to_reveal")
    placed = await order(client, member, here.offers[0])
    shown = await look(client, here.clerk, member.id, reason="identify_at_desk", fields=["id_last4"])
    assert shown.json()["id_last4"] == "0017"
    by_order = await client.post(
        f"{API}/orders/{placed['id']}/reveal", json=WHY, headers=here.clerk.headers()
    )
    assert by_order.json()["name"] == "示例0"
    await client.post(f"{API}/orders/{placed['id']}/cancel", json={}, headers=member.headers())
    refused(await look(client, here.clerk, member.id), 404, "privacy.nothing_to_reveal")


async def test_looks_are_limited_per_account(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street()
    answers = [await look(client, here.officer, here.members[0].id) for _ in range(REVEALS.calls + 1)]
    assert [answer.status_code for answer in answers] == [200] * REVEALS.calls + [429]
    assert await here.count(Reveal) == REVEALS.calls
    assert (await look(client, here.staff[Role.CHAIR], here.members[0].id)).status_code == 200


async def test_consents_name_the_version_and_are_withdrawn_as_easily(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    who = here.members[0]
    notices = (await client.get(f"{API}/privacy/notices")).json()["items"]
    assert [(one["purpose"], one["is_optional"]) for one in notices] == [
        ("pickup", False), ("reminders", True), ("proxy_contact", True),
    ]  # fmt: skip

    async def states() -> dict[str, str]:
        found = await client.get(f"{API}/me/consents", headers=who.headers())
        return {one["purpose"]: one["state"] for one in found.json()["items"]}

    assert set((await states()).values()) == {"none"}
    for _ in range(2):
        given = await client.put(f"{API}/me/consents/reminders", json={"version": 1}, headers=who.headers())
        assert given.status_code == 200
    assert (await here.count(Consent), (await states())["reminders"]) == (1, "given")
    await client.delete(f"{API}/me/consents/reminders", headers=who.headers())
    assert (await states())["reminders"] == "withdrawn"
    await client.put(f"{API}/me/consents/reminders", json={"version": 1}, headers=who.headers())
    assert (await states())["reminders"] == "given"
    old = await client.put(f"{API}/me/consents/reminders", json={"version": 2}, headers=who.headers())
    assert refused(old, 409, "privacy.notice_outdated")["version"] == 1
    needed = await client.delete(f"{API}/me/consents/pickup", headers=who.headers())
    refused(needed, 409, "privacy.consent_needed")


async def test_a_consent_to_an_older_text_is_asked_for_again(
    client: httpx.AsyncClient, street: MakeStreet, monkeypatch: pytest.MonkeyPatch
) -> None:
    from app.privacy import rules

    here = await street()
    who = here.members[0]
    await client.put(f"{API}/me/consents/reminders", json={"version": 1}, headers=who.headers())
    newer = rules.Notice(rules.Purpose.REMINDERS, 2, is_optional=True)
    monkeypatch.setitem(rules.NOTICES, rules.Purpose.REMINDERS, newer)
    found = (await client.get(f"{API}/me/consents", headers=who.headers())).json()["items"]
    assert {one["purpose"]: one["state"] for one in found}["reminders"] == "to_renew"


async def test_my_data_is_everything_and_only_mine(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street()
    mine, other = here.members[:2]
    placed = await order(client, mine, here.offers[0])
    await order(client, other, here.offers[0])
    await look(client, here.officer, mine.id)
    await client.put(f"{API}/me/consents/reminders", json={"version": 1}, headers=mine.headers())
    await set_list(client, here, ["T0000000"])
    answer = await client.get(f"{API}/me/data", headers=mine.headers())
    held = answer.json()
    assert answer.headers["content-disposition"].startswith("attachment")
    assert (held["member"]["name"], held["member"]["mobile"], held["member"]["id_last4"]) == (
        "示例0", "13800000000", "0017",
    )  # fmt: skip
    assert [one["number"] for one in held["orders"]] == [placed["number"]]
    assert [one["purpose"] for one in held["consents"]] == ["reminders"]
    assert [one["reason"] for one in held["looks"]] == ["contact_member"]
    assert [one["by"] for one in held["looks"]] == ["示例·union_officer"]
    assert [set(one) for one in held["lists"]] == [{"campaign", "added_at"}]
    assert len(held["sign_ins"]) == 1
    assert "示例1" not in answer.text


async def erased(client: httpx.AsyncClient, here: Street, who: Person) -> dict[str, Any]:
    asked = await client.post(f"{API}/me/erasure", headers=who.headers())
    assert asked.status_code == 202, asked.text
    address = f"{API}/erasure-requests/{asked.json()['id']}/carry-out"
    done = await client.post(address, headers=here.officer.headers())
    assert done.status_code == 200, done.text
    receipt: dict[str, Any] = done.json()
    return receipt


async def test_erasure_takes_the_person_and_leaves_the_figures(
    client: httpx.AsyncClient, street: MakeStreet, database: Database
) -> None:
    here = await street()
    who = here.members[0]
    placed = await order(client, who, here.offers[0])
    refused(await client.post(f"{API}/me/erasure", headers=who.headers()), 409, "privacy.order_still_open")
    await client.post(f"{API}/orders/{placed['id']}/cancel", json={}, headers=who.headers())
    await look(client, here.officer, who.id)
    await client.put(f"{API}/me/consents/reminders", json={"version": 1}, headers=who.headers())
    before = await here.counters()
    receipt = await erased(client, here, who)
    assert (receipt["kind"], receipt["counts"]["consents"], receipt["counts"]["look_notes"]) == (
        "member",
        1,
        1,
    )
    assert await here.counters() == before
    refused(await client.get(f"{API}/me", headers=who.headers()), 401, "access.unauthenticated")
    sessions = select(AccessToken).where(AccessToken.member_id == who.id)
    assert (await here.read(sessions), receipt["counts"]["sessions"]) == ([], 1), "when and from what"
    ((row,),) = await here.read(select(Member).where(Member.id == who.id))
    assert (row.status, row.mobile_sealed, row.id_last4_sealed) == ("left", None, None)
    assert row.number.startswith("erased-")
    ((order_row,),) = await here.read(select(Order).where(Order.member_id == who.id))
    assert order_row.status == "cancelled"
    assert (await here.count(PickupCode), await here.count(Consent)) == (0, 0)
    refused(await look(client, here.officer, who.id), 404, "privacy.nothing_to_reveal")
    assert str(who.id) not in {one["id"] for one in await walk(client, "/members", here.officer)}
    listed = await client.get(
        f"{API}/deletion-receipts/{receipt['id']}", headers=here.staff[Role.AUDITOR].headers()
    )
    assert listed.json() == receipt


async def test_who_collected_is_remembered_until_the_campaign_is_over(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    """Else a member could collect, be erased, come back with the next list, and collect again."""
    here = await street()
    who = here.members[0]
    placed = await order(client, who, here.offers[0])
    await here.hand_over(UUID(placed["id"]), at=utc_now())
    refused(await client.post(f"{API}/me/erasure", headers=who.headers()), 409, "privacy.order_still_open")
    yesterday = local_date(utc_now()) - timedelta(days=1)
    over = {
        "pickup_from": yesterday,
        "pickup_until": yesterday,
        "order_closes_at": utc_now() - timedelta(days=2),
        "order_opens_at": utc_now() - timedelta(days=3),
    }
    await here.set(Campaign, here.campaign_id, **over)
    assert (await erased(client, here, who))["kind"] == "member"


async def test_erasure_reaches_the_lines_of_comparisons(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street(members=2)
    names = (await here.read(select(Union.name).where(Union.id == here.unit_id)))[0][0]
    sent = csv_of([HEADINGS, ["T0000000", "示例改名", "13800000000", "0017", names]])
    headers = here.officer.headers("sent") | {"Content-Type": "text/csv"}
    answer = await client.post(
        f"{API}/members/imports", params={"filename": "a.csv"}, content=sent, headers=headers
    )
    assert answer.status_code == 202, answer.text
    await carry_out_imports(here.database)
    who = here.members[0]
    lines = select(RosterRow).where(RosterRow.member_id == who.id)
    assert len(await here.read(lines)) == 1, "the control: the comparison names them"
    receipt = await erased(client, here, who)
    assert await here.read(lines) == []
    assert receipt["counts"]["roster_lines"] == 1


async def test_who_sees_one_unit_sees_the_requests_of_that_unit(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street(members=2)
    inside, outside = here.members
    elsewhere = uuid4()
    async with here.database.transaction(every_union("a test arranges")) as session:
        session.add(
            Union(id=elsewhere, code=f"T-{elsewhere.hex[:12]}", name="示例·别处", level="grassroots",
                  parent_id=here.id, parent_level="street", street_id=here.id, is_sample=True)
        )  # fmt: skip
        await session.flush()
        await session.execute(update(Member).where(Member.id == outside.id).values(unit_id=elsewhere))
        leader = here.staff[Role.GROUP_LEADER]
        opening = Opening(leader.id, Role.GROUP_LEADER, here.id, [here.id], [here.unit_id])
        token = open_session(session, opening, now=utc_now())
    for one in (inside, outside):
        asked = await client.post(f"{API}/me/erasure", headers=one.headers())
        assert asked.status_code == 202, asked.text
    everything = {one["member_id"] for one in await walk(client, "/erasure-requests", here.officer)}
    assert everything == {str(inside.id), str(outside.id)}
    seen = await walk(client, "/erasure-requests", Person(leader.id, leader.name, token))
    assert {one["member_id"] for one in seen} == {str(inside.id)}


async def test_an_officer_above_the_streets_exports_them_all(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street(members=1)
    above = select(Union.parent_id).where(Union.id == here.id)
    ((district,),) = await here.read(above)
    async with here.database.transaction(every_union("a test arranges")) as session:
        id = uuid4()
        session.add(
            StaffAccount(id=id, union_id=district, login=f"t-{id.hex[:10]}", display_name="示例·区",
                         role=Role.UNION_OFFICER.value, approved_at=utc_now())
        )  # fmt: skip
        await session.flush()
        scope = await find_streets_below(session, district)
        token = add_token(
            session, id, role=Role.UNION_OFFICER, union_id=district, scope_union_ids=scope, now=utc_now()
        )
    assert {here.id, district} <= set(scope)
    officer = Person(id, "示例·区", token)
    answer = await client.post(f"{API}/members/exports", json={"reason": "audit"}, headers=officer.headers())
    assert answer.status_code == 200, answer.text
    sheet = calamine.CalamineWorkbook.from_filelike(BytesIO(answer.content)).get_sheet_by_index(0)
    first = [list(map(str, row[:3])) for row in sheet.to_python()]
    assert ["T0000000", "示**", "138****0000"] in first


async def test_a_request_is_withdrawn_declined_or_carried_out_once(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    who, officer = here.members[0], here.officer
    refused(await client.delete(f"{API}/me/erasure", headers=who.headers()), 404, "privacy.erasure_not_found")
    first = (await client.post(f"{API}/me/erasure", headers=who.headers())).json()
    again = await client.post(f"{API}/me/erasure", headers=who.headers())
    refused(again, 409, "privacy.erasure_already_asked")
    assert (await client.delete(f"{API}/me/erasure", headers=who.headers())).status_code == 204
    address = f"{API}/erasure-requests/{first['id']}"
    async with unchanged(here):
        over = await client.post(f"{address}/carry-out", headers=officer.headers())
        refused(over, 409, "privacy.erasure_decided")
    second = (await client.post(f"{API}/me/erasure", headers=who.headers())).json()
    no = {"reason": "legal_term"}
    declined = await client.post(
        f"{API}/erasure-requests/{second['id']}/decline", json=no, headers=officer.headers()
    )
    assert (declined.json()["status"], declined.json()["decline_reason"]) == ("declined", "legal_term")
    mine = await walk(client, "/me/erasure", who)
    assert [one["status"] for one in mine] == ["declined", "withdrawn"]
    there = await street()
    foreign = await client.post(f"{address}/carry-out", headers=there.officer.headers())
    refused(foreign, 404, "privacy.erasure_not_found")


async def test_an_export_is_masked_text_and_leaves_its_number(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here, there = await street(), await street()
    answer = await client.post(
        f"{API}/members/exports", json={"reason": "audit"}, headers=here.officer.headers()
    )
    assert answer.status_code == 200, answer.text
    sheet = calamine.CalamineWorkbook.from_filelike(BytesIO(answer.content)).get_sheet_by_index(0)
    rows = sheet.to_python()
    assert rows[1] == ["会员号", "姓名", "手机号", "所在单位", "会籍状态"]
    assert [row[:3] for row in rows[2:]] == [
        [f"T{position:07}", "示**", f"138****{position:04}"] for position in range(3)
    ]
    entries = await here.read(select(AuditEntry).where(AuditEntry.action == "privacy.export"))
    (entry,) = [row[0] for row in entries if row[0].union_id == here.id]
    assert entry.details["rows"] == 3
    assert entry.details["export_id"] in rows[0][0]
    assert str(there.id) not in answer.text
    for _ in range(EXPORTS.calls):
        answer = await client.post(
            f"{API}/members/exports", json={"reason": "audit"}, headers=here.officer.headers()
        )
    refused(answer, 429, "platform.too_many_requests")


async def test_a_look_is_never_changed(
    street: MakeStreet, client: httpx.AsyncClient, database: Database
) -> None:
    here = await street()
    await look(client, here.officer, here.members[0].id)
    await erased(client, here, here.members[1])
    for model, values in ((Reveal, {"reason": "audit"}), (DeletionReceipt, {"kind": "campaign"})):
        with pytest.raises(Exception, match=r"permission denied|InsufficientPrivilege"):
            async with database.transaction(every_union("a test tampers")) as session:
                await session.execute(update(model).where(model.union_id == here.id).values(values))
