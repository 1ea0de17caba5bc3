"""Roles and what each may do: the one table (roles of the trade: 主席, 专干, 核销员, 保管员, 经审 …).

Sources: 工会法 (2021) article 45 (the audit committee looks, and does not act); GB/T 22239-2019 8.1.4.1 and
8.1.5 (system, security and audit administrators do not hold each other's power); goods and books are kept by
different people (rules of the trade on gifts). Two things are no permission and hold for every role:
who drafts does not approve, and nobody hands their own order over.
"""

from enum import StrEnum


class Role(StrEnum):
    """What somebody is in the union's work; `pickup_device` is a paired device without a clerk."""

    MEMBER = "member"
    GROUP_LEADER = "group_leader"
    GRASSROOTS_ADMIN = "grassroots_admin"
    UNION_OFFICER = "union_officer"
    STATION_CLERK = "station_clerk"
    WAREHOUSE_KEEPER = "warehouse_keeper"
    FINANCE = "finance"
    CHAIR = "chair"
    AUDITOR = "auditor"
    DISTRICT_VIEWER = "district_viewer"
    SYS_ADMIN = "sys_admin"
    SEC_ADMIN = "sec_admin"
    AUDIT_ADMIN = "audit_admin"
    PICKUP_DEVICE = "pickup_device"


UNIT_ROLES = frozenset({Role.GROUP_LEADER, Role.GRASSROOTS_ADMIN})
"""Who sees one unit and the groups below it, and not the whole street."""

STAFF_ROLES = tuple(role for role in Role if role not in {Role.MEMBER, Role.PICKUP_DEVICE})
"""What a staff account can be."""


class Permission(StrEnum):
    """What a route asks for."""

    PROFILE_OWN = "profile.own"
    SESSIONS_OWN = "sessions.own"
    PRIVACY_OWN = "privacy.own"
    CORRECTIONS_OWN = "corrections.own"
    CAMPAIGNS_READ = "campaigns.read"
    CAMPAIGNS_WRITE = "campaigns.write"
    CAMPAIGNS_PUBLISH = "campaigns.publish"
    CATALOG_READ = "catalog.read"
    CATALOG_WRITE = "catalog.write"
    MEMBERS_READ = "members.read"
    MEMBERS_REVEAL = "members.reveal"
    MEMBERS_EXPORT = "members.export"
    MEMBERS_ERASE = "members.erase"
    ROSTER_IMPORT = "roster.import"
    ROSTER_COMMIT = "roster.commit"
    CORRECTIONS_DECIDE = "corrections.decide"
    EXCEPTIONS_READ = "exceptions.read"
    EXCEPTIONS_REQUEST = "exceptions.request"
    EXCEPTIONS_APPROVE = "exceptions.approve"
    ORDERS_OWN = "orders.own"
    ORDERS_READ = "orders.read"
    PICKUP_WRITE = "pickup.write"
    REDEMPTIONS_WRITE = "redemptions.write"
    REDEMPTIONS_SYNC = "redemptions.sync"
    CONFLICTS_READ = "redemptions.conflicts"
    DEVICES_READ = "devices.read"
    DEVICES_WRITE = "devices.write"
    DEVICES_USE = "devices.use"
    KEYS_READ = "keys.read"
    KEYS_WITHDRAW = "keys.withdraw"
    STAFF_READ = "staff.read"
    STAFF_WRITE = "staff.write"
    STAFF_APPROVE = "staff.approve"
    RETENTION_READ = "retention.read"
    AUDIT_READ = "audit.read"
    REDEMPTIONS_CORRECT = "redemptions.correct"
    PROCUREMENT_READ = "procurement.read"
    PROCUREMENT_WRITE = "procurement.write"
    PROCUREMENT_APPROVE = "procurement.approve"
    STOCK_READ = "stock.read"
    STOCK_WRITE = "stock.write"
    STOCK_COUNT = "stock.count"
    STOCK_APPROVE = "stock.approve"
    LOTS_RECALL = "lots.recall"
    DOCUMENTS_READ = "documents.read"
    DOCUMENTS_WRITE = "documents.write"
    CLOSING_PREPARE = "closing.prepare"
    CLOSING_SEAL = "closing.seal"
    IMPACT_READ = "impact.read"
    IMPACT_WRITE = "impact.write"
    IMPACT_PUBLISH = "impact.publish"
    FIGURES_READ = "figures.read"
    TARGETS_WRITE = "targets.write"


