"""Targets: how much of a union's purchases is to come from partner regions in a year."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from app.access.scope import UnionOwned
from app.platform.database import Base


class AidedTarget(UnionOwned, Base):
    """The share that a union set itself for a year, and of what; nowhere in the service is there another.

    Shares differ from place to place and year to year, so they are settings and never constants. What was
    set before is in the audit log.
    """

    __tablename__ = "aided_targets"
    __table_args__ = (
        CheckConstraint("year BETWEEN 2000 AND 2100", name="year_in_range"),
        CheckConstraint("percent_basis_points BETWEEN 0 AND 10000", name="percent_in_range"),
        CheckConstraint("char_length(basis) BETWEEN 1 AND 200", name="basis_length"),
    )

    union_id: Mapped[UUID] = mapped_column(ForeignKey("unions.id"), primary_key=True)
    year: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    percent_basis_points: Mapped[int]
    """Hundredths of a percent: 3000 is 30 %."""
    basis: Mapped[str]
    """Of what, in words: 节日慰问品采购额."""
    set_by: Mapped[UUID | None] = mapped_column(ForeignKey("staff_accounts.id"))
    set_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1)
    is_sample: Mapped[bool] = mapped_column(default=False, server_default="false")
