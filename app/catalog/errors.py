"""What the catalog can refuse."""

from app.platform.errors import DomainError


class GiftBoxNotFound(DomainError, code="catalog.gift_box_not_found", status=404):
    """No such gift box, or not yours."""


class ProductNotFound(DomainError, code="catalog.product_not_found", status=404):
    """No such product, or not yours."""


class RegionNotFound(DomainError, code="catalog.region_not_found", status=404):
    """There is no such partner region."""
