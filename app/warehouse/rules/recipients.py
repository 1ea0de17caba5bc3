"""What became of a recalled lot's boxes, order by order."""

from enum import StrEnum


class RecipientState(StrEnum):
    """Who has boxes of a lot."""

    HOLDS = "holds"
    GAVE_BACK = "gave_back"
    """Received some and gave all of them back: undone or swapped."""
    POSSIBLE = "possible"
    """Received a box without a recorded lot, where and when this lot was there."""