WRITES = frozenset(
    {
        Permission.CAMPAIGNS_WRITE,
        Permission.CAMPAIGNS_PUBLISH,
        Permission.CATALOG_WRITE,
        Permission.MEMBERS_ERASE,
        Permission.ROSTER_IMPORT,
        Permission.ROSTER_COMMIT,
        Permission.CORRECTIONS_DECIDE,
        Permission.EXCEPTIONS_REQUEST,
        Permission.EXCEPTIONS_APPROVE,
        Permission.PICKUP_WRITE,
        Permission.REDEMPTIONS_WRITE,
        Permission.REDEMPTIONS_SYNC,
        Permission.DEVICES_WRITE,
        Permission.DEVICES_USE,
        Permission.REDEMPTIONS_CORRECT,
        Permission.PROCUREMENT_WRITE,
        Permission.PROCUREMENT_APPROVE,
        Permission.STOCK_WRITE,
        Permission.STOCK_COUNT,
        Permission.STOCK_APPROVE,
        Permission.LOTS_RECALL,
        Permission.DOCUMENTS_WRITE,
        Permission.CLOSING_PREPARE,
        Permission.CLOSING_SEAL,
        Permission.TARGETS_WRITE,
    }
)
"""Who writes, writes for the one street union that the account belongs to; others above it only look."""

STEP_UP = frozenset(
    {
        Permission.MEMBERS_EXPORT,
        Permission.MEMBERS_ERASE,
        Permission.ROSTER_COMMIT,
        Permission.KEYS_WITHDRAW,
        Permission.STAFF_WRITE,
        Permission.STAFF_APPROVE,
        Permission.LOTS_RECALL,
        Permission.DOCUMENTS_WRITE,
        Permission.CLOSING_SEAL,
    }
)
"""What asks a manager for both factors once more (ASVS 5.0 7.5.3): exports, mass changes, keys, accounts."""

_SIGNED_IN = {Permission.PROFILE_OWN, Permission.SESSIONS_OWN}
_EVERYBODY = _SIGNED_IN | {Permission.CAMPAIGNS_READ, Permission.CATALOG_READ}
_DESK = _EVERYBODY | {
    Permission.REDEMPTIONS_WRITE,
    Permission.REDEMPTIONS_SYNC,
    Permission.CONFLICTS_READ,
    Permission.KEYS_READ,
}
_OVERSIGHT = _EVERYBODY | {
    Permission.ORDERS_READ,
    Permission.MEMBERS_READ,
    Permission.MEMBERS_REVEAL,
    Permission.CONFLICTS_READ,
    Permission.EXCEPTIONS_READ,
    Permission.DEVICES_READ,
    Permission.RETENTION_READ,
    Permission.DOCUMENTS_READ,
}
_BOOKS = {
    Permission.PROCUREMENT_READ,
    Permission.STOCK_READ,
    Permission.IMPACT_READ,
    Permission.FIGURES_READ,
}

