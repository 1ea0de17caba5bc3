"""Divisions, partner regions, places in them, cooperatives."""

from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, String, UniqueConstraint
from sqlalchemy.dialects.postgresql import ARRAY
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
    """A county that street unions support (帮扶地区).

    `kind` and `aliases` are words of their time (鄂伦春旗: 鄂伦春自治旗); `lists` are public lists it is on.
    The years are those of the pairing, as far as they are known.
    """

    __tablename__ = "partner_regions"
    __table_args__ = (
        CheckConstraint("paired_from_year BETWEEN 1949 AND 2100", name="from_year_in_range"),
        CheckConstraint("paired_until_year BETWEEN 1949 AND 2100", name="until_year_in_range"),
        CheckConstraint("paired_until_year >= paired_from_year", name="pairing_ends_later"),
        CheckConstraint("cardinality(aliases) <= 10 AND cardinality(lists) <= 10", name="lists_are_short"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    division_code: Mapped[str] = mapped_column(ForeignKey("divisions.code"), unique=True)
    name: Mapped[str]
    province: Mapped[str]
    prefecture: Mapped[str]
    kind: Mapped[str]
    aliases: Mapped[list[str]] = mapped_column(ARRAY(String), default=list, server_default="{}")
    lists: Mapped[list[str]] = mapped_column(ARRAY(String), default=list, server_default="{}")
    paired_from_year: Mapped[int | None]
    paired_until_year: Mapped[int | None]


class Place(Base):
    """A township or village of a partner region that something comes from or went to.

    `code` is empty where the table of divisions has no such place; `note` then says so. Names repeat within a
    county (there are two 团结村 in 鄂伦春自治旗), so the township is always named.
    """

    __tablename__ = "places"
    __table_args__ = (
        CheckConstraint("kind IN ('township','village')", name="kind_known"),
        CheckConstraint("code IS NOT NULL OR note IS NOT NULL", name="without_code_has_a_note"),
        CheckConstraint("(kind = 'village') = (township IS NOT NULL)", name="villages_have_a_township"),
        CheckConstraint(
            "length(code) = CASE kind WHEN 'village' THEN 12 ELSE 9 END", name="code_of_its_kind"
        ),
        CheckConstraint("length(township_code) = 9", name="township_code_form"),
        UniqueConstraint("code"),
        UniqueConstraint("region_id", "id"),
        UniqueConstraint("region_id", "township", "name", postgresql_nulls_not_distinct=True),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    region_id: Mapped[UUID] = mapped_column(ForeignKey("partner_regions.id"))
    kind: Mapped[str]
    name: Mapped[str]
    township: Mapped[str | None]
    code: Mapped[str | None] = mapped_column(ForeignKey("divisions.code"))
    township_code: Mapped[str | None] = mapped_column(ForeignKey("divisions.code"))
    note: Mapped[str | None]


class Cooperative(Base):
    """A cooperative (合作社) of a partner region; the public sees its name only where that is agreed."""

    __tablename__ = "cooperatives"
    __table_args__ = (
        CheckConstraint(
            "credit_code ~ '^[0-9A-HJ-NPQRTUWXY]{2}[0-9]{6}[0-9A-HJ-NPQRTUWXY]{10}$'", name="credit_code_form"
        ),
        UniqueConstraint("credit_code"),
        UniqueConstraint("region_id", "name"),
        ForeignKeyConstraint(["region_id", "place_id"], ["places.region_id", "places.id"]),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    region_id: Mapped[UUID] = mapped_column(ForeignKey("partner_regions.id"))
    place_id: Mapped[UUID | None]
    name: Mapped[str]
    credit_code: Mapped[str | None]
    """统一社会信用代码 (GB 32100-2015)"""
    is_name_public: Mapped[bool] = mapped_column(default=False, server_default="false")
    is_sample: Mapped[bool] = mapped_column(default=False, server_default="false")
