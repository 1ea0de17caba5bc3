"""Campaigns and offers."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import String

from app.access.scope import UnionOwned
from app.campaigns.rules import Allocation, Stage
from app.platform.database import Base
from app.unions.rules import MemberStatus
from app.unions.tables import one_of


class Campaign(UnionOwned, Base):
    """A benefit campaign of a street union (普惠活动): its windows and rules."""

    __tablename__ = "campaigns"
    __table_args__ = (
        CheckConstraint(one_of("stage", Stage), name="stage_known"),
        CheckConstraint(one_of("allocation", Allocation), name="allocation_known"),
        CheckConstraint("per_member_limit BETWEEN 1 AND 20", name="limit_in_range"),
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
        CheckConstraint("(stage = 'draft') = (published_at IS NULL)", name="published_when_not_draft"),
        CheckConstraint("published_by IS NULL OR published_by <> drafted_by", name="two_people"),
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
    order_opens_at: Mapped[datetime]
    order_closes_at: Mapped[datetime]
    pickup_from: Mapped[date]
    pickup_until: Mapped[date]
    early_minutes: Mapped[int]
    late_minutes: Mapped[int]
    drafted_by: Mapped[UUID | None] = mapped_column(ForeignKey("staff_accounts.id"))
    published_by: Mapped[UUID | None] = mapped_column(ForeignKey("staff_accounts.id"))
    published_at: Mapped[datetime | None]
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
