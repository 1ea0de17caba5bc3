"""The steps of the story of 2,000 boxes, each a few calls of the API by the people whose work it is."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import httpx
from sqlalchemy import update

from app.access.policy import Role
from app.access.scope import every_union
from app.unions.tables import Member
from tests.factories.answers import API
from tests.factories.clock import Clock
from tests.factories.eligible import add_unit
from tests.factories.figures import add_region
from tests.factories.procurement import USCC
from tests.factories.sheets import Printed, read_printed
from tests.factories.street import Person, Street

TWICE = {0, 1, 2, 6}
"""Members who order two boxes, by their place; the last of them takes only one."""
COLLECT, CANCEL, STAY_AWAY = range(44), range(44, 47), range(47, 52)
"""What members do; those after them never order."""
PRODUCT = {
    "name": "示例·坝上小米", "unit": "袋", "category": "粮食", "net_content_grams": 2_500,
    "barcode": "6900000000007", "shelf_life": "12个月", "storage": "阴凉干燥", "sc_reason": "初级农产品",
}  # fmt: skip
BOX = {
    "name": "示例·坝上杂粮礼盒", "barcode": "2000000009018", "gross_weight_grams": 2_800,
    "unit_price_fen": 9_900,
}  # fmt: skip


@dataclass
class Story:
    """What is known so far; the lot, the two points, the orders by their members' places."""

    client: httpx.AsyncClient
    clock: Clock
    here: Street
    region_id: UUID
    units: list[UUID]
    points: list[str] = field(default_factory=list)
    box_id: str = ""
    campaign_id: str = ""
    offers: list[str] = field(default_factory=list)
    line_id: str = ""
    lot_id: str = ""
    receipt: dict[str, Any] = field(default_factory=dict)
    stocktakes: list[dict[str, Any]] = field(default_factory=list)
    orders: dict[int, dict[str, Any]] = field(default_factory=dict)
    codes: dict[int, str] = field(default_factory=dict)
    events: dict[int, str] = field(default_factory=dict)

    def who(self, role: Role) -> Person:
        """Return who has a role in the street union."""
        return self.here.staff[role]

    @property
    def keeper(self) -> Person:
        """保管员."""
        return self.who(Role.WAREHOUSE_KEEPER)

    @property
    def chair(self) -> Person:
        """主席."""
        return self.who(Role.CHAIR)

    async def ask(self, who: Person, request: str, body: Any = None, *, status: int = 200) -> Any:
        """Carry out `POST /path`, which must be answered with this status; return the answer."""
        method, path = request.split(" ", 1)
        headers = who.headers(None if method == "GET" else "new")
        answer = await self.client.request(method, f"{API}{path}", json=body, headers=headers)
        assert answer.status_code == status, (request, answer.text)
        return answer.json()

    async def get(self, who: Person, path: str) -> Any:
        """Read something."""
        return await self.ask(who, f"GET {path}")

    async def prepare_goods(self) -> None:
        """The officer records the gift box, two points and a draft of the campaign."""
        officer = self.here.officer
        product = await self.ask(officer, "POST /products", PRODUCT, status=201)
        parts = [{"product_id": product["id"], "quantity": 1}]
        box = BOX | {"components": parts, "region_id": str(self.region_id)}
        self.box_id = (await self.ask(officer, "POST /gift-boxes", box, status=201))["id"]
        for name in ("示例·街道服务站", "示例·社区分站"):
            point = {"name": name, "address": "示例地址"}
            self.points.append((await self.ask(officer, "POST /pickup-points", point, status=201))["id"])
        clock = self.clock
        draft = {
            "title": "示例·国庆慰问", "per_member_limit": 2,
            "order_opens_at": clock.at(2, "08:00").isoformat(),
            "order_closes_at": clock.at(3, "20:00").isoformat(),
            "pickup_from": clock.on(5), "pickup_until": clock.on(6),
        }  # fmt: skip
        self.campaign_id = (await self.ask(officer, "POST /campaigns", draft, status=201))["id"]

    async def buy(self, boxes: int) -> None:
        """The officer drafts and submits, the chair approves."""
        officer = self.here.officer
        supplier = {"name": "示例·坝上合作社", "uscc": USCC, "region_id": str(self.region_id)}
        supplier_id = (await self.ask(officer, "POST /suppliers", supplier, status=201))["id"]
        line = {
            "gift_box_id": self.box_id, "boxes": boxes, "unit_price_fen": 8_800,
            "region_id": str(self.region_id),
        }  # fmt: skip
        draft = {
            "channel": "direct", "purchased_on": self.clock.on(0), "supplier_id": supplier_id,
            "campaign_id": self.campaign_id, "lines": [line],
        }  # fmt: skip
        purchase = await self.ask(officer, "POST /procurements", draft, status=201)
        path = f"POST /procurements/{purchase['id']}"
        await self.ask(officer, f"{path}/submit")
        await self.ask(officer, f"{path}/approve", status=403)
        approved = await self.ask(self.chair, f"{path}/approve")
        assert (approved["status"], approved["total_fen"]) == ("approved", boxes * 8_800)
        self.line_id = approved["lines"][0]["id"]
        self.receipt["purchase_id"] = purchase["id"]

    async def receive(self, good: int, damaged: int, *, missing: int) -> None:
        """The keeper takes in what a truck brought to the first point; the clerk inspected it."""
        line = {
            "purchase_line_id": self.line_id, "batch": "B20261001", "produced_on": self.clock.on(-30),
            "best_before_on": self.clock.on(300), "expected": good + damaged + missing, "good": good,
            "damaged": damaged, "missing": missing,
        }  # fmt: skip
        path = f"POST /procurements/{self.receipt['purchase_id']}/receipts"
        self.receipt = await self.ask(self.keeper, path, self._arrival(lines=[line]), status=201)
        self.lot_id = self.receipt["lines"][0]["lot_id"]

    async def receive_late(self, good: int) -> None:
        """Some of the missing boxes come after all."""
        line = {"receipt_line_id": self.receipt["lines"][0]["id"], "good": good}
        path = f"POST /receipts/{self.receipt['id']}/late-delivery"
        await self.ask(self.keeper, path, self._arrival(lines=[line]), status=201)

    def _arrival(self, lines: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "pickup_point_id": self.points[0], "received_on": self.clock.now().date().isoformat(),
            "delivered_by": "示例·冀A00000 货车", "inspected_by": str(self.here.clerk.id),
            "kept_by": str(self.keeper.id), "lines": lines,
        }  # fmt: skip

    async def transfer(self, boxes: int, damaged: int) -> None:
        """The keeper sends boxes to the second point, where the officer takes them in."""
        first, second = self.points
        sent = {
            "from_point_id": first, "to_point_id": second, "reason": "示例·分站配货",
            "lines": [{"lot_id": self.lot_id, "boxes": boxes}],
        }  # fmt: skip
        made = await self.ask(self.keeper, "POST /stock/transfers", sent, status=201)
        arrived = {"lines": [{"lot_id": self.lot_id, "good": boxes - damaged, "damaged": damaged}]}
        path = f"POST /stock/transfers/{made['id']}/arrive"
        await self.ask(self.keeper, path, arrived, status=403)
        assert (await self.ask(self.here.officer, path, arrived))["status"] == "arrived"

    async def publish(self, quota: int) -> None:
        """Offers and slots at both points; the chair publishes."""
        officer, path = self.here.officer, f"/campaigns/{self.campaign_id}"
        for point in self.points:
            offer = {"gift_box_id": self.box_id, "pickup_point_id": point, "quota": quota}
            self.offers.append((await self.ask(officer, f"POST {path}/offers", offer, status=201))["id"])
            plan = {
                "pickup_point_id": point, "from_on": self.clock.on(5), "until_on": self.clock.on(5),
                "opens": "09:00", "closes": "11:00", "minutes": 60, "capacity": 20,
                "weekdays": [1, 2, 3, 4, 5, 6, 7],
            }  # fmt: skip
            added = await self.ask(officer, f"POST {path}/slots", plan, status=201)
            assert added == {"added": 2}
        assert (await self.ask(self.chair, f"POST {path}/publish"))["status"] == "scheduled"

    async def order(self) -> None:
        """52 of 60 members order and book, every second one at the second point."""
        slots = []
        for point in self.points:
            path = f"/campaigns/{self.campaign_id}/slots?pickup_point_id={point}"
            slots.append((await self.get(self.here.officer, path))["items"])
        for place in (*COLLECT, *CANCEL, *STAY_AWAY):
            who, at = self.here.members[place], place % 2
            wanted = {"offer_id": self.offers[at], "quantity": 2 if place in TWICE else 1}
            made = await self.ask(who, "POST /orders", wanted, status=201)
            slot = {"slot_id": slots[at][place // 2 % 2]["id"]}
            self.orders[place] = await self.ask(who, f"PUT /orders/{made['id']}/slot", slot)
            self.codes[place] = (await self.get(who, f"/orders/{made['id']}/code"))["code"]
        for place in CANCEL:
            path = f"POST /orders/{self.orders[place]['id']}/cancel"
            await self.ask(self.here.members[place], path, {"reason": "示例·出差"})

    async def scan(self, place: int, quantity: int | None = None) -> dict[str, Any]:
        """Scan a member's code where their box lies: the clerk at the first point, else the officer."""
        event_id, at = str(uuid4()), place % 2
        body: dict[str, Any] = {
            "event_id": event_id,
            "code": self.codes[place],
            "pickup_point_id": self.points[at],
        }
        body |= {} if quantity is None else {"quantity": quantity}
        who = self.here.officer if at else self.here.clerk
        found: dict[str, Any] = await self.ask(who, "POST /redemptions", body)
        if found["result"] == "handed_over":
            self.events[place] = event_id
        return found

    async def change(self, place: int, what: str, reason: str, *, status: int = 200) -> Any:
        """Take a hand-over back, or swap its box."""
        who = self.here.officer if place % 2 else self.here.clerk
        body = {"event_id": str(uuid4()), "reason": reason}
        return await self.ask(who, f"POST /redemptions/{self.events[place]}/{what}", body, status=status)

    async def take_stock(self, at: int, counts: list[tuple[Person, int, int]]) -> dict[str, Any]:
        """Open a stocktake at a point and hand in what people counted: whole boxes and damaged ones."""
        opened = {"pickup_point_id": self.points[at]}
        made = await self.ask(self.keeper, "POST /stock/stocktakes", opened, status=201)
        path = f"/stock/stocktakes/{made['id']}"
        for who, good, damaged in counts:
            blind = await self.get(who, path)
            assert (blind["findings"], blind["short"]) == ([], None)
            sheet = {"lines": [{"lot_id": self.lot_id, "good": good, "damaged": damaged}]}
            made = await self.ask(who, f"POST {path}/counts", sheet, status=201)
        self.stocktakes.append(made)
        return dict(made)

    async def dispose(self, kind: str, lines: list[tuple[int, str, int]], **more: str) -> None:
        """The keeper asks what is to become of boxes, the chair approves."""
        asked = {
            "kind": kind, "reason": "示例·活动结束处置", "campaign_id": self.campaign_id,
            "lines": [
                {"lot_id": self.lot_id, "pickup_point_id": self.points[at], "place": place, "boxes": boxes}
                for at, place, boxes in lines
            ],
        }  # fmt: skip
        made = await self.ask(self.keeper, "POST /stock/disposals", asked | more, status=201)
        path = f"POST /stock/disposals/{made['id']}/approve"
        await self.ask(self.keeper, path, {}, status=403)
        approved = await self.ask(self.chair, path, {"reason": "示例·同意"})
        assert approved["status"] == "approved"

    async def read(self, document_id: str) -> Printed:
        """Take both files of a paper that was made."""
        taken = []
        for form in ("xlsx", "pdf"):
            path = f"{API}/documents/{document_id}/files/{form}?reason=audit"
            answer = await self.client.get(path, headers=self.here.officer.headers())
            assert answer.status_code == 200, answer.text
            taken.append(answer.content)
        return read_printed(*taken)


async def begin(client: httpx.AsyncClient, clock: Clock, *, here: Street) -> Story:
    """Begin with a roster of 60 members in three units, and the table of partner regions."""
    units = [here.unit_id, await add_unit(here), await add_unit(here)]
    async with here.database.transaction(every_union("a test arranges its roster")) as session:
        for place, who in enumerate(here.members):
            unit = units[0 if place < 30 else 1 if place < 50 else 2]
            await session.execute(update(Member).where(Member.id == who.id).values(unit_id=unit))
    return Story(client, clock, here, await add_region(here, "示例县"), units)
