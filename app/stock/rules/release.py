"""What a lifted recall gives back."""

from collections.abc import Mapping
from uuid import UUID


def boxes_to_release(recalled: Mapping[UUID, int], left_since: Mapping[UUID, int]) -> dict[UUID, int]:
    """Return how many boxes go back from quarantine at each pickup point when a recall is lifted.

    What the recall put there, less all that has left quarantine since: nobody knows whether a box that was
    written off was one of them or a damaged one, and a damaged box must never come back to a table.
    """
    free = {point_id: boxes - left_since.get(point_id, 0) for point_id, boxes in recalled.items()}
    return {point_id: boxes for point_id, boxes in sorted(free.items()) if boxes > 0}
