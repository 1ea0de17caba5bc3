"""Approved purchases, partner regions and district viewers behind the service's back, for the figures."""

import secrets
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select

from app.access.policy import Role
from app.access.scope import every_union
from app.access.tokens import add_token
from app.platform.clock import utc_now
from app.platform.ids import new_id
from app.procurement.tables import Purchase, PurchaseLine, Supplier
from app.regions.tables import Division, PartnerRegion
from app.unions.queries import find_streets_below
from app.unions.tables import StaffAccount, Union
from tests.factories.street import Person, Street

_CODES = iter(range(990_001, 999_000))


async def add_region(here: Street, name: str) -> UUID:
    """Add a partner region with a division of its own."""
    id, code = new_id(), str(next(_CODES))
    async with here.database.transaction(every_union("a test arranges")) as session:
        await session.merge(
            Division(code=code[:2] + "0000", name="示例省", level="province", parent_code=None)
        )
        await session.flush()
        await session.merge(Division(code=code, name=name, level="county", parent_code=code[:2] + "0000"))
        session.add(
            PartnerRegion(id=id, division_code=code, name=name, province="示例省", prefecture="示例市",
                          kind="对口帮扶")
        )  # fmt: skip
    return id


async def add_supplier(here: Street, name: str, uscc: str | None = None) -> UUID:
    """Add a supplier."""
    id = new_id()
    async with here.database.transaction(every_union("a test arranges")) as session:
        session.add(
            Supplier(id=id, union_id=here.id, name=name, uscc=uscc, uscc_reason=None if uscc else "示例",
                     is_on_platform_832=True, added_at=utc_now())
        )  # fmt: skip
    return id


async def add_purchase(here: Street, *lines: dict[str, Any], **values: Any) -> UUID:
    """Add a purchase with its lines, approved unless said; `on` is its day or None (say `purchased_year`)."""
    id, on = new_id(), values.pop("on", date(2020, 10, 9))
    priced = [line.get("amount_fen") for line in lines]
    known = {
        "number": f"CG-{secrets.token_hex(4)}",
        "channel": "direct",
        "purchased_on": on,
        "purchased_year": on.year if on else None,
        "purchased_month": on.month if on else None,
        "total_fen": None if None in priced else sum(priced),
        "status": "approved",
        "drafted_by": here.officer.id,
        "drafted_at": utc_now(),
    }
    given = known | values
    if given["status"] == "approved":
        given |= {"approved_by": here.staff[Role.CHAIR].id, "approved_at": utc_now()}
    async with here.database.transaction(every_union("a test arranges")) as session:
        purchase = Purchase(id=id, union_id=here.id, **given | {"status": "draft"})
        session.add(purchase)
        await session.flush()
        for position, line in enumerate(lines, start=1):
            session.add(
                PurchaseLine(id=new_id(), union_id=here.id, purchase_id=id, position=position, **line)
            )
        await session.flush()
        purchase.status = given["status"]
    return id


async def move_below(here: Street, *others: Street) -> UUID:
    """Put street unions below the district of the first; return the district."""
    async with here.database.transaction(every_union("a test arranges")) as session:
        wanted = select(Union.parent_id).where(Union.id == here.id)
        district: UUID = (await session.execute(wanted)).scalar_one()
        for other in others:
            (await session.get_one(Union, other.id)).parent_id = district
    return district


async def add_viewer(here: Street, district: UUID) -> Person:
    """Add somebody who looks on from the district, with a token for the street unions below it."""
    id, now = new_id(), utc_now()
    async with here.database.transaction(every_union("a test arranges")) as session:
        session.add(
            StaffAccount(id=id, union_id=district, login=f"t-{secrets.token_hex(5)}",
                         display_name="示例·区总查看员", role=Role.DISTRICT_VIEWER.value, approved_at=now)
        )  # fmt: skip
        await session.flush()
        scope = await find_streets_below(session, district)
        token = add_token(
            session, id, role=Role.DISTRICT_VIEWER, union_id=district, scope_union_ids=scope, now=now
        )
    return Person(id, "示例·区总查看员", token)


def in_year(year: int) -> datetime:
    """Return an instant in the middle of a year."""
    return datetime(year, 7, 1, 4, tzinfo=utc_now().tzinfo)
