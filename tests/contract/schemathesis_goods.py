"""Calls about goods that are meant well: bought, received, moved, counted, closed, shown.

Everything is made with calls of its own, by `Goods`; what takes time, or an end of a campaign, is in
`schemathesis_goods_world.py` and comes as a pool.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import count
from typing import Any
from uuid import uuid4

from tests.contract.schemathesis_calls import Backstage, Wanted
from tests.factories.impact import WELLS
from tests.factories.procurement import SUPPLIER

WHY = {"reason": "示例·说明"}
TURN = count()


def _named(name: str) -> str:
    return f"{name}{uuid4().hex[:12]}"


class Goods:
    """What a street union buys, has and writes about, through the API; a purchase is drafted by finance."""

    def __init__(self, stage: Backstage) -> None:
        """Know who is who, and which pools there are."""
        self.stage, self.world = stage, stage.world
        self.box: str = self.world["ids"]["gift_box_id"][0]
        self.points: list[str] = self.world["ids"]["pickup_point_id"]
        self.to_seal: Iterator[dict[str, str]] = iter(self.world["closings"][2:])
        self.failed: Iterator[str] = iter(self.world["failed_documents"])

    def by(self, role: str, path: str, body: Any = None, method: str = "POST", **query: str) -> Any:
        """Make a call that must succeed."""
        sent = {"json": body} if body is not None else {}
        return self.stage.do(method, path, self.stage.staff[role], params=query, **sent)

    def supplier(self) -> str:
        """Return the id of a supplier of its own."""
        made = self.by("union_officer", "/suppliers", SUPPLIER | {"name": _named("示例·合作社")})
        return str(made["id"])

    @cached_property
    def usual_supplier(self) -> str:
        """The supplier of everything that is bought."""
        return self.supplier()

    def certificate(self) -> str:
        """Return the id of a certificate."""
        path = f"/suppliers/{self.usual_supplier}/certificates"
        return str(self.by("union_officer", path, certificate_body())["id"])

    def bill(self, boxes: int = 500) -> dict[str, Any]:
        """Return what a purchase says."""
        line = {"gift_box_id": self.box, "boxes": boxes, "unit_price_fen": 8_800}
        terms = {"channel": "direct", "purchased_on": "2026-10-12", "supplier_id": self.usual_supplier}
        return terms | {"lines": [line]}

    def drafted(self, boxes: int = 500) -> dict[str, Any]:
        """Return a purchase that was drafted."""
        made: dict[str, Any] = self.by("finance", "/procurements", self.bill(boxes))
        return made

    def submitted(self, boxes: int = 500) -> dict[str, Any]:
        """Return a purchase that waits for approval."""
        made: dict[str, Any] = self.by("finance", f"/procurements/{self.drafted(boxes)['id']}/submit")
        return made

    def approved(self, boxes: int = 500) -> dict[str, Any]:
        """Return an approved purchase."""
        made: dict[str, Any] = self.by("chair", f"/procurements/{self.submitted(boxes)['id']}/approve")
        return made

    @cached_property
    def great(self) -> dict[str, Any]:
        """A purchase from which lots are received all the time."""
        return self.approved(1_000_000)

    @cached_property
    def receivers(self) -> dict[str, str]:
        """Who inspects and who keeps; the officer records it."""
        return {"inspected_by": self.world["clerk"]["id"], "kept_by": self.world["officer_id"]}

    def arrival(self, line_id: str, *, point: int = 0) -> dict[str, Any]:
        """Return a receipt of a new lot: 40 boxes, 10 damaged, 10 missing."""
        today = datetime.now(UTC).date()
        line = {
            "purchase_line_id": line_id, "batch": _named("L"), "produced_on": "2026-10-01",
            "best_before_on": str(today + timedelta(days=300)),
            "expected": 60, "good": 40, "damaged": 10, "missing": 10,
        }  # fmt: skip
        place = {"pickup_point_id": self.points[point], "received_on": str(today - timedelta(days=1))}
        return place | self.receivers | {"delivered_by": "示例·货车", "lines": [line]}

    def receipt(self, *, point: int = 0) -> dict[str, Any]:
        """Return a goods receipt."""
        body = self.arrival(self.great["lines"][0]["id"], point=point)
        path = f"/procurements/{self.great['id']}/receipts"
        made: dict[str, Any] = self.by("union_officer", path, body)
        return made

    def lot(self, *, point: int = 0) -> str:
        """Return a lot of which 40 boxes are at a point and 10 in quarantine."""
        return str(self.receipt(point=point)["lines"][0]["lot_id"])

    def recalled(self) -> str:
        """Return a lot that is recalled."""
        lot_id = self.lot()
        self.by("union_officer", f"/lots/{lot_id}/recall", WHY)
        return lot_id

    def sending(self, *, is_short: bool = False) -> dict[str, Any]:
        """Return a transfer of few boxes, or of more than the promises leave."""
        ends = {"from_point_id": self.points[0], "to_point_id": self.points[1]}
        if not is_short:
            line: dict[str, Any] = {"lot_id": self.lot(), "boxes": 2}
            return ends | WHY | {"lines": [line]}
        self.lot()
        shelves = self.by(
            "union_officer", "/stock/coverage", method="GET", pickup_point_id=self.points[0], limit="200"
        )["items"]
        (there,) = [one["on_hand"] for one in shelves if one["gift_box"]["id"] == self.box]
        return ends | WHY | {"lines": [{"gift_box_id": self.box, "boxes": there}], "asks_exception": True}

    def transfer(self, *, is_short: bool = False) -> dict[str, Any]:
        """Return a transfer under way, or one that waits for an exception."""
        body = self.sending(is_short=is_short)
        made: dict[str, Any] = self.by("union_officer", "/stock/transfers", body)
        return made

    def leftovers(self) -> dict[str, Any]:
        """Return a wish to write a box off."""
        place = {"pickup_point_id": self.points[0], "place": "quarantine"}
        return WHY | {"kind": "write_off", "lines": [place | {"lot_id": self.lot(), "boxes": 1}]}

    def disposal(self) -> str:
        """Return a disposal that waits for approval."""
        return str(self.by("union_officer", "/stock/disposals", self.leftovers())["id"])

    def free_point(self) -> str:
        """Return the point where boxes are counted, with no stocktake under way."""
        point = self.points[2]
        for status, end, role in (
            ("counting", "cancel", "warehouse_keeper"),
            ("to_approve", "decline", "chair"),
        ):
            found = self.by(role, "/stock/stocktakes", method="GET", status=status, pickup_point_id=point)
            for one in found["items"]:
                self.by(role, f"/stock/stocktakes/{one['id']}/{end}", WHY)
        return point

    def stocktake(self) -> dict[str, Any]:
        """Return a stocktake in which people count."""
        body = {"pickup_point_id": self.free_point()}
        if not self.by("union_officer", "/stock/balances", method="GET", **body)["items"]:
            self.lot(point=2)
        made: dict[str, Any] = self.by("warehouse_keeper", "/stock/stocktakes", body)
        return made

    def sheet(self, stocktake: dict[str, Any]) -> dict[str, Any]:
        """Return what somebody counted: another number each time."""
        good = 7 + next(TURN) % 1_000
        return {"lines": [{"lot_id": one["lot_id"], "good": good} for one in stocktake["to_count"]]}

    def counted(self) -> dict[str, Any]:
        """Return a stocktake whose differences wait for approval."""
        made = self.stocktake()
        body = self.sheet(made)
        for role in ("station_clerk", "warehouse_keeper"):
            made = self.by(role, f"/stock/stocktakes/{made['id']}/counts", body)
        return made

    def project(self) -> dict[str, Any]:
        """Return the draft of an aid project."""
        made: dict[str, Any] = self.by("union_officer", "/impact/projects", self.plan())
        return made

    def plan(self) -> dict[str, Any]:
        """Return what an aid project says."""
        site = {"region_id": self.world["region_id"], "place_id": self.world["place_id"]}
        return {"title": "示例·捐修机井", "kind": "infrastructure", "since_year": 2018, "sites": [site]}

    def figured(self) -> dict[str, Any]:
        """Return a project with a figure."""
        made: dict[str, Any] = self.by(
            "union_officer", f"/impact/projects/{self.project()['id']}/results", WELLS
        )
        return made

    def published(self) -> str:
        """Return a published project."""
        return str(self.by("chair", f"/impact/projects/{self.figured()['id']}/publish")["id"])

    def product(self) -> str:
        """Return a product."""
        return str(self.by("union_officer", "/products", product_body())["id"])

    def shown(self) -> str:
        """Return the reference of an origin card."""
        card = self.by("union_officer", f"/lots/{self.lot()}/origin", method="GET")
        return str(card["reference"])

    def closing(self, place: int, *, is_prepared: bool) -> Wanted:
        """Return the closing of a campaign that ended, prepared or not."""
        one = self.world["closings"][place]
        path = f"/campaigns/{one['campaign_id']}/closing"
        status = self.stage.do("GET", path, one["officer"])["status"]
        if is_prepared and status != "prepared":
            self.stage.do("POST", path, one["officer"], json={})
        if not is_prepared and status == "prepared":
            self.stage.do("POST", f"{path}/withdraw", one["officer"])
        return Wanted({"campaign_id": one["campaign_id"]}, token=one["officer"])

    def sealable(self) -> Wanted:
        """Return a prepared closing for the chair; each can be sealed once."""
        one = next(self.to_seal)
        self.stage.do("POST", f"/campaigns/{one['campaign_id']}/closing", one["officer"], json={})
        return Wanted({"campaign_id": one["campaign_id"]}, token=one["chair"])


def with_check_digit(digits: str) -> str:
    """Return twelve digits as a barcode (EAN-13)."""
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(digits))
    return digits + str(-total % 10)


def product_body() -> dict[str, Any]:
    """Return a product that was not there before."""
    return {
        "name": "示例·小米", "unit": "袋", "category": "粮食", "net_content_grams": 500,
        "barcode": with_check_digit(f"69{uuid4().int % 10**10:010}"), "shelf_life": "12个月",
        "storage": "阴凉干燥", "sc_reason": "初级农产品",
    }  # fmt: skip


def certificate_body() -> dict[str, Any]:
    """Return a certificate that was not there before."""
    words = {"kind": "organic", "number": _named("J"), "issuer": "示例·检测中心"}
    return words | {"valid_from": "2026-01-01"}


def _prepared(goods: Goods) -> Wanted:
    wanted = goods.closing(0, is_prepared=False)
    wanted.body = {}
    return wanted


def _late(goods: Goods) -> Wanted:
    (sealed, *_) = goods.world["closings"][1:2]
    return Wanted({"campaign_id": sealed["campaign_id"]}, token=sealed["officer"])


def _arrived(goods: Goods) -> Wanted:
    sent = goods.transfer()
    lines = [{"lot_id": one["lot_id"], "good": one["boxes"]} for one in sent["lines"]]
    keeper = goods.stage.staff["warehouse_keeper"]
    return Wanted({"transfer_id": sent["id"]}, {"lines": lines}, token=keeper)


def _late_delivery(goods: Goods) -> Wanted:
    receipt = goods.receipt()
    body = goods.arrival("") | {"lines": [{"receipt_line_id": receipt["lines"][0]["id"], "good": 4}]}
    return Wanted({"receipt_id": receipt["id"]}, body)


def _approved_count(goods: Goods) -> Wanted:
    found = goods.counted()
    seen = {"short": found["short"], "over": found["over"]}
    return Wanted({"stocktake_id": found["id"]}, seen | WHY)


def _count_sheet(goods: Goods) -> Wanted:
    made = goods.stocktake()
    return Wanted({"stocktake_id": made["id"]}, goods.sheet(made))


def _attribution(goods: Goods) -> Wanted:
    where = {"lot_id": goods.lot(), "pickup_point_id": goods.points[0]}
    return Wanted(body=where | WHY | {"boxes": 1})


def _revealed(goods: Goods) -> Wanted:
    held = goods.world["held"]
    body = {"order_ids": held["order_ids"], "reason": "contact_member"}
    return Wanted({"lot_id": held["lot_id"]}, body)


def _result(goods: Goods, body: Any = None) -> Wanted:
    project = goods.figured()
    path = {"project_id": project["id"], "result_id": project["results"][0]["id"]}
    return Wanted(path, body, version=project["version"])


def _file(goods: Goods) -> Wanted:
    ready = goods.world["ready_documents"]
    path = {"document_id": ready[next(TURN) % len(ready)], "format": ("pdf", "xlsx")[next(TURN) % 2]}
    return Wanted(path, query={"reason": "audit"})


def _target(goods: Goods) -> Wanted:
    year = str(2000 + next(TURN) % 101)
    known = goods.by("union_officer", "/figures/targets", method="GET", year=year)["items"]
    body = {"percent_basis_points": 3_000, "basis": "示例·年度预算"}
    return Wanted({"year": year}, body, version=known[0]["version"] if known else 0)


GOODS: dict[str, Callable[[Goods], Wanted]] = {
    "add_product": lambda goods: Wanted(body=product_body()),
    "get_product": lambda goods: Wanted({"product_id": goods.product()}),
    "change_product": lambda goods: Wanted({"product_id": goods.product()}, {"name": "示例·新米"}, version=1),
    "add_supplier": lambda goods: Wanted(body=SUPPLIER | {"name": _named("示例·合作社")}),
    "get_supplier": lambda goods: Wanted({"supplier_id": goods.supplier()}),
    "change_supplier": lambda goods: Wanted(
        {"supplier_id": goods.supplier()}, {"note": "示例·备注"}, version=1
    ),
    "list_certificates": lambda goods: Wanted({"supplier_id": goods.usual_supplier}),
    "add_certificate": lambda goods: Wanted({"supplier_id": goods.usual_supplier}, certificate_body()),
    "withdraw_certificate": lambda goods: Wanted(
        {"certificate_id": goods.certificate()}, {"withdrawn_on": "2026-10-01"} | WHY
    ),
    "draft_purchase": lambda goods: Wanted(body=goods.bill()),
    "get_purchase": lambda goods: Wanted({"purchase_id": goods.drafted()["id"]}),
    "change_purchase": lambda goods: Wanted(
        {"purchase_id": goods.drafted()["id"]}, {"note": "示例·备注"}, version=1
    ),
    "submit_purchase": lambda goods: Wanted({"purchase_id": goods.drafted()["id"]}),
    "approve_purchase": lambda goods: Wanted({"purchase_id": goods.submitted()["id"]}),
    "decline_purchase": lambda goods: Wanted({"purchase_id": goods.submitted()["id"]}, WHY),
    "cancel_purchase": lambda goods: Wanted({"purchase_id": goods.drafted()["id"]}, WHY),
    "get_purchase_papers": lambda goods: Wanted({"purchase_id": goods.great["id"]}),
    "record_purchase_papers": lambda goods: Wanted(
        {"purchase_id": goods.approved()["id"]}, {"contract_no": "示例-1"}
    ),
    "receive_goods": lambda goods: Wanted(
        {"purchase_id": goods.great["id"]}, goods.arrival(goods.great["lines"][0]["id"])
    ),
    "get_goods_receipt": lambda goods: Wanted({"receipt_id": goods.receipt()["id"]}),
    "receive_late": _late_delivery,
    "reverse_receipt": lambda goods: Wanted({"receipt_id": goods.receipt()["id"]}, goods.receivers | WHY),
    "get_lot": lambda goods: Wanted({"lot_id": goods.lot()}),
    "recall_lot": lambda goods: Wanted({"lot_id": goods.lot()}, WHY),
    "lift_recall": lambda goods: Wanted({"lot_id": goods.recalled()}, WHY),
    "send_recall_notices": lambda goods: Wanted({"lot_id": goods.recalled()}, {}),
    "list_recipients": lambda goods: Wanted({"lot_id": goods.world["held"]["lot_id"]}),
    "reveal_recipients": _revealed,
    "attribute_boxes": _attribution,
    "send_transfer": lambda goods: Wanted(body=goods.sending()),
    "get_transfer": lambda goods: Wanted({"transfer_id": goods.transfer()["id"]}),
    "approve_transfer": lambda goods: Wanted({"transfer_id": goods.transfer(is_short=True)["id"]}, WHY),
    "decline_transfer": lambda goods: Wanted({"transfer_id": goods.transfer(is_short=True)["id"]}, WHY),
    "receive_transfer": _arrived,
    "open_stocktake": lambda goods: Wanted(body={"pickup_point_id": goods.free_point()}),
    "get_stocktake": lambda goods: Wanted({"stocktake_id": goods.stocktake()["id"]}),
    "send_count": _count_sheet,
    "approve_stocktake": _approved_count,
    "decline_stocktake": lambda goods: Wanted({"stocktake_id": goods.counted()["id"]}, WHY),
    "cancel_stocktake": lambda goods: Wanted({"stocktake_id": goods.stocktake()["id"]}, WHY),
    "request_disposal": lambda goods: Wanted(body=goods.leftovers()),
    "get_disposal": lambda goods: Wanted({"disposal_id": goods.disposal()}),
    "approve_disposal": lambda goods: Wanted({"disposal_id": goods.disposal()}, {}),
    "decline_disposal": lambda goods: Wanted({"disposal_id": goods.disposal()}, WHY),
    "withdraw_disposal": lambda goods: Wanted({"disposal_id": goods.disposal()}, WHY),
    "prepare_closing": _prepared,
    "withdraw_closing": lambda goods: goods.closing(0, is_prepared=True),
    "seal_closing": Goods.sealable,
    "add_closing_supplements": _late,
    "request_document": lambda goods: Wanted(
        body={"kind": "aided_purchases", "edition": "full", "reason": "reporting"}
    ),
    "get_document": lambda goods: Wanted({"document_id": goods.world["ready_documents"][0]}),
    "take_document_file": _file,
    "supplement_document": lambda goods: Wanted(
        {"document_id": goods.world["final_document"]}, {"reason": "audit"}
    ),
    "retry_document": lambda goods: Wanted({"document_id": next(goods.failed)}),
    "verify_document": lambda goods: Wanted(query={"file_sha256": goods.world["file_sha256"]}),
    "set_target": _target,
    "get_region": lambda goods: Wanted({"region_id": goods.world["region_id"]}),
    "draft_aid_project": lambda goods: Wanted(body=goods.plan()),
    "change_aid_project": lambda goods: Wanted(
        {"project_id": goods.project()["id"]}, {"title": "示例·机井"}, version=1
    ),
    "get_aid_draft": lambda goods: Wanted({"project_id": goods.project()["id"]}),
    "get_aid_project": lambda goods: Wanted({"project_id": goods.published()}),
    "publish_aid_project": lambda goods: Wanted({"project_id": goods.figured()["id"]}),
    "add_aid_result": lambda goods: Wanted({"project_id": goods.project()["id"]}, WELLS),
    "replace_aid_result": lambda goods: _result(goods, WELLS),
    "remove_aid_result": _result,
    "get_origin": lambda goods: Wanted({"reference": goods.shown()}),
    "get_origin_card": lambda goods: Wanted({"lot_id": goods.lot()}),
    "get_label_svg": lambda goods: Wanted({"lot_id": goods.lot()}),
    "show_supplier": lambda goods: Wanted({"lot_id": goods.lot()}, {"shows_supplier": True}),
}
"""What makes a call of each of these succeed; a pool that is used up ends it."""
