"""Numbers without gaps, and not one box more than was ordered, whoever comes at once."""

import asyncio
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.platform.clock import local_date, utc_now
from app.procurement.actions import arrivals, numbering
from app.procurement.actions import receipts as receiving
from app.procurement.queries.purchases import get_purchase
from app.procurement.tables import Purchase, Receipt
from app.stock.tables import StockBalance
from tests.conftest import MakeStreet
from tests.factories.answers import API
from tests.factories.procurement import (
    approved,
    buy_and_receive,
    gift_box_of,
    keeper_of,
    purchase_body,
    receipt_body,
    receivers,
)


async def test_receipt_numbers_have_no_gaps_though_some_are_refused(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    made = await approved(client, here, **purchase_body(await gift_box_of(here), line={"boxes": 10}))
    path = f"{API}/procurements/{made['id']}/receipts"
    one = {"expected": 1, "good": 1, "damaged": 0, "missing": 0}
    # Every fourth fails after it has taken its number: the origin is looked up with the lot.
    bodies = [
        receipt_body(
            here,
            made["lines"][0]["id"],
            line=one | {"batch": f"B{n % 3}"} | ({"origin_code": "999999"} if n % 4 == 0 else {}),
        )
        for n in range(20)
    ]
    answers = await asyncio.gather(
        *(client.post(path, json=body, headers=keeper_of(here).headers()) for body in bodies)
    )
    statuses = [answer.status_code for answer in answers]
    assert statuses.count(201) == 10
    assert {statuses[n] for n in range(0, 20, 4)} <= {404, 409}
    rows = await here.read(select(Receipt.number).where(Receipt.union_id == here.id))
    today = local_date(utc_now())
    assert sorted(row.number for row in rows) == [f"RK-{today:%Y%m%d}-{n:03}" for n in range(1, 11)]
    held = await here.read(
        select(StockBalance.boxes).where(
            StockBalance.union_id == here.id, StockBalance.kind == "pickup_point"
        )
    )
    assert sum(row.boxes for row in held) == 10


async def test_purchase_numbers_have_no_gaps(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street()
    box = await gift_box_of(here)
    answers = await asyncio.gather(
        *(
            client.post(f"{API}/procurements", json=purchase_body(box), headers=here.officer.headers())
            for _ in range(12)
        )
    )
    assert [answer.status_code for answer in answers] == [201] * 12
    rows = await here.read(select(Purchase.number).where(Purchase.union_id == here.id))
    assert sorted(row.number for row in rows) == [f"CG-2026-{n:04}" for n in range(1, 13)]


async def test_a_receipt_is_taken_back_once(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street()
    made = await buy_and_receive(client, here)
    body = {"reason": "示例·数错了"} | receivers(here)
    answers = await asyncio.gather(
        *(
            client.post(
                f"{API}/receipts/{made.receipt_id}/reverse", json=body, headers=keeper_of(here).headers()
            )
            for _ in range(6)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409, 409]
    assert await here.count(Receipt) == 2


async def test_what_is_missing_comes_late_once(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street()
    made = await buy_and_receive(client, here)
    body = {
        "pickup_point_id": str(made.point_id),
        "received_on": local_date(utc_now()).isoformat(),
        "delivered_by": "示例·冀A00000 货车",
        "lines": [{"receipt_line_id": str(made.receipt_line_id), "good": 20}],
    } | receivers(here)
    answers = await asyncio.gather(
        *(
            client.post(
                f"{API}/receipts/{made.receipt_id}/late-delivery",
                json=body,
                headers=keeper_of(here).headers(),
            )
            for _ in range(5)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409]
    held = await here.read(
        select(StockBalance.kind, StockBalance.boxes).where(StockBalance.lot_id == made.lot_id)
    )
    assert dict(map(tuple, held)) == {"pickup_point": 1_970, "quarantine": 30, "supplier": 0}


async def test_control_without_the_counter_numbers_collide(
    client: httpx.AsyncClient, street: MakeStreet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counting the rows instead of holding the series: two take one number, and the database refuses one."""

    async def counted(session: AsyncSession, series: str, *, union_id: UUID) -> int:
        rows = select(func.count()).select_from(Purchase).where(Purchase.union_id == union_id)
        found = int((await session.execute(rows)).scalar_one())
        await asyncio.sleep(0.02)
        return found + 1

    monkeypatch.setattr(numbering, "_next", counted)
    here = await street()
    box = await gift_box_of(here)
    answers = await asyncio.gather(
        *(
            client.post(f"{API}/procurements", json=purchase_body(box), headers=here.officer.headers())
            for _ in range(6)
        )
    )
    assert 409 in {answer.status_code for answer in answers}


async def test_control_without_the_lock_more_comes_than_was_ordered(
    client: httpx.AsyncClient, street: MakeStreet, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unlocked(session: AsyncSession, purchase_id: UUID) -> Purchase:
        return await get_purchase(session, purchase_id)

    async def slowly(*args: Any, **values: Any) -> None:
        await check(*args, **values)
        await asyncio.sleep(0.05)

    check = arrivals.check_arrivals
    monkeypatch.setattr(receiving, "check_arrivals", slowly)
    here = await street()
    one = {"expected": 1, "good": 1, "damaged": 0, "missing": 0}

    async def received() -> int:
        made = await approved(client, here, **purchase_body(await gift_box_of(here), line={"boxes": 1}))
        path, body = (
            f"{API}/procurements/{made['id']}/receipts",
            receipt_body(here, made["lines"][0]["id"], line=one),
        )
        headers = keeper_of(here).headers()
        answers = await asyncio.gather(*(client.post(path, json=body, headers=headers) for _ in range(3)))
        return [answer.status_code for answer in answers].count(201)

    assert await received() == 1
    monkeypatch.setattr(receiving, "lock_purchase", unlocked)
    assert await received() > 1
