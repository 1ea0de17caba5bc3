"""The way of a closing."""

from enum import StrEnum


class ClosingStatus(StrEnum):
    """From `prepared` to `sealed` for good, or `withdrawn`."""

    PREPARED = "prepared"
    WITHDRAWN = "withdrawn"
    SEALED = "sealed"


STANDING = frozenset({ClosingStatus.PREPARED, ClosingStatus.SEALED})
"""A campaign has one closing at most in one of these."""
