"""Suppliers, certificates, purchases and products through HTTP."""

from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select

from app.access.audit import AuditEntry
from app.access.policy import Role
from app.platform.ids import new_id
from app.procurement.tables import Certificate, Purchase, PurchaseLine, Supplier
from app.unions.tables import StaffAccount
from tests.conftest import MakeStreet
from tests.factories.answers import API, refused
from tests.factories.procurement import (
    SUPPLIER,
    USCC,
    approved,
    buy_and_receive,
    chair_of,
    gift_box_of,
    keeper_of,
    post,
    purchase_body,
    receivers,
)
from tests.factories.street import Street

CERTIFICATE: dict[str, Any] = {
    "kind": "assistance",
    "number": "示例-BF-130722-0001",
    "issuer": "示例·县乡村振兴局",
    "valid_from": "2026-01-01",
    "valid_until": "2026-12-31",
}


async def supplier_of(client: httpx.AsyncClient, here: Street, **change: Any) -> dict[str, Any]:
    body = SUPPLIER | {"name": f"示例·供应商{new_id().hex}"} | change
    return await post(client, "/suppliers", here.officer, **body)


async def test_a_supplier_with_its_code_or_why_there_is_none(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    officer = here.officer.headers()
    made = await supplier_of(client, here)
    assert (made["uscc"], made["uscc_reason"], made["is_active"], made["version"]) == (
        None,
        SUPPLIER["uscc_reason"],
        True,
        1,
    )
    path = f"{API}/suppliers/{made['id']}"
    change = {"uscc": USCC, "phone": "010-12345678"}
    refused(await client.patch(path, json=change, headers=officer), 428, "platform.precondition_required")
    changed = await client.patch(path, json=change, headers=officer | {"If-Match": '"1"'})
    assert changed.status_code == 200, changed.text
    assert changed.json() == made | change | {"uscc_reason": None, "version": 2}
    kept = select(AuditEntry.subject_id, AuditEntry.details).where(
        AuditEntry.union_id == here.id, AuditEntry.action == "procurement.supplier_replaced"
    )
    replaced = {"uscc": [None, USCC], "uscc_reason": [SUPPLIER["uscc_reason"], None]}
    assert await here.read(kept) == [(UUID(made["id"]), replaced)]
    stale = await client.patch(path, json=change, headers=officer | {"If-Match": '"1"'})
    refused(stale, 412, "platform.precondition_failed")
    read = await client.get(path, headers=officer)
    assert (read.json(), read.headers["ETag"].split("-")[0]) == (changed.json(), '"2')

    both = SUPPLIER | {"name": "示例·另一家", "uscc": USCC}
    refused(await client.post(f"{API}/suppliers", json=both, headers=officer), 422, "platform.malformed")
    neither = {"name": "示例·另一家"}
    refused(await client.post(f"{API}/suppliers", json=neither, headers=officer), 422, "platform.malformed")
    wrong = neither | {"uscc": USCC[:-1] + "M"}
    refused(await client.post(f"{API}/suppliers", json=wrong, headers=officer), 422, "platform.malformed")
    same = neither | {"uscc": USCC}
    refused(await client.post(f"{API}/suppliers", json=same, headers=officer), 409, "platform.conflict")
    nowhere = neither | {"uscc_reason": "示例·无", "region_id": str(here.id)}
    refused(
        await client.post(f"{API}/suppliers", json=nowhere, headers=officer), 404, "catalog.region_not_found"
    )
    assert await here.count(Supplier) == 1

    other = await street()
    refused(await client.get(path, headers=other.officer.headers()), 404, "procurement.supplier_not_found")
    off = await client.patch(path, json={"is_active": False}, headers=officer | {"If-Match": "*"})
    assert off.json()["is_active"] is False
    assert len(await here.read(kept)) == 1
    listed = await client.get(f"{API}/suppliers?is_active=true", headers=officer)
    assert listed.json() == {"items": [], "next": None}
    listed = await client.get(f"{API}/suppliers?is_active=false", headers=officer)
    assert [one["id"] for one in listed.json()["items"]] == [made["id"]]


async def test_certificates_of_a_supplier(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street()
    officer, seller = here.officer.headers(), await supplier_of(client, here)
    path = f"/suppliers/{seller['id']}/certificates"
    evidence = {"name": "认定文件.pdf", "sha256": "ab" * 32}
    made = await post(client, path, here.officer, **CERTIFICATE, evidence=evidence)
    assert made["evidence"] == evidence
    assert made["valid_until"] == "2026-12-31"
    twice = await client.post(f"{API}{path}", json=CERTIFICATE, headers=officer)
    refused(twice, 409, "platform.conflict")
    for wrong in (
        {"valid_until": "2025-12-31"},
        {"kind": "food_licence"},
        {"kind": "food_licence", "number": "SC10413072200012"},
        {"evidence": {"name": "x", "sha256": "zz"}},
    ):
        answer = await client.post(f"{API}{path}", json=CERTIFICATE | wrong, headers=officer)
        refused(answer, 422, "platform.malformed")
    licence = CERTIFICATE | {"kind": "food_licence", "number": "SC10413072200011"}
    second = await post(client, path, here.officer, **licence)
    listed = await client.get(f"{API}{path}?limit=1", headers=officer)
    assert [one["id"] for one in listed.json()["items"]] == [made["id"]]
    rest = await client.get(f"{API}{path}?cursor={listed.json()['next']}", headers=officer)
    assert [one["id"] for one in rest.json()["items"]] == [second["id"]]
    withdrawal = {"withdrawn_on": "2026-06-01", "reason": "示例·认定取消"}
    gone = await post(client, f"/certificates/{made['id']}/withdraw", here.officer, **withdrawal)
    assert gone["is_valid_today"] is False
    again = await client.post(f"{API}/certificates/{made['id']}/withdraw", json=withdrawal, headers=officer)
    refused(again, 409, "procurement.certificate_withdrawn")
    assert await here.count(Certificate) == 2


async def test_a_purchase_is_drafted_changed_submitted_and_approved_by_another(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    officer, chair = here.officer.headers(), chair_of(here).headers()
    box, seller = await gift_box_of(here), await supplier_of(client, here)
    made = await post(client, "/procurements", here.officer, **purchase_body(box))
    assert (made["number"], made["status"], made["version"]) == ("CG-2026-0001", "draft", 1)
    assert (made["total_fen"], made["lines"][0]["amount_fen"]) == (17_600_000, 17_600_000)
    assert (made["purchased_year"], made["purchased_month"]) == (2026, 10)
    path = f"{API}/procurements/{made['id']}"
    refused(await client.post(f"{path}/approve", headers=chair), 409, "procurement.step_not_possible")
    lacking = await client.post(f"{path}/submit", headers=officer)
    assert refused(lacking, 409, "procurement.incomplete")["missing"] == ["supplier_id"]
    lines = [
        {"gift_box_id": str(box), "boxes": 3, "unit_price_fen": 8_800},
        {"description": "小米", "grams": 1_500, "amount_fen": 1_999},
    ]
    change = {"supplier_id": seller["id"], "campaign_id": str(here.campaign_id), "lines": lines}
    refused(await client.patch(path, json=change, headers=officer), 428, "platform.precondition_required")
    changed = await client.patch(path, json=change, headers=officer | {"If-Match": '"1"'})
    assert changed.status_code == 200, changed.text
    assert (changed.json()["total_fen"], changed.json()["version"]) == (28_399, 2)
    assert [line["jin"] for line in changed.json()["lines"]] == [None, "3"]
    stale = await client.patch(path, json={"note": "示例"}, headers=officer | {"If-Match": '"1"'})
    assert refused(stale, 412, "platform.precondition_failed")["version"] == 2
    assert (await client.get(path, headers=officer)).json()["note"] is None
    other_year = await client.patch(
        path, json={"purchased_on": "2025-10-12"}, headers=officer | {"If-Match": "*"}
    )
    refused(other_year, 409, "procurement.year_fixed")

    assert (await post(client, f"/procurements/{made['id']}/submit", here.officer))["status"] == "pending"
    refused(await client.post(f"{path}/approve", headers=officer), 403, "access.forbidden")
    done = await post(client, f"/procurements/{made['id']}/approve", chair_of(here))
    assert (done["status"], done["approved_by"]) == ("approved", str(chair_of(here).id))
    late = await client.patch(path, json={"note": "示例"}, headers=officer | {"If-Match": "*"})
    assert refused(late, 409, "procurement.step_not_possible")["state"] == "approved"
    refused(await client.post(f"{path}/approve", headers=chair), 409, "procurement.step_not_possible")
    assert (await client.get(path, headers=officer)).json() == done
    other = await street()
    refused(await client.get(path, headers=other.officer.headers()), 404, "procurement.not_found")


async def test_one_person_with_two_accounts_does_not_approve(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    seller = await supplier_of(client, here)
    body = purchase_body(await gift_box_of(here), supplier_id=seller["id"])
    made = await post(client, "/procurements", here.officer, **body)
    await post(client, f"/procurements/{made['id']}/submit", here.staff[Role.FINANCE])
    chair = chair_of(here)
    for account in (chair.id, here.staff[Role.FINANCE].id):
        await here.set(StaffAccount, account, member_id=here.members[0].id)
    for step, wanted in (("approve", {}), ("decline", {"reason": "示例·太贵"})):
        answer = await client.post(
            f"{API}/procurements/{made['id']}/{step}", json=wanted, headers=chair.headers()
        )
        refused(answer, 403, "procurement.own_purchase")
    assert await here.read(select(Purchase.status).where(Purchase.union_id == here.id)) == [("pending",)]
    await here.set(StaffAccount, chair.id, member_id=None)
    declined = await post(client, f"/procurements/{made['id']}/decline", chair, reason="示例·太贵")
    assert (declined["status"], declined["decline_reason"]) == ("declined", "示例·太贵")


@pytest.mark.parametrize("change", [{"source_text": None}, {"is_approximate": True, "source_text": None}])
async def test_what_is_only_told_of_keeps_its_source(
    client: httpx.AsyncClient, street: MakeStreet, change: dict[str, Any]
) -> None:
    here = await street()
    told = {"is_approximate": "is_approximate" not in change, "source_text": "示例·上万斤"}
    body = purchase_body(await gift_box_of(here), **told)
    made = await post(client, "/procurements", here.officer, **body)
    path, headers = f"{API}/procurements/{made['id']}", here.officer.headers() | {"If-Match": '"1"'}
    answer = await client.patch(path, json=change, headers=headers)
    assert refused(answer, 409, "procurement.incomplete")["missing"] == ["source_text"]
    assert (await client.get(path, headers=headers)).json() == made


async def test_who_changed_a_draft_does_not_approve_it(client: httpx.AsyncClient, street: MakeStreet) -> None:
    """The price is finance's; that the officer drafted and submitted makes finance no other person."""
    here = await street()
    finance, chair, seller = here.staff[Role.FINANCE], chair_of(here), await supplier_of(client, here)
    for account in (finance.id, chair.id):
        await here.set(StaffAccount, account, member_id=here.members[0].id)
    made = await post(
        client,
        "/procurements",
        here.officer,
        **purchase_body(await gift_box_of(here), supplier_id=seller["id"]),
    )
    path = f"{API}/procurements/{made['id']}"
    line = {"description": "示例·红枣", "boxes": 2_000, "unit_price_fen": 99_900}
    changed = await client.patch(path, json={"lines": [line]}, headers=finance.headers() | {"If-Match": "*"})
    assert changed.json()["total_fen"] == 199_800_000
    await post(client, f"/procurements/{made['id']}/submit", here.officer)
    refused(await client.post(f"{path}/approve", headers=chair.headers()), 403, "procurement.own_purchase")
    assert await here.read(select(Purchase.status).where(Purchase.union_id == here.id)) == [("pending",)]
    await here.set(StaffAccount, chair.id, member_id=None)
    done = await post(client, f"/procurements/{made['id']}/approve", chair)
    assert (done["status"], done["total_fen"]) == ("approved", 199_800_000)


async def test_ten_thousand_jin_without_a_campaign(client: httpx.AsyncClient, street: MakeStreet) -> None:
    """上万斤小米、杂粮、红枣: words, a lower bound, and nothing that the source does not say."""
    here = await street()
    words = "此前先后购置上万斤小米、杂粮、红枣等扶贫产品"
    body = {
        "channel": "direct",
        "purchased_year": 2020,
        "is_year_inferred": True,
        "is_approximate": True,
        "source_text": words,
        "lines": [{"description": "小米、杂粮、红枣", "grams": 5_000_000}],
    }
    made = await post(client, "/procurements", here.officer, **body)
    assert made["number"] == "CG-2020-0001"
    await post(client, f"/procurements/{made['id']}/submit", here.officer)
    done = await post(client, f"/procurements/{made['id']}/approve", chair_of(here))
    assert (done["supplier_id"], done["campaign_id"], done["total_fen"]) == (None, None, None)
    assert (done["purchased_on"], done["purchased_month"], done["is_year_inferred"]) == (None, None, True)
    assert (done["lines"][0]["jin"], done["lines"][0]["region_id"]) == ("10000", None)
    assert done["source_text"] == words
    headers = here.officer.headers()
    for query, number in (
        ("has_campaign=false&year=2020&status=approved&channel=direct", 1),
        ("has_campaign=true", 0),
        ("year=2021", 0),
        ("status=draft", 0),
        (f"campaign_id={here.campaign_id}", 0),
        (f"region_id={new_id()}", 0),
    ):
        found = await client.get(f"{API}/procurements?{query}", headers=headers)
        assert len(found.json()["items"]) == number, query
    without_words = {name: value for name, value in body.items() if name != "source_text"}
    answer = await client.post(f"{API}/procurements", json=without_words, headers=headers)
    refused(answer, 422, "platform.malformed")


@pytest.mark.parametrize(
    "line",
    [
        {},
        {"boxes": 2},
        {"description": "小米"},
        {"description": "小米", "grams": 0},
        {"description": "小米", "grams": 1, "unit_price_fen": 5},
        {"description": "小米", "boxes": 2, "unit_price_fen": 5, "amount_fen": 11},
        {"description": "小米", "boxes": True},
        {"description": "小米", "boxes": 1.0},
        {"description": "小米", "gift_box_id": str(UUID(int=1)), "boxes": 1},
        {"gift_box_id": str(UUID(int=1)), "grams": 1},
    ],
)
async def test_lines_that_cannot_be(
    client: httpx.AsyncClient, street: MakeStreet, line: dict[str, Any]
) -> None:
    here = await street()
    body = {"channel": "direct", "purchased_on": "2026-10-12", "lines": [line]}
    answer = await client.post(f"{API}/procurements", json=body, headers=here.officer.headers())
    refused(answer, 422, "platform.malformed")
    assert (await here.count(Purchase), await here.count(PurchaseLine)) == (0, 0)


async def test_nothing_of_another_union_is_named(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here, other = await street(), await street()
    box, theirs = await gift_box_of(here), await gift_box_of(other)
    seller = await supplier_of(client, other)
    for body, code in (
        (purchase_body(theirs), "catalog.gift_box_not_found"),
        (purchase_body(box, supplier_id=seller["id"]), "procurement.supplier_not_found"),
        (purchase_body(box, campaign_id=str(other.campaign_id)), "campaigns.not_found"),
        (purchase_body(box, supplement_to=str(new_id())), "procurement.not_found"),
        (purchase_body(box, line={"region_id": str(new_id())}), "catalog.region_not_found"),
        (purchase_body(box, line={"certificate_id": str(new_id())}), "procurement.certificate_not_found"),
        (
            purchase_body(box, line={"gift_box_id": None, "product_id": str(new_id())}),
            "catalog.product_not_found",
        ),
    ):
        answer = await client.post(f"{API}/procurements", json=body, headers=here.officer.headers())
        refused(answer, 404, code)
    assert await here.count(Purchase) == 0


async def test_a_certificate_has_to_count_on_the_day(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street()
    box, officer = await gift_box_of(here), here.officer.headers()
    seller, another = await supplier_of(client, here), await supplier_of(client, here)
    paper = await post(client, f"/suppliers/{seller['id']}/certificates", here.officer, **CERTIFICATE)
    line = {"certificate_id": paper["id"]}

    async def attempt(**change: Any) -> httpx.Response:
        body = purchase_body(box, line=dict(line), supplier_id=seller["id"]) | change
        return await client.post(f"{API}/procurements", json=body, headers=officer)

    for change, doubt in (
        ({"purchased_on": "2025-12-31"}, "not_yet_valid"),
        ({"purchased_on": "2027-01-01"}, "expired"),
        ({"supplier_id": another["id"]}, "other_supplier"),
    ):
        problem = refused(await attempt(**change), 409, "procurement.certificate_doubtful")
        assert (problem["line"], problem["doubt"]) == (1, doubt)
    assert await here.count(Purchase) == 0
    made = await attempt()
    assert made.status_code == 201, made.text
    withdrawal = {"withdrawn_on": "2026-10-12", "reason": "示例·认定取消"}
    await post(client, f"/certificates/{paper['id']}/withdraw", here.officer, **withdrawal)
    answer = await client.post(f"{API}/procurements/{made.json()['id']}/submit", headers=officer)
    assert refused(answer, 409, "procurement.certificate_doubtful")["doubt"] == "withdrawn"


async def test_nothing_is_bought_from_a_supplier_out_of_use(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    seller = await supplier_of(client, here)
    body = purchase_body(await gift_box_of(here), supplier_id=seller["id"])
    made = await post(client, "/procurements", here.officer, **body)
    headers = here.officer.headers() | {"If-Match": "*"}
    await client.patch(f"{API}/suppliers/{seller['id']}", json={"is_active": False}, headers=headers)
    answer = await client.post(f"{API}/procurements/{made['id']}/submit", headers=here.officer.headers())
    refused(answer, 409, "procurement.supplier_inactive")


async def test_papers_are_added_and_replaced_with_a_reason(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    made = await buy_and_receive(client, here)
    path, finance = f"/procurements/{made.purchase_id}/papers", here.staff[Role.FINANCE]
    before = await client.get(f"{API}{path}", headers=finance.headers())
    papers = {item["paper"]: item["is_there"] for item in before.json()["items"]}
    assert papers == {
        "contract": False,
        "comparison": False,
        "acceptance": False,
        "invoice": False,
        "payment_voucher": False,
        "goods_receipt": True,
    }
    assert before.json()["is_complete"] is False
    numbers = {
        "contract_no": "HT-1",
        "comparison_no": "BJ-1",
        "acceptance_no": "YS-1",
        "invoice_no": "FP-1",
        "voucher_no": "PZ-1",
    }
    done = await post(client, path, finance, **numbers)
    assert {name: done[name] for name in numbers} == numbers
    assert (done["status"], done["total_fen"]) == ("approved", 17_600_000)
    assert (await client.get(f"{API}{path}", headers=finance.headers())).json()["is_complete"] is True
    answer = await client.post(f"{API}{path}", json={"invoice_no": "FP-2"}, headers=finance.headers())
    assert refused(answer, 409, "procurement.paper_recorded")["field"] == "invoice_no"
    done = await post(client, path, finance, invoice_no="FP-2", reason="示例·抄错一位")
    assert done["invoice_no"] == "FP-2"
    traces = await here.read(
        select(AuditEntry.reason, AuditEntry.details).where(
            AuditEntry.union_id == here.id, AuditEntry.action == "procurement.paper_replaced"
        )
    )
    assert [tuple(row) for row in traces] == [
        ("示例·抄错一位", {"field": "invoice_no", "before": "FP-1", "after": "FP-2"})
    ]


async def test_a_purchase_is_cancelled_before_goods_come_or_when_they_went_back(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    made = await buy_and_receive(client, here)
    path, officer = f"{API}/procurements/{made.purchase_id}/cancel", here.officer.headers()
    why = {"reason": "示例·供应商退单"}
    refused(await client.post(path, json=why, headers=officer), 409, "procurement.received_already")
    back = {"reason": "示例·数错了"} | receivers(here)
    await post(client, f"/receipts/{made.receipt_id}/reverse", keeper_of(here), **back)
    done = await client.post(path, json=why, headers=officer)
    assert (done.status_code, done.json()["status"]) == (200, "cancelled")
    assert done.json()["cancel_reason"] == "示例·供应商退单"
    refused(await client.post(path, json=why, headers=officer), 409, "procurement.step_not_possible")


async def test_a_supplement_adds_to_an_approved_purchase(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    box = await gift_box_of(here)
    first = await approved(client, here, **purchase_body(box))
    more = await post(client, "/procurements", here.officer, **purchase_body(box, supplement_to=first["id"]))
    assert (more["supplement_to"], more["number"]) == (first["id"], "CG-2026-0002")
    answer = await client.post(
        f"{API}/procurements",
        json=purchase_body(box, supplement_to=more["id"]),
        headers=here.officer.headers(),
    )
    refused(answer, 404, "procurement.not_found")


async def test_members_and_clerks_see_no_purchases(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street()
    for path in ("procurements", "suppliers", "receipts"):
        for person in (here.members[0], here.clerk):
            answer = await client.get(f"{API}/{path}", headers=person.headers())
            refused(answer, 403, "access.forbidden")


PRODUCT: dict[str, Any] = {
    "name": "小米",
    "unit": "袋",
    "category": "粮食",
    "net_content_grams": 2_500,
    "barcode": "2000000000008",
    "shelf_life": "12个月",
    "storage": "阴凉干燥",
    "sc_reason": "初级农产品无需SC",
}


async def test_a_product_is_made_and_changed(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street()
    officer = here.officer.headers()
    made = await post(client, "/products", here.officer, **PRODUCT)
    assert made | PRODUCT == made
    assert (made["version"], made["allergens"], made["sc_number"]) == (1, [], None)
    path = f"{API}/products/{made['id']}"
    change = {"sc_number": "SC10413072200011", "allergens": ["含麸质谷物"]}
    changed = await client.patch(path, json=change, headers=officer | {"If-Match": '"1"'})
    assert changed.json() == made | change | {"sc_reason": None, "version": 2}
    stale = await client.patch(path, json=change, headers=officer | {"If-Match": '"1"'})
    refused(stale, 412, "platform.precondition_failed")
    assert (await client.get(path, headers=officer)).json() == changed.json()
    for wrong in (
        {"barcode": "2000000000009"},
        {"net_content_ml": 5},
        {"net_content_grams": None},
        {"sc_reason": None},
        {"sc_number": "SC10413072200011"},
        {"sc_reason": None, "sc_number": "SC10413072200010"},
    ):
        answer = await client.post(f"{API}/products", json=PRODUCT | wrong, headers=officer)
        refused(answer, 422, "platform.malformed")
    again = await client.post(f"{API}/products", json=PRODUCT, headers=officer)
    refused(again, 409, "platform.conflict")
    other = await street()
    refused(await client.get(path, headers=other.officer.headers()), 404, "catalog.product_not_found")
    refused(
        await client.post(f"{API}/products", json=PRODUCT, headers=here.clerk.headers()),
        403,
        "access.forbidden",
    )
