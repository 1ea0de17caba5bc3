"""Goods that a call of the matrix may change, made for that call."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from tests.factories import goods
from tests.factories.goods import ask
from tests.factories.impact import WELLS
from tests.factories.worlds import OWN, Caller, World

Fresh = Callable[[World, str, Caller], Any]


def _of(make: Callable[..., Any], *values: Any, **named: Any) -> Fresh:
    async def fresh(world: World, owner: str, caller: Caller) -> UUID:
        made = await make(world, *values, **named)
        return made if isinstance(made, UUID) else UUID(made["id"])

    return fresh


async def _hand_over(world: World, owner: str, caller: Caller) -> UUID:
    """Have a box of the lot handed over a moment ago."""
    return await goods.add_hand_over(world, world.things["lot"][OWN], boxes=1)


async def _recalled(world: World, owner: str, caller: Caller) -> UUID:
    lot_id = await goods.add_lot(world, 1)
    await ask(world, world.here.officer, f"/lots/{lot_id}/recall", goods.WHY)
    return lot_id


async def _own_disposal(world: World, owner: str, caller: Caller) -> UUID:
    return await goods.add_disposal(world, by=caller.who)


async def _own_draft(world: World, owner: str, caller: Caller) -> UUID:
    return UUID((await goods.add_purchase(world, "draft"))["id"])


async def _result(world: World, owner: str, caller: Caller) -> UUID:
    path = f"/impact/projects/{world.things['aid_draft'][OWN]}/results"
    written = await ask(world, world.here.officer, path, WELLS)
    known = {str(id) for id in world.things["aid_result"].values()}
    return UUID(next(one["id"] for one in reversed(written["results"]) if one["id"] not in known))


async def _project(world: World, owner: str, caller: Caller) -> UUID:
    things = world.things
    site = {"region_id": things["region"][OWN], "place_id": things["place"][OWN]}
    body = {"title": "示例·项目", "kind": "infrastructure", "since_year": 2018, "sites": [site]}
    project = await ask(world, world.here.officer, "/impact/projects", body)
    await ask(world, world.here.officer, f"/impact/projects/{project['id']}/results", WELLS)
    return UUID(project["id"])


GOODS: dict[str, dict[str, Fresh]] = {
    "undo_redemption": {"path.event_id": _hand_over},
    "swap_redemption": {"path.event_id": _hand_over},
    "withdraw_certificate": {"path.certificate_id": _of(goods.add_certificate)},
    "change_purchase": {"path.purchase_id": _own_draft},
    "submit_purchase": {"path.purchase_id": _own_draft},
    "cancel_purchase": {"path.purchase_id": _own_draft},
    "approve_purchase": {"path.purchase_id": _of(goods.add_purchase, "pending")},
    "decline_purchase": {"path.purchase_id": _of(goods.add_purchase, "pending")},
    "reverse_receipt": {"path.receipt_id": _of(goods.add_receipt)},
    "recall_lot": {"path.lot_id": _of(goods.add_lot, 1)},
    "lift_recall": {"path.lot_id": _recalled},
    "approve_transfer": {"path.transfer_id": _of(goods.add_transfer, waits=True)},
    "decline_transfer": {"path.transfer_id": _of(goods.add_transfer, waits=True)},
    "receive_transfer": {"path.transfer_id": _of(goods.add_transfer)},
    "open_stocktake": {"body.pickup_point_id": _of(goods.add_point)},
    "send_count": {"path.stocktake_id": _of(goods.add_stocktake, "counting")},
    "cancel_stocktake": {"path.stocktake_id": _of(goods.add_stocktake, "counting")},
    "approve_stocktake": {"path.stocktake_id": _of(goods.add_stocktake, "to_approve")},
    "decline_stocktake": {"path.stocktake_id": _of(goods.add_stocktake, "to_approve")},
    "approve_disposal": {"path.disposal_id": _of(goods.add_disposal)},
    "decline_disposal": {"path.disposal_id": _of(goods.add_disposal)},
    "withdraw_disposal": {"path.disposal_id": _own_disposal},
    "retry_document": {"path.document_id": _of(goods.add_document, status="failed")},
    "prepare_closing": {"path.campaign_id": _of(goods.add_ended_campaign)},
    "withdraw_closing": {"path.campaign_id": _of(goods.add_ended_campaign, status="prepared")},
    "seal_closing": {"path.campaign_id": _of(goods.add_ended_campaign, status="prepared")},
    "remove_aid_result": {"path.result_id": _result},
    "publish_aid_project": {"path.project_id": _project},
}
"""As `fresh.FRESH`."""
