"""Closing a campaign: it adds up, two people, an altered row stands in the way by name, sealed is final."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
from sqlalchemy import func, select, text

from app.access.policy import Role
from app.access.scope import every_union, one_union
from app.campaigns.tables import Campaign
from app.closing.actions.close import digest_of
from app.closing.tables import Closing
from app.documents.tables import Document
from app.orders.tables import Order
from app.platform.clock import local_date, shown, utc_now
from app.platform.database import Database
from app.platform.settings import Settings
from app.redemptions.tables import QuarantinedEvent, Redemption, RedemptionConflict
from app.stock.rules.ledger import Account, AccountKind, Line, MovementKind
from app.unions.tables import Reveal, StaffAccount
from tests.conftest import MakeStreet
from tests.factories.answers import API, refused
from tests.factories.closing import Ended, end_campaign
from tests.factories.databases import owner_of
from tests.factories.ledger import at, post, quarantine
from tests.factories.procurement import buy_and_receive_within, gift_box_of
from tests.factories.street import Person

TOTAL = {
    "eligible": 59, "collected": 43, "proxy": 0, "open": 0, "given_up": 8, "cancelled": 3, "not_collected": 5,
    "rest_given_up": 2, "never_ordered": 3, "unselected": 0, "never_served": 2, "boxes": 44, "adds_up": True,
}  # fmt: skip


@pytest.fixture
async def ended(database: Database, settings: Settings) -> Ended:
    """A campaign that has ended and adds up."""
    return await end_campaign(database, owner_url=owner_of(settings))


def chair(ended: Ended) -> Person:
    return ended.here.staff[Role.CHAIR]


def path(ended: Ended, rest: str = "") -> str:
    return f"{API}/campaigns/{ended.here.campaign_id}/closing{rest}"


async def prepare(client: httpx.AsyncClient, ended: Ended, **body: Any) -> httpx.Response:
    return await client.post(path(ended), json=body, headers=ended.here.officer.headers("new"))


async def seal(client: httpx.AsyncClient, ended: Ended) -> httpx.Response:
    return await client.post(path(ended, "/seal"), headers=chair(ended).headers("new"))


async def blockers(client: httpx.AsyncClient, ended: Ended, **asked: Any) -> list[dict[str, Any]]:
    answer = await client.get(path(ended, "/blockers"), params=asked, headers=ended.here.officer.headers())
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def test_a_campaign_that_adds_up_is_prepared_and_sealed(
    client: httpx.AsyncClient, ended: Ended
) -> None:
    here = ended.here
    assert await blockers(client, ended) == []
    before = (await client.get(path(ended), headers=here.officer.headers())).json()
    assert (before["status"], before["total"], before["blockers"]) == (None, TOTAL, [])
    assert [unit["eligible"] for unit in sorted(before["units"], key=lambda u: -u["eligible"])] == [30, 20, 9]
    prepared = await prepare(client, ended, note="账实相符")
    assert prepared.status_code == 201, prepared.text
    sealed = await seal(client, ended)
    assert sealed.status_code == 200, sealed.text
    body = sealed.json()
    assert (body["status"], body["total"], body["hand_overs"]) == ("sealed", TOTAL, 44)
    assert (body["prepared_by"], body["sealed_by"]) == (str(here.officer.id), str(chair(ended).id))
    lots = {lot["number"]: lot for lot in body["lots"]}
    first, second = lots["L1"], lots["L2"]
    assert (first["received"], first["handed_over"], first["returned"], first["on_hand"]) == (40, 22, 2, 16)
    assert (second["received"], second["handed_over"], second["on_hand"]) == (40, 22, 18)
    ((closing,),) = await here.read(select(Closing).where(Closing.campaign_id == here.campaign_id))
    assert closing.digest.hex() == body["digest"] == digest_of(closing.figures).hex()
    assert (closing.people, len(closing.event_ids)) == (None, 44)
    again = (await client.get(path(ended), headers=here.officer.headers())).json()
    assert (again["total"], again["digest"]) == (TOTAL, body["digest"])


async def test_the_figures_are_what_the_raw_rows_add_up_to(client: httpx.AsyncClient, ended: Ended) -> None:
    here = ended.here
    figures = (await client.get(path(ended), headers=chair(ended).headers())).json()
    handed = select(func.count(), func.sum(Redemption.quantity)).where(
        Redemption.union_id == here.id, Redemption.result == "handed_over", Redemption.undone_at.is_(None)
    )
    assert [tuple(row) for row in await here.read(handed)] == [(figures["hand_overs"], figures["boxes"])]
    collected = select(func.count(func.distinct(Order.member_id))).where(
        Order.campaign_id == here.campaign_id, Order.collected_count > 0
    )
    assert (await here.read(collected))[0][0] == figures["total"]["collected"]
    for lot in figures["lots"]:
        right = ("handed_over", "returned", "damaged", "donated", "on_hand", "in_transit", "variance")
        assert lot["received"] == sum(lot[name] for name in right)
    assert sum(unit["eligible"] for unit in figures["units"]) == figures["total"]["eligible"]


async def test_the_seal_asks_for_the_final_papers(client: httpx.AsyncClient, ended: Ended) -> None:
    await prepare(client, ended)
    await seal(client, ended)
    rows = await ended.here.read(
        select(Document.kind, Document.edition, Document.pickup_point_id, Document.is_final).where(
            Document.campaign_id == ended.here.campaign_id
        )
    )
    points = {None, *ended.here.points}
    sheets = {("signoff_sheet", edition, point, True) for edition in ("full", "masked") for point in points}
    others = {
        (kind, edition, None, True)
        for kind in ("uncollected", "campaign_summary")
        for edition in ("full", "masked")
    }
    assert {tuple(row) for row in rows} == sheets | others
    assert len(rows) == 10


async def test_boxes_bought_for_another_campaign_do_not_stand_in_the_way(
    client: httpx.AsyncClient, ended: Ended
) -> None:
    """The next campaign with the same gift box at the same point begins while this one is closed."""
    here = ended.here
    box_id = await gift_box_of(here)
    terms = {"title": "示例·下一次", "kind": "gift", "order_opens_at": shown(utc_now()),
             "order_closes_at": shown(utc_now() + timedelta(days=1)),
             "pickup_from": local_date(utc_now()).isoformat(),
             "pickup_until": (local_date(utc_now()) + timedelta(days=5)).isoformat()}  # fmt: skip
    drafted = await client.post(f"{API}/campaigns", json=terms, headers=here.officer.headers())
    assert drafted.status_code == 201, drafted.text
    assert (await prepare(client, ended)).status_code == 201
    async with here.database.transaction(one_union(here.id)) as session:
        next_one = UUID(drafted.json()["id"])
        await buy_and_receive_within(session, here, box_id, batch="NEXT", campaign_id=next_one)
    assert await blockers(client, ended) == []
    # The control: bought for no campaign in particular, it may be this one's.
    async with here.database.transaction(one_union(here.id)) as session:
        await buy_and_receive_within(session, here, box_id, batch="ANY")
    assert [one["code"] for one in await blockers(client, ended)] == ["changed_since"]
    await client.post(path(ended, "/withdraw"), headers=here.officer.headers("new"))
    lots = (await client.get(path(ended), headers=here.officer.headers())).json()["lots"]
    assert sorted(lot["number"] for lot in lots if lot["kind"] == "received") == ["ANY", "L1", "L2"]


# What the owner of the database alters, and which blocker names the person.
ALTERED: dict[str, tuple[str, str]] = {
    "status": (
        "UPDATE orders SET status = 'expired', collected_count = 0, collected_at = NULL WHERE id = '{order}'",
        "hand_over_not_counted",
    ),
    "status_of_another": (
        """
        UPDATE orders SET status = 'collected', collected_count = 1, collected_at = now() WHERE id = '{other}'
        """,
        "collected_without_hand_over",
    ),
    "collected_count": (
        "UPDATE orders SET collected_count = 2, quantity = 2 WHERE id = '{order}'",
        "count_differs",
    ),
    "cancelled": (
        "UPDATE orders SET quantity = 2, status = 'booked' WHERE id = '{order}'",
        "order_open",
    ),
    "redemption_quantity": (
        "UPDATE redemptions SET quantity = 2 WHERE event_id = '{event}'",
        "movement_differs",
    ),
    "redemption_deleted": (
        "DELETE FROM redemptions WHERE event_id = '{event}'",
        "collected_without_hand_over",
    ),
    "redemption_undone": (
        "UPDATE redemptions SET undone_at = now() WHERE event_id = '{event}'",
        "collected_without_hand_over",
    ),
    "movement_deleted": (
        "DELETE FROM stock_movements WHERE event_id = '{event}'",
        "hand_over_without_movement",
    ),
    "movement_boxes": (
        "UPDATE stock_movements SET boxes = 2 WHERE event_id = '{event}'",
        "movement_differs",
    ),
    "redemption_moved": (
        "UPDATE redemptions SET order_id = '{other}' WHERE event_id = '{event}'",
        "collected_without_hand_over",
    ),
    "over_limit": (
        """
        UPDATE redemptions SET quantity = 3 WHERE event_id = '{event}';
        UPDATE orders SET quantity = 3, collected_count = 3 WHERE id = '{order}';
        UPDATE stock_movements SET boxes = 3 WHERE event_id = '{event}'
        """,
        "over_limit",
    ),
    "member_of_the_order": (
        "UPDATE orders SET member_id = '{stranger}' WHERE id = '{order}'",
        "changed_since",
    ),
    "outcome_that_fits": (
        "UPDATE orders SET status = 'cancelled', slot_id = NULL, cancelled_at = now() WHERE id = '{other}'",
        "changed_since",
    ),
}


@pytest.mark.parametrize("what", ALTERED)
async def test_an_altered_row_makes_sealing_fail_with_the_persons_name(
    client: httpx.AsyncClient, ended: Ended, what: str
) -> None:
    here, place, other = ended.here, 7, 44
    assert (await prepare(client, ended)).status_code == 201
    order, statement, code = ended.orders[place], *ALTERED[what]
    named = here.members[other if "{other}" in statement and "{event}" not in statement else place]
    values = {
        "order": order, "event": ended.events[order], "other": ended.orders[other],
        "stranger": here.members[57].id,
    }  # fmt: skip
    await ended.owner(statement.format(**values))
    problem = refused(await seal(client, ended), 409, "closing.blocked")
    assert problem["count"] >= 1
    codes = {(one["code"], one["member_name_masked"]) for one in problem["blockers"]}
    masked = await blockers(client, ended)
    about = [one for one in masked if one["code"] == code]
    assert about, [one["code"] for one in masked]
    hidden = named.name[0] + "*" * (len(named.name) - 2) + named.name[-1]
    assert (code, hidden) in codes
    assert hidden in {one["subject"]["member_name_masked"] for one in about}
    assert {one["subject"]["member_name"] for one in masked} == {None}
    assert named.name not in str(masked)
    full = await blockers(client, ended, reason="audit")
    assert named.name in {one["subject"]["member_name"] for one in full if one["code"] == code}
    looks = select(Reveal.reason, Reveal.staff_id).where(Reveal.member_id == named.id)
    assert [tuple(row) for row in await here.read(looks)] == [("audit", here.officer.id)]
    assert (await here.read(select(Campaign.sealed_at).where(Campaign.id == here.campaign_id)))[0][0] is None
    assert await here.read(select(Document.id).where(Document.campaign_id == here.campaign_id)) == []


NOT_A_PERSON: dict[str, tuple[str, str]] = {
    "balance": (
        "UPDATE stock_balances SET boxes = boxes - 1 WHERE lot_id = '{lot}' AND kind = 'pickup_point'",
        "balance_differs",
    ),
    "promised_count": (
        "UPDATE offers SET promised_count = promised_count + 1 WHERE id = '{offer}'",
        "promised_differs",
    ),
    "booked_count": (
        "UPDATE slots SET booked_count = booked_count + 1 WHERE id = '{slot}'",
        "booked_differs",
    ),
    "stray_movement": (
        """
        INSERT INTO stock_movements (id, union_id, lot_id, boxes, from_kind, from_point_id, to_kind,
        to_point_id, kind, event_id, posted_at) SELECT gen_random_uuid(), union_id, lot_id, 1, 'pickup_point',
        pickup_point_id, 'handed_over', pickup_point_id, 'handed_over', gen_random_uuid(), now()
        FROM stock_balances WHERE lot_id = '{lot}' AND kind = 'pickup_point'
        """,
        "movement_without_hand_over",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", NOT_A_PERSON)
async def test_altered_goods_and_counters_make_sealing_fail(
    client: httpx.AsyncClient, ended: Ended, what: str
) -> None:
    here = ended.here
    assert (await prepare(client, ended)).status_code == 201
    statement, code = NOT_A_PERSON[what]
    await ended.owner(statement.format(lot=ended.lots[0], offer=here.offers[0], slot=here.slots[0]))
    problem = refused(await seal(client, ended), 409, "closing.blocked")
    assert code in {one["code"] for one in problem["blockers"]}
    assert code in {one["code"] for one in await blockers(client, ended)}


async def test_a_member_who_is_counted_twice_stands_in_the_way(
    client: httpx.AsyncClient, ended: Ended
) -> None:
    here, index = ended.here, "uq_orders_one_live_order"
    assert (await prepare(client, ended)).status_code == 201
    ((made,),) = await here.read(text(f"SELECT indexdef FROM pg_indexes WHERE indexname = '{index}'"))
    other = ended.orders[8]
    set_member = f"UPDATE orders SET member_id = '{{}}' WHERE id = '{other}'"
    await ended.owner(f"DROP INDEX {index}", set_member.format(here.members[6].id))
    try:
        refused(await seal(client, ended), 409, "closing.blocked")
        found = await blockers(client, ended, reason="audit")
    finally:
        await ended.owner(set_member.format(here.members[8].id), made)
    twice = [one for one in found if one["code"] == "counted_twice"]
    assert [one["subject"]["member_name"] for one in twice] == [here.members[6].name]
    changed = {one["subject"]["member_name"] for one in found if one["code"] == "changed_since"}
    assert changed == {here.members[6].name, here.members[8].name}


async def test_who_prepares_does_not_seal(client: httpx.AsyncClient, ended: Ended) -> None:
    here = ended.here
    await prepare(client, ended)
    by_officer = await client.post(path(ended, "/seal"), headers=here.officer.headers("new"))
    refused(by_officer, 403, "access.forbidden")
    member_id = here.members[3].id
    for who in (here.officer, chair(ended)):
        await here.set(StaffAccount, who.id, member_id=member_id)
    refused(await seal(client, ended), 403, "closing.own_preparation")
    await here.set(StaffAccount, chair(ended).id, member_id=here.members[4].id)
    assert (await seal(client, ended)).status_code == 200


async def test_the_database_keeps_two_people_apart(ended: Ended, client: httpx.AsyncClient) -> None:
    await prepare(client, ended)
    officer = ended.here.officer.id
    with pytest.raises(asyncpg.CheckViolationError, match="two_people"):
        await plainly(
            ended,
            "UPDATE closings SET status = 'sealed', people = NULL, sealed_at = now(),"
            f" sealed_by = '{officer}' WHERE campaign_id = '{ended.here.campaign_id}'",
        )


async def plainly(ended: Ended, statement: str) -> None:
    """Run a statement as the owner, with every trigger in force."""
    connection = await asyncpg.connect(ended.owner_url)
    try:
        async with connection.transaction():
            await connection.execute("SET LOCAL ROLE grainline_jobs")
            await connection.execute(statement)
    finally:
        await connection.close()


async def test_sealed_is_final(client: httpx.AsyncClient, ended: Ended) -> None:
    here = ended.here
    await prepare(client, ended)
    await seal(client, ended)
    refused(await prepare(client, ended), 409, "closing.already_prepared")
    refused(await seal(client, ended), 409, "closing.not_prepared")
    withdrawn = await client.post(path(ended, "/withdraw"), headers=here.officer.headers("new"))
    refused(withdrawn, 409, "closing.not_prepared")
    later = (utc_now() + timedelta(days=9)).date().isoformat()
    changed = await client.patch(
        f"{API}/campaigns/{here.campaign_id}",
        json={"pickup_until": later},
        headers=here.officer.headers() | {"If-Match": "*"},
    )
    refused(changed, 409, "campaigns.sealed")
    quota = await client.put(
        f"{API}/offers/{here.offers[0]}/quota",
        json={"quota": 79},
        headers=here.officer.headers() | {"If-Match": "*"},
    )
    refused(quota, 409, "campaigns.sealed")
    for statement in (
        f"UPDATE campaigns SET title = 'x' WHERE id = '{here.campaign_id}'",
        f"UPDATE offers SET quota = quota + 1 WHERE id = '{here.offers[0]}'",
        f"UPDATE slots SET capacity = capacity + 1 WHERE id = '{here.slots[0]}'",
    ):
        with pytest.raises(asyncpg.CheckViolationError):
            await plainly(ended, statement)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await plainly(ended, f"DELETE FROM closings WHERE campaign_id = '{here.campaign_id}'")
    await plainly(
        ended, f"UPDATE campaigns SET personal_data_ended_at = now() WHERE id = '{here.campaign_id}'"
    )


async def test_a_preparation_is_withdrawn_and_made_again(client: httpx.AsyncClient, ended: Ended) -> None:
    await prepare(client, ended)
    refused(await prepare(client, ended), 409, "closing.already_prepared")
    withdrawn = await client.post(path(ended, "/withdraw"), headers=ended.here.officer.headers("new"))
    assert (withdrawn.status_code, withdrawn.json()["status"]) == (200, "withdrawn")
    refused(await seal(client, ended), 404, "closing.not_found")
    assert (await prepare(client, ended)).status_code == 201


async def test_what_is_not_finished_stands_in_the_way(
    client: httpx.AsyncClient, database: Database, settings: Settings
) -> None:
    ended = await end_campaign(database, owner_url=owner_of(settings), counted=False)
    here = ended.here
    event = ended.events[ended.orders[1]]
    async with database.transaction(every_union("a test arranges")) as session:
        session.add(
            RedemptionConflict(
                id=uuid4(),
                union_id=here.id,
                order_id=ended.orders[1],
                first_event_id=None,
                second_event_id=event,
                reason="too_late",
                status="open",
                noticed_at=utc_now(),
            )
        )
        report = QuarantinedEvent(
            id=uuid4(), union_id=here.id, device_id="d", staff_id=None, event_id=uuid4(), reason="unknown",
            body="{}", body_sha256=b"1" * 32, received_at=utc_now(),
        )  # fmt: skip
        session.add(report)
    await here.set(Order, ended.orders[44], status="booked")
    await post(
        here,
        Line(lot_id=ended.lots[0], boxes=1, source=at(here.points[0]), target=quarantine(here.points[0]),
             kind=MovementKind.QUARANTINED),
        Line(lot_id=ended.lots[1], boxes=3, source=at(here.points[1]), kind=MovementKind.DISPATCHED,
             target=Account(AccountKind.IN_TRANSIT)),
    )  # fmt: skip
    problem = refused(await prepare(client, ended), 409, "closing.blocked")
    codes = [one["code"] for one in await blockers(client, ended)]
    assert sorted(codes) == [
        "conflict_open", "event_undecided", "in_transit", "order_open", "promised_differs",
        "quarantine_undecided", "stocktake_missing", "stocktake_missing",
    ]  # fmt: skip
    assert problem["count"] == len(codes)
    assert (await here.count(Closing)) == 0
    refused(await prepare(client, ended, acknowledged_event_ids=[str(report.id)]), 409, "closing.blocked")


async def test_a_campaign_whose_pickup_goes_on_is_not_closed(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street(members=2)
    answer = await client.post(
        f"{API}/campaigns/{here.campaign_id}/closing", json={}, headers=here.officer.headers("new")
    )
    problem = refused(answer, 409, "closing.blocked")
    assert [one["code"] for one in problem["blockers"]] == ["window_open"]


async def test_blockers_come_in_pages(client: httpx.AsyncClient, ended: Ended) -> None:
    ids = ",".join(f"'{ended.events[ended.orders[place]]}'" for place in (1, 2, 3))
    await ended.owner(f"DELETE FROM redemptions WHERE event_id IN ({ids})")
    first = await client.get(path(ended, "/blockers"), params={"limit": 2}, headers=chair(ended).headers())
    page = first.json()
    assert len(page["items"]) == 2
    rest = await client.get(
        path(ended, "/blockers"),
        params={"limit": 200, "cursor": page["next"]},
        headers=chair(ended).headers(),
    )
    items = page["items"] + rest.json()["items"]
    assert rest.json()["next"] is None
    assert sum(one["code"] == "collected_without_hand_over" for one in items) == 3
    assert items == await blockers(client, ended, limit=200)


async def test_names_in_full_are_for_who_may_reveal(client: httpx.AsyncClient, ended: Ended) -> None:
    finance = ended.here.staff[Role.FINANCE]
    answer = await client.get(path(ended, "/blockers"), params={"reason": "audit"}, headers=finance.headers())
    refused(answer, 403, "access.forbidden")
    assert (await client.get(path(ended, "/blockers"), headers=finance.headers())).status_code == 200


async def test_a_campaign_of_another_union_is_not_there(
    client: httpx.AsyncClient, ended: Ended, street: MakeStreet
) -> None:
    other = await street(members=1)
    for answer in (
        await client.get(path(ended), headers=other.officer.headers()),
        await client.get(path(ended, "/blockers"), headers=other.officer.headers()),
        await client.post(path(ended), json={}, headers=other.officer.headers("new")),
        await client.post(path(ended, "/seal"), headers=other.staff[Role.CHAIR].headers("new")),
    ):
        refused(answer, 404, "campaigns.not_found")
