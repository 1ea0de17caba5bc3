"""Which members sign in by themselves."""

MAY_NOT = frozenset({"left", "transferred_out", "erased"})
"""Who has left holds no session (`access/reader.py` ends it): the desk tells them what is kept."""


def may_sign_in(status: str) -> bool:
    """Return whether a member with this status of membership is let in."""
    return status not in MAY_NOT
