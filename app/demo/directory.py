"""The unions and staff of the demo, and the ids by which its rows find each other."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.policy import Role
from app.catalog.tables import GiftBox
from app.demo.source import Organization, Source
from app.pickup.tables import PickupPoint
from app.platform.ids import new_id
from app.unions.rules import ABOVE, Level
from app.unions.tables import StaffAccount, Union

DISTRICT = "xcftu"
DISTRICT_LOGIN = "district-xc"

# The tables know one level below the district; what kind of union it is stands beside it.
_STREET_KINDS = ("enterprise", "institution")

_TITLES = {
    "officer": (Role.UNION_OFFICER, "专干"),
    "clerk": (Role.STATION_CLERK, "核销员"),
    "keeper": (Role.WAREHOUSE_KEEPER, "保管员"),
    "chair": (Role.CHAIR, "主席"),
    "auditor": (Role.AUDITOR, "经审员"),
    "finance": (Role.FINANCE, "财务"),
    "sysadmin": (Role.SYS_ADMIN, "系统管理员"),
    "secadmin": (Role.SEC_ADMIN, "安全管理员"),
    "auditadmin": (Role.AUDIT_ADMIN, "审计管理员"),
}
_UNIT_TITLES = {
    "unitadmin": (Role.GRASSROOTS_ADMIN, "管理员"),
    "leader": (Role.GROUP_LEADER, "小组长"),
}
_MORE_UNITS = (
    ("xjk-g03", "XC-XJK-003", "示例·西四北商户联合工会委员会", "joint", "xjk"),
    ("xjk-g04", "XC-XJK-004", "示例·玉桃园物流企业工会委员会", "enterprise", "xjk"),
    ("nj-g02", "XC-NJ-002", "示例·春风社区服务企业工会委员会", "enterprise", "nj"),
    ("ds-g02", "XC-DS-002", "示例·马甸商圈联合工会委员会", "joint", "ds"),
)


@dataclass(frozen=True, slots=True)
class Directory:
    """Ids of rows by the names of the source; boxes by street union and kit."""

    unions: dict[str, UUID] = field(default_factory=dict)
    staff: dict[str, UUID] = field(default_factory=dict)
    points: dict[str, UUID] = field(default_factory=dict)
    boxes: dict[tuple[str, str], UUID] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Account:
    """A staff account: a login at a union, for some roles at one unit of it."""

    login: str
    union: str
    role: Role
    display_name: str
    unit: str | None = None


def organizations(source: Source) -> list[Organization]:
    """Return all organisations, parents first: those of the source and a few more grassroots unions."""
    more = [
        Organization(id=id, code=code, name=name, level="grassroots", kind=kind, parent=parent, src="sample")
        for id, code, name, kind, parent in _MORE_UNITS
    ]
    return [*source.organizations, *more]


def accounts(source: Source) -> list[Account]:
    """Return the staff of the street unions that have pickup points, and who looks on from the district."""
    names = {one.id: one.name.removesuffix("总工会") for one in source.organizations}
    staff = [
        Account(f"{word}-{street}", street, role, f"示例·{names[street]}{title}")
        for street in source.streets
        for word, (role, title) in _TITLES.items()
    ]
    units = units_of_streets(source)
    staff += [
        Account(f"{word}-{street}", street, role, f"示例·{names[street]}基层{title}", units[street][0])
        for street in source.streets
        for word, (role, title) in _UNIT_TITLES.items()
    ]
    return [*staff, Account(DISTRICT_LOGIN, DISTRICT, Role.DISTRICT_VIEWER, f"示例·{names[DISTRICT]}查看员")]


def union_rows(source: Source, ids: Mapping[str, UUID]) -> list[dict[str, Any]]:
    """Return the rows of all unions, parents first; street-level unions are numbered from 1."""
    streets: dict[str, UUID] = {}
    rows = []
    for one in organizations(source):
        level = Level.STREET if one.level in _STREET_KINDS else Level(one.level)
        if level is Level.STREET:
            streets[one.id] = ids[one.id]
        elif one.parent in streets:
            streets[one.id] = streets[one.parent]
        rows.append(
            {
                "id": ids[one.id],
                "code": one.code,
                "name": one.name,
                "level": level.value,
                "kind": one.level if one.level in _STREET_KINDS else one.kind,
                "parent_id": ids[one.parent] if one.parent else None,
                "parent_level": ABOVE[level].value if one.parent else None,
                "street_id": streets.get(one.id),
                "number": len(set(streets.values())) if level is Level.STREET else None,
                "division_code": one.division,
                "hotline": one.hotline,
                "is_sample": one.is_sample,
            }
        )
    return rows


def units_of_streets(source: Source) -> dict[str, list[str]]:
    """Return the grassroots unions and groups below each street union that has pickup points."""
    units: dict[str, list[str]] = {street: [] for street in source.streets}
    street_of = {street: street for street in units}
    for one in organizations(source):
        if one.parent in street_of:
            street_of[one.id] = street_of[one.parent]
            units[street_of[one.id]].append(one.id)
    return units


def new_ids(names: Iterable[str]) -> dict[str, UUID]:
    """Return a fresh id for each name."""
    return {name: new_id() for name in names}


async def find_directory(session: AsyncSession, source: Source) -> Directory:
    """Return what is still there under the names of the source; what was renamed since is left out."""
    unions = {row.code: row.id for row in await session.execute(select(Union.code, Union.id))}
    staff = {row.login: row.id for row in await session.execute(select(StaffAccount.login, StaffAccount.id))}
    points_found = await session.execute(select(PickupPoint.union_id, PickupPoint.name, PickupPoint.id))
    points = {(row.union_id, row.name): row.id for row in points_found}
    boxes_found = await session.execute(select(GiftBox.union_id, GiftBox.barcode, GiftBox.id))
    boxes = {(row.union_id, row.barcode): row.id for row in boxes_found}
    found = {one.id: unions[one.code] for one in organizations(source) if one.code in unions}
    return Directory(
        unions=found,
        staff=staff,
        points={
            one.id: points[found[one.org], one.name]
            for one in source.stations
            if one.org in found and (found[one.org], one.name) in points
        },
        boxes={
            (street, kit.id): boxes[found[street], kit.barcode]
            for street in source.streets
            for kit in source.kits
            if street in found and (found[street], kit.barcode) in boxes
        },
    )
