"""Divisions and partner regions."""

from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from app.platform.database import Base


class Division(Base):
    """A province, prefecture, county, township or community with its code."""

    __tablename__ = "divisions"
    __table_args__ = (
        CheckConstraint("code ~ '^([0-9]{6}|[0-9]{9}|[0-9]{12})$'", name="code_form"),
        CheckConstraint(
            "level IN ('province','prefecture','county','township','community')", name="level_known"
        ),
        CheckConstraint("(level = 'province') = (parent_code IS NULL)", name="only_provinces_have_no_parent"),
    )

    code: Mapped[str] = mapped_column(String(12), primary_key=True)
    name: Mapped[str]
    level: Mapped[str]
    parent_code: Mapped[str | None] = mapped_column(ForeignKey("divisions.code"))


class PartnerRegion(Base):
    """A county that street unions support (帮扶地区)."""

    __tablename__ = "partner_regions"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    division_code: Mapped[str] = mapped_column(ForeignKey("divisions.code"), unique=True)
    name: Mapped[str]
    province: Mapped[str]
    prefecture: Mapped[str]
    kind: Mapped[str]
