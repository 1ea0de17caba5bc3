"""What regions can refuse."""

from app.platform.errors import DomainError


class RegionNotFound(DomainError, code="regions.not_found", status=404):
    """No such partner region."""


class PlaceNotFound(DomainError, code="regions.place_not_found", status=404):
    """No such place in that partner region."""
