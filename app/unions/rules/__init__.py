"""Decisions about unions and members: levels and states; masks, names and numbers in the files beside."""

from enum import StrEnum

from app.unions.rules.masks import Audience, mask_id_last4, mask_mobile, mask_name

__all__ = [
    "ABOVE", "ERASED_NUMBER", "Audience", "Level", "MemberStatus", "mask_id_last4", "mask_mobile",
    "mask_name",
]  # fmt: skip


class Level(StrEnum):
    """Where a union stands in the tree (工会法 article 10)."""

    NATIONAL = "national"
    MUNICIPAL = "municipal"
    DISTRICT = "district"
    STREET = "street"
    GRASSROOTS = "grassroots"
    GROUP = "group"


class MemberStatus(StrEnum):
    """The state of a membership record (会籍)."""

    ACTIVE = "active"
    RETAINED = "retained"
    TRANSFERRED_OUT = "transferred_out"
    LEFT = "left"


ERASED_NUMBER = "erased-"
"""How the number of nobody begins: of who was erased, or stands in for them; no file may give one."""

ABOVE = {
    Level.MUNICIPAL: Level.NATIONAL,
    Level.DISTRICT: Level.MUNICIPAL,
    Level.STREET: Level.DISTRICT,
    Level.GRASSROOTS: Level.STREET,
    Level.GROUP: Level.GRASSROOTS,
}
