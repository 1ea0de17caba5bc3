"""Campaigns and offers; who is on a campaign's list, individual exceptions, corrections asked for."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import String, Uuid

from app.access.rotation import declare_sealed
from app.access.scope import UnionOwned, UnitOwned
from app.campaigns.rules import (
    STANDING_EXCEPTIONS,
    WAIVABLE,
    Allocation,
    CampaignKind,
    CorrectionField,
    CorrectionStatus,
    ExceptionReason,
    ExceptionStatus,
    Stage,
)
from app.platform.database import Base
from app.unions.rules import MemberStatus
from app.unions.tables import one_of

_STANDING = ",".join(f"'{status}'" for status in sorted(STANDING_EXCEPTIONS))
_WAIVABLE = ",".join(f"'{rule}'" for rule in sorted(WAIVABLE))


class Campaign(UnionOwned, Base):
    """A benefit campaign of a street union (普惠活动): its windows and rules."""

    __tablename__ = "campaigns"
    __table_args__ = (
        CheckConstraint(one_of("stage", Stage), name="stage_known"),
        CheckConstraint(one_of("allocation", Allocation), name="allocation_known"),
        CheckConstraint("per_member_limit BETWEEN 1 AND 20", name="limit_in_range"),
        CheckConstraint("retention_days BETWEEN 30 AND 1095", name="retention_in_range"),
        CheckConstraint("order_closes_at > order_opens_at", name="orders_close_later"),
        CheckConstraint("pickup_until >= pickup_from", name="pickup_ends_later"),
        CheckConstraint(
            "early_minutes BETWEEN 0 AND 1440 AND late_minutes BETWEEN 0 AND 1440", name="grace_in_range"
        ),
        CheckConstraint(
            "eligible_statuses <@ ARRAY["
            + ",".join(f"'{status}'" for status in MemberStatus)
            + "]::varchar[] AND cardinality(eligible_statuses) > 0",
            name="statuses_known",
        ),
        CheckConstraint("not_received_months BETWEEN 1 AND 36", name="months_in_range"),
        CheckConstraint("cardinality(eligible_unit_ids) <= 200", name="units_not_too_many"),
        CheckConstraint("cardinality(not_received_campaign_ids) <= 50", name="campaigns_not_too_many"),
        CheckConstraint("(stage = 'draft') = (published_at IS NULL)", name="published_when_not_draft"),
        CheckConstraint("published_by IS NULL OR published_by <> drafted_by", name="two_people"),
        CheckConstraint(one_of("kind", CampaignKind), name="kind_known"),
        UniqueConstraint("union_id", "id"),
        Index("ix_campaigns_union_id_pickup_from", "union_id", "pickup_from"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    title: Mapped[str]
    stage: Mapped[str]
    allocation: Mapped[str]
    has_waitlist: Mapped[bool]
    per_member_limit: Mapped[int]
    eligible_statuses: Mapped[list[str]] = mapped_column(ARRAY(String))
    eligible_unit_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid), default=list, server_default="{}")
    not_received_months: Mapped[int | None]
    not_received_campaign_ids: Mapped[list[UUID]] = mapped_column(
        ARRAY(Uuid), default=list, server_default="{}"
    )
    is_listed_only: Mapped[bool] = mapped_column(default=False, server_default="false")
    keeps_orders_of_leavers: Mapped[bool] = mapped_column(default=True, server_default="true")
    order_opens_at: Mapped[datetime]
    order_closes_at: Mapped[datetime]
    pickup_from: Mapped[date]
    pickup_until: Mapped[date]
    early_minutes: Mapped[int]
    late_minutes: Mapped[int]
    drafted_by: Mapped[UUID | None] = mapped_column(ForeignKey("staff_accounts.id"))
    published_by: Mapped[UUID | None] = mapped_column(ForeignKey("staff_accounts.id"))
    published_at: Mapped[datetime | None]
    retention_days: Mapped[int] = mapped_column(default=90, server_default=text("90"))
    personal_data_ended_at: Mapped[datetime | None]
    kind: Mapped[str] = mapped_column(default=CampaignKind.GIFT, server_default="gift")
    sealed_at: Mapped[datetime | None]
    """Closed for good: its documents are final, later facts are supplements."""
    version: Mapped[int] = mapped_column(default=1)
    is_sample: Mapped[bool] = mapped_column(default=False)


class Offer(UnionOwned, Base):
    """A gift box at a pickup point, with a quota."""

    __tablename__ = "offers"
    __table_args__ = (
        CheckConstraint("quota BETWEEN 0 AND 1000000", name="quota_in_range"),
        CheckConstraint("promised_count BETWEEN 0 AND quota", name="never_oversold"),
        CheckConstraint("waitlisted_count >= 0", name="waitlisted_not_negative"),
        UniqueConstraint("campaign_id", "gift_box_id", "pickup_point_id"),
        UniqueConstraint("union_id", "campaign_id", "pickup_point_id", "id"),
        ForeignKeyConstraint(["union_id", "campaign_id"], ["campaigns.union_id", "campaigns.id"]),
        ForeignKeyConstraint(["union_id", "gift_box_id"], ["gift_boxes.union_id", "gift_boxes.id"]),
        ForeignKeyConstraint(["union_id", "pickup_point_id"], ["pickup_points.union_id", "pickup_points.id"]),
        {"postgresql_with": {"fillfactor": "50"}},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    campaign_id: Mapped[UUID]
    gift_box_id: Mapped[UUID]
    pickup_point_id: Mapped[UUID]
    quota: Mapped[int]
    promised_count: Mapped[int] = mapped_column(default=0)
    waitlisted_count: Mapped[int] = mapped_column(default=0)
    version: Mapped[int] = mapped_column(default=1)


class ListEntry(UnionOwned, Base):
    """A member on the list of a campaign that only listed members may order in."""

    __tablename__ = "campaign_list_entries"
    __table_args__ = (
        ForeignKeyConstraint(["union_id", "campaign_id"], ["campaigns.union_id", "campaigns.id"]),
        ForeignKeyConstraint(["union_id", "member_id"], ["members.union_id", "members.id"]),
        Index("ix_campaign_list_entries_member_id", "member_id"),
    )

    campaign_id: Mapped[UUID] = mapped_column(primary_key=True)
    member_id: Mapped[UUID] = mapped_column(primary_key=True)
    added_by: Mapped[UUID | None]
    added_at: Mapped[datetime]


class EligibilityException(UnitOwned, Base):
    """One member may order in one campaign although some of its rules are against it.

    `reason` and `evidence` are words about a person and sealed. Two people: who asks does not approve.
    """

    __tablename__ = "eligibility_exceptions"
    __table_args__ = (
        CheckConstraint(one_of("status", ExceptionStatus), name="status_known"),
        CheckConstraint(one_of("reason_code", ExceptionReason), name="reason_known"),
        CheckConstraint(
            f"rules <@ ARRAY[{_WAIVABLE}]::varchar[] AND cardinality(rules) > 0", name="rules_waivable"
        ),
        CheckConstraint("status <> 'approved' OR decided_by <> requested_by", name="two_people"),
        CheckConstraint("(status = 'pending') = (decided_at IS NULL)", name="decided_has_a_time"),
        CheckConstraint("(decided_by IS NULL) = (decided_at IS NULL)", name="decided_by_somebody"),
        Index(
            "uq_eligibility_exceptions_one_standing",
            "campaign_id",
            "member_id",
            unique=True,
            postgresql_where=text(f"status IN ({_STANDING})"),
        ),
        Index("ix_eligibility_exceptions_member_id", "member_id"),
        Index("ix_eligibility_exceptions_union_id_id", "union_id", "id"),
        ForeignKeyConstraint(["union_id", "campaign_id"], ["campaigns.union_id", "campaigns.id"]),
        ForeignKeyConstraint(["union_id", "member_id"], ["members.union_id", "members.id"]),
        ForeignKeyConstraint(["union_id", "unit_id"], ["unions.street_id", "unions.id"]),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    unit_id: Mapped[UUID]
    campaign_id: Mapped[UUID]
    member_id: Mapped[UUID]
    rules: Mapped[list[str]] = mapped_column(ARRAY(String))
    reason_code: Mapped[str]
    reason: Mapped[bytes | None]
    evidence: Mapped[bytes | None]
    status: Mapped[str]
    requested_by: Mapped[UUID] = mapped_column(ForeignKey("staff_accounts.id"))
    requested_at: Mapped[datetime]
    decided_by: Mapped[UUID | None] = mapped_column(ForeignKey("staff_accounts.id"))
    decided_at: Mapped[datetime | None]


declare_sealed(EligibilityException, {"reason": "reason", "evidence": "evidence"})


class CorrectionRequest(UnitOwned, Base):
    """A member says that their record is wrong; the administrator of their unit decides.

    `message`, `wished` and `answer` are words about a person and sealed.
    """

    __tablename__ = "correction_requests"
    __table_args__ = (
        CheckConstraint(one_of("field", CorrectionField), name="field_known"),
        CheckConstraint(one_of("status", CorrectionStatus), name="status_known"),
        CheckConstraint("(status = 'open') = (decided_at IS NULL)", name="decided_has_a_time"),
        CheckConstraint("(decided_by IS NULL) = (decided_at IS NULL)", name="decided_by_somebody"),
        Index("ix_correction_requests_member_id_id", "member_id", "id"),
        Index("ix_correction_requests_union_id_status_id", "union_id", "status", "id"),
        ForeignKeyConstraint(["union_id", "campaign_id"], ["campaigns.union_id", "campaigns.id"]),
        ForeignKeyConstraint(["union_id", "member_id"], ["members.union_id", "members.id"]),
        ForeignKeyConstraint(["union_id", "unit_id"], ["unions.street_id", "unions.id"]),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    unit_id: Mapped[UUID]
    member_id: Mapped[UUID]
    campaign_id: Mapped[UUID | None]
    field: Mapped[str]
    status: Mapped[str]
    message: Mapped[bytes | None]
    wished: Mapped[bytes | None]
    answer: Mapped[bytes | None]
    filed_at: Mapped[datetime]
    due_on: Mapped[date]
    decided_by: Mapped[UUID | None] = mapped_column(ForeignKey("staff_accounts.id"))
    decided_at: Mapped[datetime | None]


declare_sealed(CorrectionRequest, {name: name for name in ("message", "wished", "answer")})
