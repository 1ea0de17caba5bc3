"""Aid projects, where they are, what came of them; origin cards of lots."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import String

from app.access.scope import UnionOwned
from app.impact.rules.measures import UNITS, Basis, EvidenceKind, Measure, ProjectKind, ProjectStatus, Role
from app.impact.rules.references import LENGTH, SYMBOLS
from app.platform.database import Base
from app.unions.tables import one_of

_UNITS = " OR ".join(
    f"(measure = '{measure}' AND {one_of('unit', sorted(units))})" for measure, units in UNITS.items()
)


class AidProject(UnionOwned, Base):
    """What a union of any level did for a partner region (`union_id` is the sponsor).

    Title, partner and summary are in the words of their year. It is public only when somebody other than who
    drafted or changed it last has published it; a change of it, or of its results, makes it a draft again.
    """

    __tablename__ = "aid_projects"
    __table_args__ = (
        CheckConstraint(one_of("kind", ProjectKind), name="kind_known"),
        CheckConstraint(one_of("status", ProjectStatus), name="status_known"),
        CheckConstraint("since_year BETWEEN 1949 AND 2100", name="since_year_in_range"),
        CheckConstraint("until_year BETWEEN 1949 AND 2100", name="until_year_in_range"),
        CheckConstraint("until_year >= since_year", name="ends_later"),
        CheckConstraint("NOT year_is_inferred OR since_year IS NOT NULL", name="inferred_is_a_year"),
        CheckConstraint(
            "held_on IS NULL OR extract(year FROM held_on) = since_year", name="held_in_its_year"
        ),
        CheckConstraint("cardinality(activities) <= 20", name="activities_not_too_many"),
        CheckConstraint("(status = 'draft') = (published_at IS NULL)", name="published_when_not_draft"),
        CheckConstraint("published_by IS NULL OR published_at IS NOT NULL", name="published_has_a_time"),
        CheckConstraint("published_by IS NULL OR published_by <> drafted_by", name="two_people"),
        CheckConstraint("published_by IS NULL OR published_by <> changed_by", name="not_ones_own_change"),
        UniqueConstraint("union_id", "id"),
        Index("ix_aid_projects_status_id", "status", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    title: Mapped[str]
    kind: Mapped[str]
    partner: Mapped[str | None]
    """With whom: an organisation, never a person."""
    summary: Mapped[str | None]
    activities: Mapped[list[str]] = mapped_column(ARRAY(String), default=list, server_default="{}")
    """What was done without a figure: an agreement signed, a lecture given."""
    since_year: Mapped[int | None]
    until_year: Mapped[int | None]
    held_on: Mapped[date | None]
    year_is_inferred: Mapped[bool] = mapped_column(default=False, server_default="false")
    status: Mapped[str]
    drafted_by: Mapped[UUID | None] = mapped_column(ForeignKey("staff_accounts.id"))
    changed_by: Mapped[UUID | None] = mapped_column(ForeignKey("staff_accounts.id"))
    published_by: Mapped[UUID | None] = mapped_column(ForeignKey("staff_accounts.id"))
    published_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1, server_default="1")
    is_sample: Mapped[bool] = mapped_column(default=False, server_default="false")


class ProjectSite(UnionOwned, Base):
    """A region, and a place in it where that is known, that a project is for."""

    __tablename__ = "aid_project_sites"
    __table_args__ = (
        ForeignKeyConstraint(["union_id", "project_id"], ["aid_projects.union_id", "aid_projects.id"]),
        ForeignKeyConstraint(["region_id", "place_id"], ["places.region_id", "places.id"]),
        Index("ix_aid_project_sites_region_id", "region_id"),
    )

    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    region_id: Mapped[UUID] = mapped_column(ForeignKey("partner_regions.id"))
    place_id: Mapped[UUID | None]


class AidResult(UnionOwned, Base):
    """One figure of a project exactly as it was stated, with the words and what proves it.

    `value` stands alone; a range has both ends, 不足… an upper one only, 上… a lower one only; without any it
    is an outcome in words. Without evidence it is an estimate. `overlap`: they count the same people.
    """

    __tablename__ = "aid_results"
    __table_args__ = (
        CheckConstraint(one_of("measure", Measure), name="measure_known"),
        CheckConstraint(_UNITS, name="unit_of_its_measure"),
        CheckConstraint(one_of("basis", Basis), name="basis_known"),
        CheckConstraint(one_of("role", Role), name="role_known"),
        CheckConstraint(one_of("evidence_kind", EvidenceKind), name="evidence_known"),
        CheckConstraint("value >= 0 AND value <= 1000000000000", name="value_in_range"),
        CheckConstraint("minimum >= 0 AND minimum <= 1000000000000", name="minimum_in_range"),
        CheckConstraint("maximum > 0 AND maximum <= 1000000000000", name="maximum_in_range"),
        CheckConstraint("minimum < maximum", name="range_goes_up"),
        CheckConstraint("value IS NULL OR num_nonnulls(minimum, maximum) = 0", name="value_or_range"),
        CheckConstraint(
            "(measure = 'outcome') = (num_nonnulls(value, minimum, maximum) = 0)", name="words_or_a_figure"
        ),
        CheckConstraint("basis = 'estimated' OR evidence_kind IS NOT NULL", name="no_evidence_no_fact"),
        CheckConstraint(
            "CASE WHEN evidence_kind IS NULL"
            " THEN num_nonnulls(evidence_title, evidence_url, evidence_sha256, evidence_on, evidence_page)"
            " = 0 ELSE evidence_title IS NOT NULL AND num_nonnulls(evidence_url, evidence_sha256) > 0 END",
            name="evidence_is_whole",
        ),
        CheckConstraint("evidence_sha256 ~ '^[0-9a-f]{64}$'", name="evidence_sha256_form"),
        CheckConstraint("evidence_url ~ '^https?://'", name="evidence_url_form"),
        CheckConstraint("char_length(quote) BETWEEN 1 AND 500", name="quote_length"),
        CheckConstraint("year BETWEEN 1949 AND 2100", name="year_in_range"),
        CheckConstraint("NOT year_is_inferred OR year IS NOT NULL", name="inferred_is_a_year"),
        CheckConstraint(
            "stated_on IS NULL OR extract(year FROM stated_on) = year", name="stated_in_its_year"
        ),
        UniqueConstraint("union_id", "id"),
        ForeignKeyConstraint(["union_id", "project_id"], ["aid_projects.union_id", "aid_projects.id"]),
        Index("ix_aid_results_project_id_position", "project_id", "position", unique=True),
        Index("ix_aid_results_union_id_overlap", "union_id", "overlap"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    project_id: Mapped[UUID]
    position: Mapped[int]
    role: Mapped[str]
    measure: Mapped[str]
    unit: Mapped[str]
    subject: Mapped[str | None]
    """What was counted, where the measure leaves it open: which crop, whose income."""
    value: Mapped[int | None] = mapped_column(BigInteger)
    minimum: Mapped[int | None] = mapped_column(BigInteger)
    maximum: Mapped[int | None] = mapped_column(BigInteger)
    basis: Mapped[str]
    quote: Mapped[str]
    year: Mapped[int | None]
    year_is_inferred: Mapped[bool] = mapped_column(default=False, server_default="false")
    stated_on: Mapped[date | None]
    overlap: Mapped[str | None]
    evidence_kind: Mapped[str | None]
    evidence_title: Mapped[str | None]
    evidence_url: Mapped[str | None]
    evidence_sha256: Mapped[str | None]
    evidence_on: Mapped[date | None]
    evidence_page: Mapped[str | None]


class OriginCard(UnionOwned, Base):
    """The public reference of a lot, as on its label; `supplier_shown_by` let the supplier be named."""

    __tablename__ = "origin_cards"
    __table_args__ = (
        CheckConstraint(f"reference ~ '^[{SYMBOLS}]{{{LENGTH}}}$'", name="reference_form"),
        CheckConstraint(
            "(supplier_shown_by IS NULL) = (supplier_shown_at IS NULL)", name="shown_by_somebody"
        ),
        UniqueConstraint("reference"),
        ForeignKeyConstraint(["union_id", "lot_id"], ["lots.union_id", "lots.id"]),
    )

    lot_id: Mapped[UUID] = mapped_column(primary_key=True)
    reference: Mapped[str]
    supplier_shown_by: Mapped[UUID | None] = mapped_column(ForeignKey("staff_accounts.id"))
    supplier_shown_at: Mapped[datetime | None]
    made_at: Mapped[datetime]
