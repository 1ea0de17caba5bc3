"""What the reports feature can refuse."""

from app.platform.errors import DomainError


class PeriodInvalid(DomainError, code="reports.period_invalid", status=422):
    """A year and days at once, or days in the wrong order."""