GRANTS: dict[Role, frozenset[Permission]] = {
    Role.MEMBER: frozenset(
        _EVERYBODY | {Permission.ORDERS_OWN, Permission.PRIVACY_OWN, Permission.CORRECTIONS_OWN}
    ),
    Role.GROUP_LEADER: frozenset(_EVERYBODY | {Permission.MEMBERS_READ}),
    Role.GRASSROOTS_ADMIN: frozenset(
        _EVERYBODY
        | {
            Permission.MEMBERS_READ,
            Permission.MEMBERS_REVEAL,
            Permission.ROSTER_IMPORT,
            Permission.ROSTER_COMMIT,
            Permission.CORRECTIONS_DECIDE,
            Permission.EXCEPTIONS_READ,
            Permission.EXCEPTIONS_REQUEST,
        }
    ),
    Role.UNION_OFFICER: frozenset(
        _DESK
        | _OVERSIGHT
        | _BOOKS
        | {
            Permission.REDEMPTIONS_CORRECT,
            Permission.PROCUREMENT_WRITE,
            Permission.STOCK_WRITE,
            Permission.STOCK_COUNT,
            Permission.LOTS_RECALL,
            Permission.DOCUMENTS_WRITE,
            Permission.CLOSING_PREPARE,
            Permission.IMPACT_WRITE,
            Permission.TARGETS_WRITE,
            Permission.CAMPAIGNS_WRITE,
            Permission.CATALOG_WRITE,
            Permission.PICKUP_WRITE,
            Permission.MEMBERS_EXPORT,
            Permission.MEMBERS_ERASE,
            Permission.ROSTER_IMPORT,
            Permission.ROSTER_COMMIT,
            Permission.CORRECTIONS_DECIDE,
            Permission.EXCEPTIONS_REQUEST,
            Permission.DEVICES_WRITE,
            Permission.STAFF_READ,
        }
    ),
    Role.STATION_CLERK: frozenset(
        _DESK | {Permission.MEMBERS_REVEAL, Permission.STOCK_READ, Permission.STOCK_COUNT}
    ),
    Role.WAREHOUSE_KEEPER: frozenset(
        _EVERYBODY
        | {
            Permission.PROCUREMENT_READ,
            Permission.STOCK_READ,
            Permission.STOCK_WRITE,
            Permission.STOCK_COUNT,
        }
    ),
    Role.FINANCE: frozenset(
        _EVERYBODY
        | _BOOKS
        | {
            Permission.RETENTION_READ,
            Permission.PROCUREMENT_WRITE,
            Permission.DOCUMENTS_READ,
            Permission.DOCUMENTS_WRITE,
            Permission.TARGETS_WRITE,
        }
    ),
    Role.CHAIR: frozenset(
        _OVERSIGHT
        | _BOOKS
        | {
            Permission.CAMPAIGNS_PUBLISH,
            Permission.EXCEPTIONS_APPROVE,
            Permission.PROCUREMENT_APPROVE,
            Permission.STOCK_APPROVE,
            Permission.CLOSING_SEAL,
            Permission.IMPACT_PUBLISH,
        }
    ),
    Role.AUDITOR: frozenset(_OVERSIGHT | _BOOKS | {Permission.AUDIT_READ, Permission.STAFF_READ}),
    Role.DISTRICT_VIEWER: frozenset(_EVERYBODY | {Permission.IMPACT_READ, Permission.FIGURES_READ}),
    Role.SYS_ADMIN: frozenset(_SIGNED_IN | {Permission.STAFF_READ, Permission.STAFF_WRITE}),
    Role.SEC_ADMIN: frozenset(
        _SIGNED_IN
        | {
            Permission.STAFF_READ,
            Permission.STAFF_APPROVE,
            Permission.KEYS_READ,
            Permission.KEYS_WITHDRAW,
            Permission.DEVICES_READ,
        }
    ),
    Role.AUDIT_ADMIN: frozenset(_SIGNED_IN | {Permission.AUDIT_READ, Permission.RETENTION_READ}),
    Role.PICKUP_DEVICE: frozenset(
        {Permission.DEVICES_USE, Permission.KEYS_READ, Permission.REDEMPTIONS_SYNC}
    ),
}


def may(role: Role, permission: Permission) -> bool:
    """Return whether the role has the permission."""
    return permission in GRANTS[role]
