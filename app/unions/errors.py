"""What the unions feature can refuse."""

from app.platform.errors import DomainError


class PersonNotFound(DomainError, code="unions.person_not_found", status=404):
    """No such member or staff account."""


class AccountDisabled(DomainError, code="unions.account_disabled", status=403):
    """The staff account is disabled."""
