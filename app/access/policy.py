"""Roles and what each may do: the one table (roles of the trade: 主席, 专干, 核销员, 保管员, 经审 …)."""

from enum import StrEnum


class Role(StrEnum):
    """What somebody is in the union's work."""

    MEMBER = "member"
    STATION_CLERK = "station_clerk"
    UNION_OFFICER = "union_officer"
    WAREHOUSE_KEEPER = "warehouse_keeper"
    CHAIR = "chair"
    AUDITOR = "auditor"
    DISTRICT_VIEWER = "district_viewer"


class Permission(StrEnum):
    """What a route asks for."""

    CAMPAIGNS_READ = "campaigns.read"
    CAMPAIGNS_WRITE = "campaigns.write"
    CAMPAIGNS_PUBLISH = "campaigns.publish"
    CATALOG_READ = "catalog.read"
    CATALOG_WRITE = "catalog.write"
    MEMBERS_READ = "members.read"
    ORDERS_OWN = "orders.own"
    ORDERS_READ = "orders.read"
    PROFILE_OWN = "profile.own"
    PICKUP_WRITE = "pickup.write"
    REDEMPTIONS_WRITE = "redemptions.write"
    CONFLICTS_READ = "redemptions.conflicts"


WRITES = frozenset(
    {
        Permission.CAMPAIGNS_WRITE,
        Permission.CAMPAIGNS_PUBLISH,
        Permission.CATALOG_WRITE,
        Permission.PICKUP_WRITE,
        Permission.REDEMPTIONS_WRITE,
    }
)
"""Who writes, writes for the one street union that the account belongs to; others above it only look."""

_EVERYBODY = {Permission.PROFILE_OWN, Permission.CAMPAIGNS_READ, Permission.CATALOG_READ}
_DESK = _EVERYBODY | {Permission.REDEMPTIONS_WRITE, Permission.CONFLICTS_READ}
_OVERSIGHT = _EVERYBODY | {Permission.ORDERS_READ, Permission.MEMBERS_READ, Permission.CONFLICTS_READ}

GRANTS: dict[Role, frozenset[Permission]] = {
    Role.MEMBER: frozenset(_EVERYBODY | {Permission.ORDERS_OWN}),
    Role.STATION_CLERK: frozenset(_DESK),
    Role.UNION_OFFICER: frozenset(
        _DESK | _OVERSIGHT | {Permission.CAMPAIGNS_WRITE, Permission.CATALOG_WRITE, Permission.PICKUP_WRITE}
    ),
    Role.WAREHOUSE_KEEPER: frozenset(_EVERYBODY),
    Role.CHAIR: frozenset(_OVERSIGHT | {Permission.CAMPAIGNS_PUBLISH}),
    Role.AUDITOR: frozenset(_OVERSIGHT),
    Role.DISTRICT_VIEWER: frozenset(_EVERYBODY),
}


def may(role: Role, permission: Permission) -> bool:
    """Return whether the role has the permission."""
    return permission in GRANTS[role]
