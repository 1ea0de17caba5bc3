"""The standing goods of a world of the matrix: bought, received, moved, counted, on paper, of some place.

They are made through the API, by somebody other than the callers of the matrix where two people are needed.
"""

import hashlib
import secrets
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import insert, update

from app.access.policy import Role
from app.access.scope import every_union, one_union
from app.campaigns.tables import Campaign
from app.documents.actions.files import keep_files
from app.documents.rules.issuing import FileFormat
from app.documents.tables import Document
from app.pickup.tables import PickupPoint
from app.platform.clock import local_date, utc_now
from app.procurement.tables import Supplier
from app.redemptions.tables import QuarantinedEvent
from app.stock.actions.lots import LotDraft, find_or_add_lot
from app.warehouse.tables.transfers import Transfer, TransferLine
from tests.factories.answers import API
from tests.factories.impact import WELLS, add_site
from tests.factories.ledger import VARIANCE, consigned, handing, post, received, replace, unrecorded_lot
from tests.factories.street import Person
from tests.factories.worlds import OWN, World, new_staff

MANY = 1_000_000
WHY = {"reason": "示例·活动结束"}


async def ask(world: World, who: Person, path: str, body: Any = None) -> Any:
    """Post and return the answer, which is no refusal."""
    answer = await world.client.post(f"{API}{path}", json=body, headers=who.headers("new"))
    assert answer.status_code < 300, (path, answer.text)
    return answer.json()


async def second(world: World, role: Role) -> Person:
    """Return another account with a role: who asks for what the callers of the matrix decide."""
    key = f"second {role.value}"
    if key not in world.helpers:
        id = await new_staff(world, role=role.value, approved_at=utc_now())
        world.helpers[key] = Person(id, "", await world.token(id, role))
    return world.helpers[key]


async def add_point(world: World) -> UUID:
    """Add a pickup point at which nothing is."""
    return await world.add(
        PickupPoint, name=f"{world.word}·领取点{secrets.token_hex(3)}", address=f"{world.word}·地址",
        is_outdoor=True, desk_count=1,
    )  # fmt: skip


async def add_lot(world: World, boxes: int) -> UUID:
    """Have boxes of a new lot consigned and received at the first point."""
    here, number = world.here, f"{world.word}{secrets.token_hex(4)}"
    draft = LotDraft(world.things["box"][OWN], number, best_before_on=local_date(utc_now() + timedelta(400)))
    async with here.database.transaction(one_union(here.id)) as session:
        lot = await find_or_add_lot(session, draft, union_id=here.id, now=utc_now())
    await post(here, consigned(lot.id, boxes), received(lot.id, boxes, here.points[0]))
    return lot.id


async def add_goods(world: World) -> None:
    """Add the standing goods of a world."""
    things = world.things
    world.here.points.append(await add_point(world))
    things["other_point"] = {OWN: world.here.points[1]}
    things["inspector"] = {OWN: world.here.officer.id}
    things["keeper"] = {OWN: world.here.staff[Role.WAREHOUSE_KEEPER].id}
    things["lot"] = {OWN: await add_lot(world, MANY)}
    await _origin(world)
    await _bought(world)
    await _received(world)
    await _handed_over(world)
    await _warehouse(world)
    await _target(world)
    things["document"] = {OWN: await add_document(world, status="ready")}
    things["sealed_campaign"] = {OWN: await add_ended_campaign(world, status="sealed")}


async def _origin(world: World) -> None:
    """Add a partner region, aid projects in it, and a lot's origin card; what is public is kept as text."""
    here, things = world.here, world.things
    site = await add_site(here)
    things["region"], things["place"] = {OWN: str(site.region_id)}, {OWN: str(site.place_id)}
    for kind in ("aid_draft", "aid_project"):
        title = f"{world.word}·项目"
        project = await ask(world, here.officer, "/impact/projects", site.body(title=title))
        path = f"/impact/projects/{project['id']}"
        written = await ask(world, here.officer, f"{path}/results", WELLS)
        things[kind] = {OWN: UUID(project["id"])}
        if kind == "aid_project":
            await ask(world, here.staff[Role.CHAIR], f"{path}/publish")
            things[kind] = {OWN: project["id"]}
        else:
            things["aid_result"] = {OWN: UUID(written["results"][0]["id"])}
    lot_id = things["lot"][OWN]
    card = await world.client.get(f"{API}/lots/{lot_id}/origin", headers=here.officer.headers())
    assert card.status_code == 200, card.text
    things["reference"] = {OWN: card.json()["reference"]}
    recalled = things["recalled_lot"] = {OWN: await add_lot(world, 1)}
    await ask(world, here.officer, f"/lots/{recalled[OWN]}/recall", WHY)


async def _target(world: World) -> None:
    """Set the target of the year that calls name, for what the street union buys of partner regions."""
    basis = {"percent_basis_points": 3_000, "basis": f"{world.word}·目标"}
    headers = world.here.officer.headers() | {"If-Match": '"0"'}
    target = await world.client.put(f"{API}/figures/targets/2026", json=basis, headers=headers)
    assert target.status_code == 200, target.text


