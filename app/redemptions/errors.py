"""What redemption can refuse; a refusal to hand over is an answer, not an error."""

from app.platform.errors import DomainError


class NoCode(DomainError, code="redemptions.no_code", status=409, shown=("order_status",)):
    """An order in this state has no pickup code."""


class WrongQuantity(DomainError, code="redemptions.wrong_quantity", status=409, shown=("quantity",)):
    """The quantity sent is more than is left of the order; `quantity` is what is left."""


class RedemptionNotFound(DomainError, code="redemptions.not_found", status=404):
    """No such scan, or not yours."""


class NotHandedOver(DomainError, code="redemptions.not_handed_over", status=409):
    """The scan was refused: nothing was handed over that could be taken back."""


class OwnOrder(DomainError, code="redemptions.own_order", status=403):
    """Nobody changes the hand-over of their own order."""


class UndoneAlready(DomainError, code="redemptions.undone_already", status=409):
    """The hand-over was taken back before."""


class OverTheFreeMinutes(DomainError, code="redemptions.over_free_minutes", status=403, shown=("minutes",)):
    """The free minutes of the pickup table are over; a supervisor may still do it."""


class WrongLot(DomainError, code="redemptions.wrong_lot", status=409):
    """The lot that was scanned is one of another gift box."""


class LotWithheld(DomainError, code="redemptions.lot_withheld", status=409):
    """The lot that was scanned is recalled or past its best-before date."""


class NoBoxes(DomainError, code="redemptions.no_boxes", status=409):
    """The hand-over was of places on a visit: there is no box to swap."""


class NoActiveKey(DomainError, code="redemptions.no_active_key", status=503, shown=("retry_after",)):
    """No key can sign a code at the moment."""


class KeyStepRefused(DomainError, code="redemptions.key_step_refused", status=409):
    """A key cannot go from its state to the wanted one."""


class KeyNotFound(DomainError, code="redemptions.key_not_found", status=404):
    """No such key."""


class KeyNotYours(DomainError, code="redemptions.key_not_yours", status=403):
    """The key has signed codes of unions that the account does not see; who sees them all decides."""
