"""Unions, members and staff accounts."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import String

from app.access.policy import STAFF_ROLES, UNIT_ROLES
from app.access.rotation import declare_sealed
from app.access.scope import UnionOwned, UnitOwned
from app.access.vault import Place, UnionKeys
from app.platform.database import Base
from app.unions.rules import ABOVE, Level, MemberStatus
from app.unions.rules.looks import RevealReason
from app.unions.rules.names import folded_name


def one_of(column: str, values: Iterable[str]) -> str:
    """Return the SQL text of a CHECK that a column holds one of the values, such as an enumeration's."""
    listed = ",".join(f"'{value}'" for value in values)
    return f"{column} IN ({listed})"


_PARENTS = " OR ".join(
    ["(level = 'national' AND parent_level IS NULL)"]
    + [f"(level = '{level}' AND parent_level = '{above}')" for level, above in ABOVE.items()]
)


class Union(Base):
    """A trade union organisation, from the national federation to a group at a workplace.

    A street union is a tenant: `number` (1 to 65535) stands for it in pickup codes.
    """

    __tablename__ = "unions"
    __table_args__ = (
        CheckConstraint(one_of("level", Level), name="level_known"),
        CheckConstraint(f"coalesce({_PARENTS}, false)", name="parent_one_level_above"),
        CheckConstraint("(parent_id IS NULL) = (level = 'national')", name="only_the_top_has_no_parent"),
        CheckConstraint("(number IS NULL) = (level <> 'street')", name="street_unions_have_numbers"),
        CheckConstraint("number BETWEEN 1 AND 65535", name="number_fits_the_code"),
        CheckConstraint(
            "(street_id IS NULL) = (level IN ('national','municipal','district'))", name="street_known"
        ),
        CheckConstraint("level <> 'street' OR street_id = id", name="a_street_is_its_own"),
        UniqueConstraint("id", "level"),
        UniqueConstraint("street_id", "id"),
        ForeignKeyConstraint(["parent_id", "parent_level"], ["unions.id", "unions.level"]),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    level: Mapped[str]
    kind: Mapped[str | None]
    parent_id: Mapped[UUID | None] = mapped_column(index=True)
    parent_level: Mapped[str | None]
    street_id: Mapped[UUID | None]
    number: Mapped[int | None] = mapped_column(unique=True)
    division_code: Mapped[str | None] = mapped_column(ForeignKey("divisions.code"))
    hotline: Mapped[str | None]
    is_sample: Mapped[bool] = mapped_column(default=False)


class Member(UnitOwned, Base):
    """A union member; `unit_id` is the grassroots union or group, `union_id` its street union.

    Name, mobile number and the last four of the identity number are sealed: `seal_particulars` and
    `open_particulars` are the only way in and out. An `*_index` finds equal contents within the union,
    `name_rank` is the place of the name in the order of pinyin and says nothing of it (ADR 0015).
    """

    __tablename__ = "members"
    __table_args__ = (
        CheckConstraint(one_of("status", MemberStatus), name="status_known"),
        CheckConstraint("octet_length(name_sealed) BETWEEN 31 AND 230", name="name_is_sealed"),
        CheckConstraint("octet_length(mobile_sealed) = 41", name="mobile_is_sealed"),
        CheckConstraint("octet_length(id_last4_sealed) = 34", name="id_last4_is_sealed"),
        CheckConstraint("octet_length(name_index) = 16", name="name_index_length"),
        CheckConstraint("octet_length(mobile_index) = 16", name="mobile_index_length"),
        CheckConstraint("(mobile_sealed IS NULL) = (mobile_index IS NULL)", name="mobile_is_indexed"),
        CheckConstraint(
            "erased_at IS NULL OR (status = 'left' AND mobile_sealed IS NULL AND id_last4_sealed IS NULL)",
            name="erased_is_empty",
        ),
        Index("ix_members_mobile_index", "mobile_index"),
        Index("ix_members_union_id_name_index", "union_id", "name_index"),
        Index("ix_members_union_id_name_rank_id", "union_id", "name_rank", "id"),
        UniqueConstraint("union_id", "number"),
        UniqueConstraint("union_id", "id"),
        ForeignKeyConstraint(["union_id", "unit_id"], ["unions.street_id", "unions.id"]),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    unit_id: Mapped[UUID] = mapped_column(index=True)
    number: Mapped[str]
    name_sealed: Mapped[bytes]
    name_index: Mapped[bytes]
    name_rank: Mapped[int] = mapped_column(BigInteger, server_default=sql("0"))
    mobile_sealed: Mapped[bytes | None]
    mobile_index: Mapped[bytes | None]
    id_last4_sealed: Mapped[bytes | None]
    status: Mapped[str]
    is_senior_mode: Mapped[bool] = mapped_column(default=False)
    is_sample: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]
    erased_at: Mapped[datetime | None]


declare_sealed(Member, {"name_sealed": "name", "mobile_sealed": "mobile", "id_last4_sealed": "id_last4"})


@dataclass(frozen=True, slots=True)
class Particulars:
    """What of a member is sealed, open and normalised: see `rules.names` and `rules.numbers`."""

    name: str
    mobile: str | None = None
    id_last4: str | None = None


def seal_particulars(keys: UnionKeys, member_id: UUID, *, particulars: Particulars) -> dict[str, Any]:
    """Return the values of all columns that keep a member's particulars, but for `name_rank`.

    They are good for this member of this union only. Costs about 20 µs.
    """
    name, mobile, last4 = particulars.name, particulars.mobile, particulars.id_last4
    return {
        "name_sealed": keys.seal(Place("members", "name", member_id), name),
        "name_index": index_of_name(keys, name),
        "mobile_sealed": mobile and keys.seal(Place("members", "mobile", member_id), mobile),
        "mobile_index": mobile and keys.index("mobile", mobile),
        "id_last4_sealed": last4 and keys.seal(Place("members", "id_last4", member_id), last4),
    }


def open_particulars(keys: UnionKeys, member: Member) -> Particulars:
    """Return a member's particulars; raises Sealed when a value belongs elsewhere or its key is destroyed."""
    id = member.id
    mobile, last4 = member.mobile_sealed, member.id_last4_sealed
    return Particulars(
        name=open_name(keys, id, sealed=member.name_sealed),
        mobile=None if mobile is None else keys.open(Place("members", "mobile", id), mobile),
        id_last4=None if last4 is None else keys.open(Place("members", "id_last4", id), last4),
    )


def open_name(keys: UnionKeys, member_id: UUID, *, sealed: bytes) -> str:
    """Return a member's name from its column alone; raises Sealed."""
    return keys.open(Place("members", "name", member_id), sealed)


def index_of_name(keys: UnionKeys, name: str) -> bytes:
    """Return the blind index under which members of one name, however it is written, are found."""
    return keys.index("name", folded_name(name))


class StaffAccount(UnionOwned, Base):
    """A person who works for a union: one role at one union or unit; disabled, never deleted.

    `member_id` is who the person is in the roster of the street: nobody hands their own order over.
    `unit_id` is the unit of an account that sees one unit only. An account, and a change of its role
    (`pending_role`), is drafted by one administrator and counts when another has approved it.
    """

    __tablename__ = "staff_accounts"
    __table_args__ = (
        CheckConstraint(one_of("role", STAFF_ROLES), name="role_known"),
        CheckConstraint(
            f"({one_of('role', sorted(UNIT_ROLES))}) = (unit_id IS NOT NULL)", name="unit_roles_have_a_unit"
        ),
        UniqueConstraint("union_id", "id"),
        ForeignKeyConstraint(["union_id", "unit_id"], ["unions.street_id", "unions.id"]),
        CheckConstraint("login ~ '^[a-z0-9][a-z0-9-]{2,39}$'", name="login_form"),
        ForeignKeyConstraint(["union_id", "member_id"], ["members.union_id", "members.id"]),
        CheckConstraint("approved_by IS NULL OR approved_by <> drafted_by", name="two_people"),
        CheckConstraint("drafted_by IS NULL OR drafted_by <> id", name="nobody_drafts_themselves"),
        CheckConstraint("approved_by IS NULL OR approved_by <> id", name="nobody_approves_themselves"),
        CheckConstraint("approved_by IS NULL OR approved_at IS NOT NULL", name="approved_has_a_time"),
        CheckConstraint("pending_role NOT IN ('member', 'pickup_device')", name="pending_role_known"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    union_id: Mapped[UUID] = mapped_column(ForeignKey("unions.id"), index=True)
    login: Mapped[str] = mapped_column(unique=True)
    display_name: Mapped[str]
    role: Mapped[str]
    unit_id: Mapped[UUID | None]
    member_id: Mapped[UUID | None]
    pending_role: Mapped[str | None]
    drafted_by: Mapped[UUID | None] = mapped_column(ForeignKey("staff_accounts.id"))
    approved_by: Mapped[UUID | None] = mapped_column(ForeignKey("staff_accounts.id"))
    approved_at: Mapped[datetime | None]
    disabled_at: Mapped[datetime | None]
    is_sample: Mapped[bool] = mapped_column(default=False)


class Reveal(UnionOwned, Base):
    """One look at unmasked data; never changed. The member reads it; the note is sealed."""

    __tablename__ = "reveals"
    __table_args__ = (
        CheckConstraint(one_of("reason", RevealReason), name="reason_known"),
        CheckConstraint("cardinality(fields) > 0", name="something_was_seen"),
        ForeignKeyConstraint(["union_id", "member_id"], ["members.union_id", "members.id"]),
        Index("ix_reveals_member_id_id", "member_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    member_id: Mapped[UUID]
    staff_id: Mapped[UUID]
    role: Mapped[str]
    fields: Mapped[list[str]] = mapped_column(ARRAY(String))
    reason: Mapped[str]
    note_sealed: Mapped[bytes | None]
    revealed_at: Mapped[datetime]


declare_sealed(Reveal, {"note_sealed": "note"})
