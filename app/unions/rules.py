"""Decisions about unions and members: levels, masking of names and numbers."""

from enum import StrEnum


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


ABOVE = {
    Level.MUNICIPAL: Level.NATIONAL,
    Level.DISTRICT: Level.MUNICIPAL,
    Level.STREET: Level.DISTRICT,
    Level.GRASSROOTS: Level.STREET,
    Level.GROUP: Level.GRASSROOTS,
}


def mask_name(name: str) -> str:
    """Return a name as the pickup desk may see it: first character and, of long names, the last.

    张伟 → 张*, 张三丰 → 张*丰, 欧阳静怡 → 欧**怡, 阿依古丽·买买提 → 阿**丽·***; counted in code
    points, so that characters beyond the basic plane stay whole (民委发〔2016〕33号 on U+00B7).
    """
    head, *rest = name.split("·")
    if len(head) <= 1:
        masked = "*" if rest else head
    elif len(head) == 2:
        masked = head[0] + "*"
    else:
        masked = head[0] + "*" * (len(head) - 2) + head[-1]
    return "·".join([masked, *("*" * len(part) for part in rest)])


def mask_mobile(mobile: str | None) -> str | None:
    """Return a mobile number as 138****8000, or None."""
    if mobile is None:
        return None
    return mobile[:3] + "*" * max(0, len(mobile) - 7) + mobile[-4:]
