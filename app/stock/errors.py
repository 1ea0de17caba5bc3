"""What stock refuses."""

from app.platform.errors import DomainError


class NotEnoughStock(DomainError, code="stock.not_enough", status=409, shown=("on_hand", "asked")):
    """An account holds fewer boxes of the lot than a movement takes; `on_hand` says how many."""


class LotNotFound(DomainError, code="stock.lot_not_found", status=404):
    """There is no such lot."""


class LotContradicts(DomainError, code="stock.lot_contradicts", status=409, shown=("field",)):
    """A lot of that number is recorded with other facts; `field` says which fact differs."""


class OriginNotFound(DomainError, code="stock.origin_not_found", status=404):
    """The table of divisions has no such code."""


class RecalledAlready(DomainError, code="stock.recalled_already", status=409):
    """The lot is recalled already."""


class NotRecalled(DomainError, code="stock.not_recalled", status=409):
    """The lot is not recalled."""


class LotUnrecorded(DomainError, code="stock.lot_unrecorded", status=409):
    """The lot is the one that stands for boxes whose lot nobody recorded."""


class TooFewUnrecorded(DomainError, code="stock.too_few_unrecorded", status=409, shown=("left", "asked")):
    """Fewer boxes than that were handed over at the point without a recorded lot; `left` says how many."""
