"""What others may see of a name and of numbers: never more than they need to tell people apart."""

from enum import StrEnum

_SEPARATOR = "·"
_ID_LENGTH = 18
_LAST = 4


class Audience(StrEnum):
    """Who looks: staff who must tell people of one surname apart, or anybody (notices, lists of a draw)."""

    STAFF = "staff"
    PUBLIC = "public"


def mask_name(name: str, audience: Audience = Audience.STAFF) -> str:
    """Return a name as others may see it; counted in code points, so that characters beyond the basic plane
    stay whole (民委发〔2016〕33号 on U+00B7).

    Staff see the first character and, of longer names, the last: 张伟 → 张*, 张三丰 → 张*丰,
    欧阳静怡 → 欧**怡,
    阿依古丽·买买提 → 阿**丽·***. Everybody else sees the first one: 张**, 欧***, 阿***·***.
    """
    head, *rest = name.split(_SEPARATOR)
    first = _public(head) if audience is Audience.PUBLIC else _staff(head, is_alone=not rest)
    return _SEPARATOR.join([first, *("*" * len(part) for part in rest)])


def _public(head: str) -> str:
    return head[:1] + "*" * (len(head) - 1) if len(head) > 1 else "*"


def _staff(head: str, *, is_alone: bool) -> str:
    if len(head) <= 1:
        return head if is_alone else "*"
    if len(head) == 2:
        return head[0] + "*"
    return head[0] + "*" * (len(head) - 2) + head[-1]


def mask_mobile(mobile: str | None) -> str | None:
    """Return a mobile number as 138****8000, or None."""
    if mobile is None:
        return None
    return mobile[:3] + "*" * max(0, len(mobile) - 7) + mobile[-_LAST:]


def mask_id_last4(last4: str | None) -> str | None:
    """Return the last four characters of an identity number in their place: **************002X; or None."""
    return None if last4 is None else "*" * (_ID_LENGTH - _LAST) + last4
