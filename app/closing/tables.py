"""Closings."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import Uuid

from app.access.scope import UnionOwned
from app.closing.rules.states import STANDING, ClosingStatus
from app.platform.database import Base
from app.unions.tables import one_of

_STANDING = ",".join(f"'{status}'" for status in sorted(STANDING))


class Closing(UnionOwned, Base):
    """The figures of a campaign at its end: prepared by one person, sealed by another, then never changed.

    `digest` is the SHA-256 of `figures` in their canonical form, which name units and lots and no people.
    `people` is what each member counted as (unit, outcome, boxes by member's id), kept only until the seal
    has been compared with it. `event_ids` are the hand-overs that the sealed papers list: what is none of
    them came later. `acknowledged_event_ids` are reports of devices that belong to no order, looked into.
    """

    __tablename__ = "closings"
    __table_args__ = (
        CheckConstraint(one_of("status", ClosingStatus), name="status_known"),
        CheckConstraint("octet_length(digest) = 32", name="digest_is_sha256"),
        CheckConstraint("char_length(note) <= 500", name="note_length"),
        CheckConstraint("sealed_by <> prepared_by", name="two_people"),
        CheckConstraint("num_nonnulls(sealed_by, sealed_at) IN (0, 2)", name="sealed_has_a_time"),
        CheckConstraint("(status = 'sealed') = (sealed_at IS NOT NULL)", name="sealed_when_it_says_so"),
        CheckConstraint("(status = 'withdrawn') = (withdrawn_at IS NOT NULL)", name="withdrawn_has_a_time"),
        CheckConstraint("(status = 'prepared') = (people IS NOT NULL)", name="people_until_the_seal"),
        UniqueConstraint("union_id", "id"),
        Index(
            "uq_closings_one_standing",
            "campaign_id",
            unique=True,
            postgresql_where=text(f"status IN ({_STANDING})"),
        ),
        ForeignKeyConstraint(["union_id", "campaign_id"], ["campaigns.union_id", "campaigns.id"]),
        ForeignKeyConstraint(["union_id", "prepared_by"], ["staff_accounts.union_id", "staff_accounts.id"]),
        ForeignKeyConstraint(["union_id", "withdrawn_by"], ["staff_accounts.union_id", "staff_accounts.id"]),
        ForeignKeyConstraint(["union_id", "sealed_by"], ["staff_accounts.union_id", "staff_accounts.id"]),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    campaign_id: Mapped[UUID]
    status: Mapped[str]
    figures: Mapped[dict[str, Any]]
    digest: Mapped[bytes]
    people: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    event_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid), default=list, server_default="{}")
    acknowledged_event_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid), default=list, server_default="{}")
    note: Mapped[str | None]
    prepared_by: Mapped[UUID]
    prepared_at: Mapped[datetime]
    withdrawn_by: Mapped[UUID | None]
    withdrawn_at: Mapped[datetime | None]
    sealed_by: Mapped[UUID | None]
    sealed_at: Mapped[datetime | None]