async def add_supplier(world: World) -> UUID:
    """Add a supplier."""
    name = f"{world.word}·合作社{secrets.token_hex(4)}"
    return await world.add(
        Supplier, name=name, uscc_reason="示例", is_on_platform_832=False, added_at=utc_now(),
        region_id=UUID(world.things["region"][OWN]),
    )  # fmt: skip


async def add_certificate(world: World) -> UUID:
    """Add a certificate of the standing supplier, for all it sells."""
    body = {"kind": "other", "number": secrets.token_hex(4), "issuer": f"{world.word}·机构",
            "valid_from": "2019-01-01"}  # fmt: skip
    path = f"/suppliers/{world.things['supplier'][OWN]}/certificates"
    made = await ask(world, world.callers["finance"].who, path, body)
    return UUID(made["id"])


async def add_purchase(world: World, status: str, **change: Any) -> Any:
    """Buy boxes of the standing supplier: a draft, `pending` or `approved`; the buyer is in finance."""
    line = {"gift_box_id": str(world.things["box"][OWN]), "boxes": MANY, "unit_price_fen": 1}
    body = {"supplier_id": str(world.things["supplier"][OWN]), "channel": "direct",
            "purchased_on": "2020-10-12", "least_days_left": 0, "lines": [line]} | change  # fmt: skip
    buyer = await second(world, Role.FINANCE)
    bought = await ask(world, buyer, "/procurements", body)
    path = f"/procurements/{bought['id']}"
    if status != "draft":
        bought = await ask(world, buyer, f"{path}/submit")
    if status == "approved":
        bought = await ask(world, world.here.staff[Role.CHAIR], f"{path}/approve")
    return bought


async def _bought(world: World) -> None:
    things = world.things
    things["supplier"] = {OWN: await add_supplier(world)}
    things["certificate"] = {OWN: await add_certificate(world)}
    drafted = await add_purchase(world, "draft", note=f"{world.word}·备注")
    bought = await add_purchase(world, "approved", campaign_id=str(world.here.campaign_id))
    things["purchase_draft"] = {OWN: UUID(drafted["id"])}
    things["purchase"] = {OWN: UUID(bought["id"])}
    things["purchase_line"] = {OWN: UUID(bought["lines"][0]["id"])}


async def add_receipt(world: World, *, missing: int = 0) -> Any:
    """Take a box in of the standing purchase, in a batch of its own."""
    today = local_date(utc_now())
    line = {"purchase_line_id": str(world.things["purchase_line"][OWN]), "batch": secrets.token_hex(5),
            "best_before_on": (today + timedelta(days=400)).isoformat(),
            "expected": 1 + missing, "good": 1, "missing": missing}  # fmt: skip
    keeper = world.here.staff[Role.WAREHOUSE_KEEPER]
    body = {"pickup_point_id": str(world.here.points[0]), "received_on": today.isoformat(),
            "delivered_by": f"{world.word}·货运", "inspected_by": str(world.here.officer.id),
            "kept_by": str(keeper.id), "lines": [line]}  # fmt: skip
    return await ask(world, keeper, f"/procurements/{world.things['purchase'][OWN]}/receipts", body)


async def _received(world: World) -> None:
    receipt = await add_receipt(world, missing=10_000)
    world.things["goods_receipt"] = {OWN: UUID(receipt["id"])}
    world.things["receipt_line"] = {OWN: UUID(receipt["lines"][0]["id"])}


async def add_hand_over(world: World, lot_id: UUID, *, boxes: int, **line: Any) -> UUID:
    """Have an order handed over and boxes of a lot with it; free minutes are left for hours."""
    here, event_id = world.here, uuid4()
    order_id = await world.ordered(await world.member())
    await here.hand_over(order_id, at=utc_now() + timedelta(hours=6), event_id=event_id)
    await post(here, replace(handing(lot_id, boxes, here.points[0], **line), event_id=event_id))
    return event_id


async def _handed_over(world: World) -> None:
    """Have boxes handed over whose lot nobody recorded."""
    lot_id = await unrecorded_lot(world.here, world.things["box"][OWN])
    world.things["hand_over"] = {OWN: await add_hand_over(world, lot_id, boxes=10_000, source=VARIANCE)}


async def add_transfer(world: World, *, waits: bool = False) -> UUID:
    """Send a box to the other point; `waits`: as if too few stayed, and somebody had to approve it."""
    body = {"from_point_id": str(world.here.points[0]), "to_point_id": str(world.here.points[1]),
            "lines": [{"lot_id": str(world.things["lot"][OWN]), "boxes": 1}], **WHY}  # fmt: skip
    if not waits:
        sent = await ask(world, await second(world, Role.WAREHOUSE_KEEPER), "/stock/transfers", body)
        return UUID(sent["id"])
    number = f"DB-T-{secrets.token_hex(4)}"
    id = await world.copy(
        Transfer, world.things["transfer"][OWN], status="waiting", number=number, dispatched_at=None
    )
    async with world.here.database.transaction(every_union("a test arranges")) as session:
        line = {"union_id": world.here.id, "transfer_id": id, "lot_id": world.things["lot"][OWN], "boxes": 1}
        await session.execute(insert(TransferLine).values(line))
    return id


