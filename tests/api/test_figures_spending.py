"""Spending, targets and shares through HTTP: exact sums, their sources, and whose they are."""

from datetime import date
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from app.access.audit import AuditEntry
from app.access.policy import Role
from app.catalog.tables import GiftBox
from app.reports.tables import AidedTarget
from tests.conftest import MakeStreet
from tests.factories.answers import API, refused, walk
from tests.factories.figures import add_purchase, add_region, add_supplier, add_viewer, move_below
from tests.factories.street import Person, Street

WORDS = "此前先后购置上万斤小米、杂粮、红枣等扶贫产品"


async def read(client: httpx.AsyncClient, who: Person, path: str, **query: Any) -> Any:
    answer = await client.get(f"{API}/figures/{path}", params=query, headers=who.headers())
    assert answer.status_code == 200, answer.text
    return answer.json()


async def box_of(here: Street) -> Any:
    return (await here.read(select(GiftBox.id).where(GiftBox.union_id == here.id)))[0][0]


async def bought(here: Street) -> dict[str, Any]:
    """Two regions, three approved purchases, one of them told of only, and one that is not approved."""
    region, other = await add_region(here, "示例甲县"), await add_region(here, "示例乙旗")
    supplier = await add_supplier(here, "示例·合作社")
    first = await add_purchase(
        here,
        {"gift_box_id": await box_of(here), "boxes": 2000, "unit_price_fen": 8800, "amount_fen": 17_600_000,
         "region_id": region},
        {"description": "示例·红枣", "grams": 50_000, "amount_fen": 100_000, "region_id": other},
        supplier_id=supplier, on=date(2020, 10, 9),
    )  # fmt: skip
    second = await add_purchase(
        here, {"description": "示例·手提袋", "boxes": 2000, "unit_price_fen": 150, "amount_fen": 300_000},
        supplier_id=supplier, channel="counter", on=date(2020, 11, 2),
    )  # fmt: skip
    told = await add_purchase(
        here, {"description": "小米、杂粮、红枣", "grams": 5_000_000}, on=None, purchased_year=2020,
        is_approximate=True, source_text=WORDS, channel="on_site_visit",
    )  # fmt: skip
    await add_purchase(
        here, {"description": "示例", "boxes": 1, "amount_fen": 999}, status="pending", supplier_id=supplier
    )
    return {"region": region, "other": other, "first": first, "second": second, "told": told}


