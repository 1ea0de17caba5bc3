"""Origin cards: from the label of a box to where it comes from, with nobody's name and no number on hand."""

import json
import re
from datetime import date
from uuid import UUID

import httpx
import zxingcpp
from PIL import Image
from sqlalchemy import func, select, update

from app.access.policy import Role
from app.access.scope import every_union
from app.catalog.tables import GiftBox, Product
from app.impact.tables import OriginCard
from app.platform.clock import utc_now
from app.platform.ids import new_id
from app.procurement.tables import Certificate
from app.regions.tables import PartnerRegion
from app.stock.queries.lots import get_unrecorded_lot
from app.stock.tables import Lot
from tests.conftest import MakeStreet
from tests.factories.answers import API, refused
from tests.factories.impact import add_site, drafted, published, with_result
from tests.factories.procurement import Bought, buy_and_receive
from tests.factories.street import Street


def _drawn(svg: str) -> Image.Image:
    """Draw the runs of dark modules of a QR picture."""
    box = re.search(r'viewBox="0 0 (\d+) ', svg)
    assert box is not None
    picture = Image.new("L", (int(box[1]), int(box[1])), 255)
    for x, y, width in re.findall(r"M(\d+) (\d+)h(\d+)", svg):
        picture.paste(0, (int(x), int(y), int(x) + int(width), int(y) + 1))
    return picture.resize((picture.width * 8, picture.height * 8), Image.Resampling.NEAREST)


async def _bought(client: httpx.AsyncClient, here: Street) -> Bought:
    bought = await buy_and_receive(client, here, purchase={"purchased_on": "2020-10-12"})
    site = await add_site(here, "示例村")
    rows = await here.read(select(PartnerRegion.division_code).where(PartnerRegion.id == site.region_id))
    await here.set(Lot, bought.lot_id, origin_code=rows[0][0], origin_note="示例村")
    async with here.database.transaction(every_union("a test arranges")) as session:
        await session.execute(
            update(Product).where(Product.union_id == here.id).values(allergens=["含麸质谷物"])
        )
        for number, until, withdrawn in (
            ("BF-1", date(2020, 12, 31), None),
            ("BF-2", date(2020, 10, 11), None),
            ("BF-3", None, date(2020, 10, 12)),
        ):
            session.add(
                Certificate(
                    id=new_id(), union_id=here.id, supplier_id=bought.supplier_id, kind="poverty_relief",
                    number=number, issuer="示例县", valid_from=date(2020, 1, 1), valid_until=until,
                    withdrawn_on=withdrawn, withdrawn_reason=withdrawn and "示例", added_at=utc_now(),
                )
            )  # fmt: skip
    project = await drafted(client, here, site)
    await with_result(client, here, project["id"])
    await published(client, here, project["id"])
    await drafted(client, here, site, title="示例·草稿")
    return bought


