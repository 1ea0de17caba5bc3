"""Unions, members and staff accounts."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.access.policy import Role
from app.access.scope import UnionOwned
from app.platform.database import Base
from app.unions.rules import ABOVE, Level, MemberStatus


def one_of(column: str, values: type) -> str:
    """Return the SQL text of a CHECK that a column holds a value of the enumeration."""
    listed = ",".join(f"'{value}'" for value in values)  # type: ignore[attr-defined]
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


class Member(UnionOwned, Base):
    """A union member; `unit_id` is the grassroots union or group, `union_id` its street union."""

    __tablename__ = "members"
    __table_args__ = (
        CheckConstraint(one_of("status", MemberStatus), name="status_known"),
        CheckConstraint("char_length(name) BETWEEN 1 AND 50", name="name_length"),
        CheckConstraint("mobile ~ '^1[3-9][0-9]{9}$'", name="mobile_form"),
        CheckConstraint("id_last4 ~ '^[0-9]{3}[0-9X]$'", name="id_last4_form"),
        UniqueConstraint("union_id", "number"),
        UniqueConstraint("union_id", "id"),
        ForeignKeyConstraint(["union_id", "unit_id"], ["unions.street_id", "unions.id"]),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    unit_id: Mapped[UUID] = mapped_column(index=True)
    number: Mapped[str]
    name: Mapped[str]
    name_key: Mapped[str]
    mobile: Mapped[str | None]
    id_last4: Mapped[str | None]
    status: Mapped[str]
    is_senior_mode: Mapped[bool] = mapped_column(default=False)
    is_sample: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]


class StaffAccount(Base):
    """A person who works for a union: one role at one union; disabled, never deleted."""

    __tablename__ = "staff_accounts"
    __table_args__ = (
        CheckConstraint(one_of("role", Role) + " AND role <> 'member'", name="role_known"),
        UniqueConstraint("union_id", "id"),
        CheckConstraint("login ~ '^[a-z0-9][a-z0-9-]{2,39}$'", name="login_form"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    union_id: Mapped[UUID] = mapped_column(ForeignKey("unions.id"), index=True)
    login: Mapped[str] = mapped_column(unique=True)
    display_name: Mapped[str]
    role: Mapped[str]
    disabled_at: Mapped[datetime | None]
    is_sample: Mapped[bool] = mapped_column(default=False)