async def test_spending_adds_up_by_region_and_what_has_no_amount_is_no_money(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street(members=0)
    made = await bought(here)
    figure = await read(client, here.staff[Role.FINANCE], "spending", by="region", year=2020)
    rows = [(row["label"], row["key"], row["amount_fen"], row["boxes"], row["pieces"], row["grams"])
            for row in figure["items"]]  # fmt: skip
    assert rows == [
        ("示例甲县", str(made["region"]), 17_600_000, 2000, 0, 0),
        (None, "none", 300_000, 0, 2000, 5_000_000),
        ("示例乙旗", str(made["other"]), 100_000, 0, 0, 50_000),
    ]
    assert [row["unpriced"] for row in figure["items"]] == [
        {"lines_count": 0, "words": []}, {"lines_count": 1, "words": [WORDS]}, {"lines_count": 0, "words": []}
    ]  # fmt: skip
    assert [row["is_lower_bound"] for row in figure["items"]] == [False, True, False]
    assert figure["total"] == {
        "amount_fen": 18_000_000, "boxes": 2000, "pieces": 2000, "grams": 5_050_000, "is_lower_bound": True,
        "lines_count": 4, "purchases_count": 3, "unpriced": {"lines_count": 1, "words": [WORDS]},
    }  # fmt: skip
    assert figure["terms"]["aided_purchase"] == "消费扶贫"
    assert figure["undated_count"] == 1


@pytest.mark.parametrize("by", ["region", "product", "supplier", "channel", "month", "union"])
async def test_every_row_is_its_sources_and_the_total_is_its_rows(
    client: httpx.AsyncClient, street: MakeStreet, by: str
) -> None:
    here = await street(members=0)
    await bought(here)
    who = here.staff[Role.AUDITOR]
    figure = await read(client, who, "spending", by=by)
    rows = await walk(client, "/figures/spending", who, by=by)
    assert rows == figure["items"]
    for name in ("amount_fen", "boxes", "pieces", "grams", "lines_count"):
        assert sum(row[name] for row in rows) == figure["total"][name], name
    for row in [*rows, figure["total"] | {"key": None}]:
        query = {"by": by} | ({"key": row["key"]} if row["key"] else {})
        lines = await walk(client, "/figures/spending/sources", who, **query)
        assert sum(line["amount_fen"] or 0 for line in lines) == row["amount_fen"]
        assert sum(line["grams"] or 0 for line in lines) == row["grams"]
        assert len(lines) == row["lines_count"]
        assert len({line["purchase_id"] for line in lines}) == row["purchases_count"]
        assert sum(line["amount_fen"] is None for line in lines) == row["unpriced"]["lines_count"]


async def test_months_and_days(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street(members=0)
    await bought(here)
    months = await read(client, here.officer, "spending", by="month", year=2020)
    assert {row["key"]: row["amount_fen"] for row in months["items"]} == {
        "2020-10": 17_700_000, "2020-11": 300_000, "2020": 0
    }  # fmt: skip
    days = await read(
        client, here.officer, "spending", by="channel", **{"from": "2020-10-09", "until": "2020-11-01"}
    )
    assert {row["key"]: row["amount_fen"] for row in days["items"]} == {"direct": 17_700_000}
    assert days["undated_count"] == 1, "only its year is known, so it is in no range of days"
    nothing = await read(client, here.officer, "spending", by="channel", year=2019)
    assert (nothing["items"], nothing["total"]["amount_fen"]) == ([], 0)
    for query in ({"year": "2020", "until": "2020-12-31"}, {"from": "2020-12-02", "until": "2020-12-01"}):
        answer = await client.get(
            f"{API}/figures/spending", params=query | {"by": "month"}, headers=here.officer.headers()
        )
        refused(answer, 422, "reports.period_invalid")


async def test_a_district_sees_the_sum_and_a_street_itself(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here, there, foreign = await street(members=0), await street(members=0), await street(members=0)
    viewer = await add_viewer(here, await move_below(here, there))
    line = {"description": "示例·小米", "boxes": 10, "amount_fen": 1_000}
    code = "91110102MA01ABCD1X"
    for one, amount in ((here, 1_000), (there, 20_000), (foreign, 300_000)):
        supplier = await add_supplier(one, "示例·同一家", uscc=code)
        await add_purchase(one, line | {"amount_fen": amount}, supplier_id=supplier)
    figure = await read(client, viewer, "spending", by="union", year=2020)
    assert {row["key"]: row["amount_fen"] for row in figure["items"]} == {
        str(here.id): 1_000, str(there.id): 20_000
    }  # fmt: skip
    assert figure["total"]["amount_fen"] == 21_000
    suppliers = await read(client, viewer, "spending", by="supplier", year=2020)
    assert [(row["key"], row["amount_fen"]) for row in suppliers["items"]] == [(code, 21_000)]
    own = await read(client, here.officer, "spending", by="union", year=2020)
    assert [(row["key"], row["amount_fen"]) for row in own["items"]] == [(str(here.id), 1_000)]
    for key in (str(foreign.id), str(there.id)):
        assert await walk(client, "/figures/spending/sources", here.officer, by="union", key=key) == []
    assert len(await walk(client, "/figures/spending/sources", viewer, by="union", key=str(there.id))) == 1
    for nobody in (here.clerk, here.staff[Role.WAREHOUSE_KEEPER]):
        answer = await client.get(f"{API}/figures/spending?by=union", headers=nobody.headers())
        refused(answer, 403, "access.forbidden")


async def put(client: httpx.AsyncClient, who: Person, match: str | None, **body: Any) -> httpx.Response:
    given = {"percent_basis_points": 3000, "basis": "节日慰问品采购额"} | body
    headers = who.headers() | ({"If-Match": match} if match else {})
    return await client.put(f"{API}/figures/targets/2020", json=given, headers=headers)


async def test_a_target_is_set_once_and_changed_by_who_saw_it(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here, there = await street(members=0), await street(members=0)
    refused(await put(client, here.officer, None), 428, "platform.precondition_required")
    refused(await put(client, here.officer, '"1"'), 412, "platform.precondition_failed")
    assert await here.count(AidedTarget) == 0
    first = await put(client, here.officer, '"0"')
    assert first.json() | {"set_at": ""} == {
        "union_id": str(here.id), "year": 2020, "percent_basis_points": 3000, "percent": "30.00%",
        "basis": "节日慰问品采购额", "set_at": "", "version": 1, "is_sample": False,
    }  # fmt: skip
    late = refused(await put(client, here.staff[Role.FINANCE], '"0"'), 412, "platform.precondition_failed")
    assert late["version"] == 1
    changed = await put(client, here.staff[Role.FINANCE], first.headers["etag"], percent_basis_points=3550)
    assert (changed.json()["percent"], changed.json()["version"]) == ("35.50%", 2)
    refused(await put(client, here.staff[Role.CHAIR], "*"), 403, "access.forbidden")
    listed = await walk(client, "/figures/targets", here.officer, year=2020)
    assert [(one["percent_basis_points"], one["version"]) for one in listed] == [(3550, 2)]
    assert await walk(client, "/figures/targets", here.officer, year=2021) == []
    assert await walk(client, "/figures/targets", there.officer) == []
    told = await here.read(
        select(AuditEntry.details)
        .where(AuditEntry.union_id == here.id, AuditEntry.action == "reports.target_set")
        .order_by(AuditEntry.id)
    )
    assert [row[0] for row in told] == [
        {"year": 2020, "percent_basis_points": [None, 3000], "basis_changed": False},
        {"year": 2020, "percent_basis_points": [3000, 3550], "basis_changed": False},
    ]
    for body in ({"percent_basis_points": 10_001}, {"percent_basis_points": 30.5}, {"basis": " "}, {"x": 1}):
        refused(await put(client, here.officer, "*", **body), 422, "platform.malformed")


async def test_the_share_is_exact_and_measured_against_the_unions_own_target(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here, there = await street(members=0), await street(members=0)
    made = await bought(here)
    viewer = await add_viewer(here, await move_below(here, there))
    await add_purchase(there, {"description": "示例", "boxes": 1, "amount_fen": 18_000_000},
                       supplier_id=await add_supplier(there, "示例·别家"))  # fmt: skip
    share = await read(client, here.officer, "aided-share", year=2020)
    (row,) = share["items"]
    assert row | {"union_name": ""} == {
        "numerator_fen": 17_700_000, "denominator_fen": 18_000_000, "fraction": "59/60", "percent": "98.33%",
        "purchases_count": 3, "unpriced_count": 1, "union_id": str(here.id), "union_name": "",
        "target": None, "is_reached": None,
    }  # fmt: skip
    assert (await put(client, here.officer, '"0"', percent_basis_points=9833)).status_code == 200
    (row,) = (await read(client, here.officer, "aided-share", year=2020))["items"]
    assert (row["target"]["percent"], row["is_reached"]) == ("98.33%", True)
    assert (await put(client, here.officer, "*", percent_basis_points=9834)).status_code == 200
    (row,) = (await read(client, here.officer, "aided-share", year=2020))["items"]
    assert (row["percent"], row["is_reached"]) == ("98.33%", False)
    district = await read(client, viewer, "aided-share", year=2020)
    assert {one["union_id"]: one["percent"] for one in district["items"]} == {
        str(here.id): "98.33%", str(there.id): "0.00%"
    }  # fmt: skip
    assert (district["total"]["fraction"], district["total"]["percent"]) == ("59/120", "49.17%")
    assert (district["targets_count"], district["reached_count"]) == (1, 0)
    path, query = "/figures/aided-share/sources", {"year": 2020, "union_id": str(here.id)}
    sides = {
        side: await walk(client, path, viewer, side=side, **query) for side in ("numerator", "denominator")
    }
    assert sum(line["amount_fen"] or 0 for line in sides["numerator"]) == 17_700_000
    assert sum(line["amount_fen"] or 0 for line in sides["denominator"]) == 18_000_000
    assert {line["purchase_id"] for line in sides["numerator"]} == {str(made["first"])}
    (nothing,) = (await read(client, here.officer, "aided-share", year=2019))["items"]
    assert (nothing["fraction"], nothing["percent"], nothing["denominator_fen"]) == (None, None, 0)
