"""The movements that give boxes without a recorded lot to the lot they were of."""

from uuid import UUID

from app.stock.rules.ledger import Account, AccountKind, Line, MovementKind


def attribution_lines(lot_id: UUID, unrecorded_id: UUID, *, point_id: UUID, boxes: int) -> list[Line]:
    """Return both movements: the unrecorded lot takes its hand-overs back, the lot has handed them over.

    Once all of a gift box is attributed, its variance is what it was before the first scan without a lot.
    Movements that name the scan let its undo give back boxes of the lot.
    """
    handed, variance = Account(AccountKind.HANDED_OVER, point_id), Account(AccountKind.VARIANCE)
    on_hand = Account(AccountKind.PICKUP_POINT, point_id)
    ways = [(unrecorded_id, handed, variance), (lot_id, on_hand, handed)]
    return [
        Line(
            lot_id=id,
            boxes=boxes,
            source=source,
            target=target,
            kind=MovementKind.ATTRIBUTED,
        )
        for id, source, target in ways
    ]
