"""What stock refuses."""

from app.platform.errors import DomainError


class NotEnoughStock(DomainError, code="stock.not_enough", status=409):
    """An account holds fewer boxes of the lot than a movement takes; `on_hand` says how many."""


class LotNotFound(DomainError, code="stock.lot_not_found", status=404):
    """There is no such lot."""
