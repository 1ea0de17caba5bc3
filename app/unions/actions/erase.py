"""Erasing who a member is; the row stays, so that orders and hand-overs still add up."""

from datetime import datetime
from typing import Any
from uuid import UUID

from app.access.vault import UnionKeys
from app.platform.ids import new_id
from app.unions.rules import ERASED_NUMBER, MemberStatus
from app.unions.tables import Member, Particulars, seal_particulars

NAMELESS = "已注销"


def erase_particulars(keys: UnionKeys, member: Member, *, now: datetime) -> None:
    """Take name, mobile, last four and member number from a row (PIPL article 47); the unit stays."""
    for column, value in _nobody(keys, member.id, now=now).items():
        setattr(member, column, value)


def stand_in_row(keys: UnionKeys, unit_id: UUID, *, now: datetime) -> dict[str, Any]:
    """Return the row of a nobody of a unit, who takes a member's place in an order whose time is over."""
    id = new_id()
    nobody = _nobody(keys, id, now=now)
    return nobody | {
        "id": id,
        "union_id": keys.union_id,
        "unit_id": unit_id,
        "is_senior_mode": False,
        "is_sample": False,
        "created_at": now,
    }


def _nobody(keys: UnionKeys, member_id: UUID, *, now: datetime) -> dict[str, Any]:
    return seal_particulars(keys, member_id, particulars=Particulars(NAMELESS)) | {
        "number": f"{ERASED_NUMBER}{member_id.hex}",
        "name_rank": 0,
        "status": MemberStatus.LEFT.value,
        "erased_at": now,
    }