async def add_stocktake(world: World, status: str, *, point_id: UUID | None = None) -> UUID:
    """Open a stocktake, at a point of its own if not said; `to_approve`: two people find a box there."""
    keeper, wanted = await second(world, Role.WAREHOUSE_KEEPER), point_id or await add_point(world)
    opened = await ask(world, keeper, "/stock/stocktakes", {"pickup_point_id": str(wanted)})
    path, lines = f"/stock/stocktakes/{opened['id']}", [{"lot_id": str(world.things["lot"][OWN]), "good": 1}]
    if status == "to_approve":
        for role in (Role.WAREHOUSE_KEEPER, Role.STATION_CLERK):
            opened = await ask(world, await second(world, role), f"{path}/counts", {"lines": lines})
    assert opened["status"] == status
    return UUID(opened["id"])


async def add_disposal(world: World, *, by: Person | None = None) -> UUID:
    """Ask that a box be written off."""
    line = {"lot_id": str(world.things["lot"][OWN]), "pickup_point_id": str(world.here.points[0]),
            "place": "pickup_point", "boxes": 1}  # fmt: skip
    body = {"kind": "write_off", "lines": [line], "campaign_id": str(world.here.campaign_id), **WHY}
    asker = by or await second(world, Role.WAREHOUSE_KEEPER)
    return UUID((await ask(world, asker, "/stock/disposals", body))["id"])


async def _warehouse(world: World) -> None:
    world.things["transfer"] = {OWN: await add_transfer(world)}
    world.things["stocktake"] = {OWN: await add_stocktake(world, "counting")}
    point_id = world.here.points[0]
    world.things["stocktake_here"] = {OWN: await add_stocktake(world, "counting", point_id=point_id)}
    world.things["disposal"] = {OWN: await add_disposal(world)}


async def add_document(world: World, *, status: str) -> UUID:
    """Add a masked paper: final and `ready` with a file, or a draft that `failed`."""
    here, now, content = world.here, utc_now(), f"{world.word}·公示".encode()
    values: dict[str, Any] = {
        "kind": "signoff_sheet", "edition": "masked", "campaign_id": here.campaign_id, "is_final": False,
        "params": {}, "reason": "audit", "requested_by": here.officer.id, "requested_at": now,
        "status": "failed", "failure": "documents.given_up", "failure_params": {},
    }  # fmt: skip
    if status == "failed":
        return await world.add(Document, **values)
    values |= {"is_final": True, "number": "QLG-2020-0001", "status": "rendering", "failure": None}
    id = await world.add(Document, **values)
    async with here.database.transaction(one_union(here.id)) as session:
        document = await session.get_one(Document, id)
        await keep_files(session, document, {FileFormat.XLSX: content})
    await here.set(
        Document, id, status="ready", title=f"{world.word}·签领表", paper_on=local_date(now), row_count=1,
        content_hash=hashlib.sha256(content).hexdigest(), ready_at=now, done_count=1, total_count=1,
    )  # fmt: skip
    return id


async def add_ended_campaign(world: World, *, status: str = "") -> UUID:
    """Add a campaign in which nothing was offered and whose pickup is over; `prepared` or `sealed`."""
    now = utc_now()
    id = await world.copy(
        Campaign, world.here.campaign_id, title=f"{world.word}·旧活动",
        order_opens_at=now - timedelta(days=20), order_closes_at=now - timedelta(days=10),
        pickup_from=local_date(now - timedelta(days=9)), pickup_until=local_date(now - timedelta(days=2)),
        published_at=now - timedelta(days=21),
    )  # fmt: skip
    async with world.here.database.transaction(every_union("a test arranges")) as session:
        # What devices reported at the table of today's campaign.
        reports = update(QuarantinedEvent).where(QuarantinedEvent.union_id == world.here.id)
        await session.execute(reports.values(received_at=now - timedelta(days=30)))
    if status:
        await ask(world, world.here.officer, f"/campaigns/{id}/closing", {})
    if status == "sealed":
        await ask(world, world.here.staff[Role.CHAIR], f"/campaigns/{id}/closing/seal")
    return id


async def stop_papers(*worlds: World) -> None:
    """Let no worker of a later test make the papers that were asked for here."""
    failed = {"status": "failed", "failure": "documents.given_up"}
    async with worlds[0].here.database.transaction(every_union("a test clears up")) as session:
        waiting = update(Document).where(Document.status == "queued")
        await session.execute(
            waiting.where(Document.union_id.in_([world.here.id for world in worlds])).values(failed)
        )
