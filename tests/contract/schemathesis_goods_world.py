"""Goods that the run needs: campaigns at their end, papers, boxes that members have."""

import hashlib
from typing import Any
from uuid import UUID, uuid4

import httpx
from sqlalchemy import select

from app.access.policy import Role
from app.access.scope import every_union
from app.closing.actions.papers import BUILDERS
from app.documents.jobs import render_waiting
from app.documents.tables import Document
from app.platform.clock import utc_now
from app.platform.database import Database
from app.platform.ids import new_id
from app.redemptions.tables import Redemption, RedemptionConflict
from tests.factories.answers import API
from tests.factories.closing import Ended, end_campaign
from tests.factories.impact import add_site
from tests.factories.ledger import VARIANCE, at, box_of, handing, post, stock_lot, unrecorded_lot
from tests.factories.street import Street
from tests.factories.warehouse import add_orders, hand_over_from

NOTHING: dict[str, Any] = {"closings": [], "failed_documents": []}
SEALABLE, FAILED, HELD, UNRECORDED = 2, 6, 5, 400
"""How many closings can be sealed, papers were given up, orders were handed over, boxes have no lot."""
PAPER = {"kind": "aided_purchases", "edition": "full", "reason": "reporting"}


async def add_goods(client: httpx.AsyncClient, here: Street, group: str) -> dict[str, Any]:
    """Return what the calls of a group are about."""
    site = await add_site(here)
    found = NOTHING | {"officer_id": str(here.officer.id)}
    found |= {"region_id": str(site.region_id), "place_id": str(site.place_id)}
    if "stock" in group:
        found |= {"held": await _hold(here)}
    if "closing" in group:
        found |= await _papers(client, here)
        found |= {"closings": await _closings(client, here.database)}
    return found


def goods_ids(goods: dict[str, Any], here: Street) -> dict[str, list[str]]:
    """Return ids that calls about goods may name."""
    if "officer_id" not in goods:
        return {}
    points = [str(id) for id in here.points]
    found = {
        "from_point_id": points,
        "to_point_id": points[::-1],
        "unit_id": [str(here.unit_id)],
        "region_id": [goods["region_id"]],
        "place_id": [goods["place_id"]],
        "inspected_by": [str(here.clerk.id)],
        "kept_by": [goods["officer_id"]],
    }
    if "held" in goods:
        found |= {"lot_id": [goods["held"]["lot_id"]]}
    if "ready_documents" in goods:
        found |= {"document_id": goods["ready_documents"]}
    return found


async def _hold(here: Street) -> dict[str, Any]:
    """Hand boxes of a lot over, and boxes of which nobody recorded the lot."""
    lot_id = await stock_lot(here, "H1", 20)
    orders = await add_orders(here, HELD)
    await hand_over_from(here, orders, lot_id, source=at(here.points[0]))
    unrecorded = await unrecorded_lot(here, await box_of(here))
    await post(here, handing(unrecorded, UNRECORDED, here.points[0], source=VARIANCE))
    return {"lot_id": str(lot_id), "order_ids": [str(id) for id in orders]}


async def _papers(client: httpx.AsyncClient, here: Street) -> dict[str, Any]:
    """Ask for papers of which some fail, one is final and two are drafts."""
    failed = [await _asked(client, here) for _ in range(FAILED)]
    await render_waiting(here.database, {})
    final = await _asked(client, here, is_final=True)
    sheet = {"kind": "signoff_sheet", "campaign_id": str(here.campaign_id)}
    ready = [await _asked(client, here, **sheet), await _asked(client, here, edition="masked", **sheet)]
    await render_waiting(here.database, BUILDERS)
    states = dict(await here.read(select(Document.id, Document.status).where(Document.union_id == here.id)))
    assert {states[UUID(id)] for id in failed} == {"failed"}
    assert {states[UUID(id)] for id in [final, *ready]} == {"ready"}
    path = f"{API}/documents/{final}/files/pdf"
    file = await client.get(path, params={"reason": "audit"}, headers=here.officer.headers())
    return {
        "failed_documents": failed,
        "final_document": final,
        "ready_documents": [final, *ready],
        "file_sha256": hashlib.sha256(file.content).hexdigest(),
    }


async def _asked(client: httpx.AsyncClient, here: Street, **more: Any) -> str:
    headers = here.officer.headers("new")
    answer = await client.post(f"{API}/documents", json=PAPER | more, headers=headers)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


async def _closings(client: httpx.AsyncClient, database: Database) -> list[dict[str, str]]:
    """Return campaigns that have ended: one to prepare, one that is sealed and incomplete, others to seal."""
    ended = [await end_campaign(database) for _ in range(2 + SEALABLE)]
    await _seal(client, ended[1])
    await render_waiting(database, BUILDERS)
    await _report_late(ended[1], place=44)
    return [
        {
            "campaign_id": str(one.here.campaign_id),
            "officer": one.here.officer.token,
            "chair": one.here.staff[Role.CHAIR].token,
        }
        for one in ended
    ]


async def _seal(client: httpx.AsyncClient, ended: Ended) -> None:
    here = ended.here
    path = f"{API}/campaigns/{here.campaign_id}/closing"
    prepared = await client.post(path, json={}, headers=here.officer.headers("new"))
    assert prepared.status_code == 201, prepared.text
    sealed = await client.post(f"{path}/seal", headers=here.staff[Role.CHAIR].headers("new"))
    assert sealed.status_code == 200, sealed.text


async def _report_late(ended: Ended, *, place: int) -> None:
    """Have a device report, after the seal, that it handed an expired order over."""
    here, event_id, now = ended.here, uuid4(), utc_now()
    async with here.database.transaction(every_union("a test arranges")) as session:
        session.add(
            Redemption(
                id=new_id(), union_id=here.id, event_id=event_id, order_id=ended.orders[place],
                pickup_point_id=here.points[place % 2], staff_id=here.clerk.id, result="refused",
                reason="expired", is_offline=True, fingerprint=b"0" * 32, answer="{}",
                scanned_at=ended.day, received_at=now,
            )
        )  # fmt: skip
        await session.flush()
        session.add(
            RedemptionConflict(
                id=new_id(), union_id=here.id, order_id=ended.orders[place], second_event_id=event_id,
                reason="expired", status="open", noticed_at=now,
            )
        )  # fmt: skip