async def test_the_label_opens_the_card_of_the_lot(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street()
    bought = await _bought(client, here)
    label = await client.get(f"{API}/lots/{bought.lot_id}/label.svg", headers=here.clerk.headers())
    assert (label.status_code, label.headers["content-type"]) == (200, "image/svg+xml")
    url = zxingcpp.read_barcodes(_drawn(label.text))[0].text
    card = (await client.get(f"{API}/lots/{bought.lot_id}/origin", headers=here.clerk.headers())).json()
    assert card == {
        "lot_id": str(bought.lot_id), "reference": url.rsplit("/", 1)[1], "url": url, "shows_supplier": False
    }  # fmt: skip
    assert url.endswith(f"/o/{card['reference']}")
    answer = await client.get(f"{API}/origin/{card['reference'].lower()}")
    assert answer.status_code == 200
    view = answer.json()
    assert (view["lot_number"], view["produced_on"], view["recalled_on"]) == ("B20261001", "2026-10-01", None)
    assert view["origin"]["names"] == ["示例省", "示例县", "示例镇", "示例村"]
    assert (view["allergens"], view["contents"][0]["name"]) == (["含麸质谷物"], "小米")
    assert [one["number"] for one in view["certificates"]] == ["BF-1"], "on the day it was bought"
    assert [(one["title"], one["quotes"]) for one in view["projects"]] == [
        ("示例·捐修机井", ["捐修12口机井"])
    ]
    assert view["suppliers"] == []
    count = await here.read(select(func.count()).where(OriginCard.union_id == here.id))
    assert count == [(1,)], "asked for twice, made once"


async def test_a_card_names_no_person_no_stock_and_no_id_of_the_lot(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    bought = await _bought(client, here)
    card = (await client.get(f"{API}/lots/{bought.lot_id}/origin", headers=here.clerk.headers())).json()
    api = (await client.get(f"{API}/origin/{card['reference']}")).text
    page = (await client.get(f"/o/{card['reference']}")).text
    secret = [
        str(bought.lot_id),
        str(bought.purchase_id),
        str(bought.gift_box_id),
        "1950",
        "2000 ",
        "8800",
        "冀A00000",
    ]
    secret += [person.name for person in (*here.members, *here.staff.values())]
    for said in (api, page):
        assert not [one for one in secret if one in said]
    assert {"boxes", "on_hand", "quantity_on_hand", "price"}.isdisjoint(json.loads(api))


async def test_the_supplier_is_named_when_the_chair_says_so(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here, there = await street(members=0), await street(members=0)
    bought = await _bought(client, here)
    path, chair = f"{API}/lots/{bought.lot_id}/origin", here.staff[Role.CHAIR].headers()
    officer = await client.put(path, json={"shows_supplier": True}, headers=here.officer.headers())
    refused(officer, 403, "access.forbidden")
    foreign = await client.put(path, json={"shows_supplier": True}, headers=there.staff[Role.CHAIR].headers())
    refused(foreign, 404, "stock.lot_not_found")
    assert await here.read(select(OriginCard.lot_id).where(OriginCard.union_id == here.id)) == []
    card = (await client.put(path, json={"shows_supplier": True}, headers=chair)).json()
    assert card["shows_supplier"] is True
    public = f"{API}/origin/{card['reference']}"
    (name,) = (await client.get(public)).json()["suppliers"]
    assert name.startswith("示例·供应商")
    assert name in (await client.get(f"/o/{card['reference']}")).text
    await client.put(path, json={"shows_supplier": False}, headers=chair)
    assert (await client.get(public)).json()["suppliers"] == []


async def test_the_page_says_loudly_that_a_lot_is_recalled(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street(members=0)
    bought = await _bought(client, here)
    card = (await client.get(f"{API}/lots/{bought.lot_id}/origin", headers=here.clerk.headers())).json()
    page = await client.get(f"/o/{card['reference']}")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert 'lang="zh-CN"' in page.text
    assert "<script" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    for said in ("示例村", "含麸质谷物", "捐修12口机井", "BF-1", "B20261001"):
        assert said in page.text
    assert 'role="alert"' not in page.text
    await here.set(Lot, bought.lot_id, recalled_at=utc_now(), recall_reason="示例·内部原因")
    recalled = (await client.get(f"/o/{card['reference']}")).text
    assert 'role="alert"' in recalled
    assert "请停止食用" in recalled
    assert "内部原因" not in recalled
    assert recalled.index('role="alert"') < recalled.index("<h1>")
    english = await client.get(f"/o/{card['reference']}", headers={"Accept-Language": "en"})
    assert "do not eat" in english.text


async def test_what_the_label_cannot_say_is_not_found(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here, there = await street(members=0), await street(members=0)
    bought = await _bought(client, here)
    for wrong in ("0" * 12, "x", "U" * 12, str(bought.lot_id)):
        answer = await client.get(f"{API}/origin/{wrong}")
        refused(answer, 404, "impact.card_not_found")
        page = await client.get(f"/o/{wrong}")
        assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
        assert "请核对标签上的编号" in page.text
    for id in (bought.lot_id, new_id()):
        refused(
            await client.get(f"{API}/lots/{id}/label.svg", headers=there.clerk.headers()),
            404,
            "stock.lot_not_found",
        )


async def test_boxes_whose_lot_nobody_wrote_down_have_no_card(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street(members=0)
    boxes = await here.read(select(GiftBox.id).where(GiftBox.union_id == here.id))
    async with here.database.transaction(every_union("a test looks")) as session:
        lot_id: UUID = (await get_unrecorded_lot(session, boxes[0][0])).id
    answer = await client.get(f"{API}/lots/{lot_id}/origin", headers=here.clerk.headers())
    refused(answer, 409, "stock.lot_unrecorded")


async def test_words_in_a_box_are_no_markup(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street(members=0)
    bought = await _bought(client, here)
    await here.set(GiftBox, bought.gift_box_id, name="<script>alert(1)</script>")
    card = (await client.get(f"{API}/lots/{bought.lot_id}/origin", headers=here.clerk.headers())).json()
    page = (await client.get(f"/o/{card['reference']}")).text
    assert "<script" not in page
    assert "&lt;script&gt;" in page
