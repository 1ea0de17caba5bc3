"""What the unions feature can refuse."""

from app.platform.errors import DomainError


class PersonNotFound(DomainError, code="unions.person_not_found", status=404):
    """No such member or staff account."""


class AccountDisabled(DomainError, code="unions.account_disabled", status=403):
    """The staff account is disabled."""


class UnionNotFound(DomainError, code="unions.union_not_found", status=404):
    """No such union, or not one of yours."""


class UnionMisplaced(DomainError, code="unions.union_misplaced", status=409):
    """A union stands one level below another that is there, and has a code of its own."""


class UnitNotFound(DomainError, code="unions.unit_not_found", status=422):
    """The role needs a unit of the union, or takes none."""


class NothingPending(DomainError, code="unions.nothing_pending", status=409):
    """There is nothing to approve about the account."""


class DraftPending(DomainError, code="unions.draft_pending", status=409):
    """A draft waits for approval and cannot be changed under the eyes of whoever approves it."""


class LastAdministrator(DomainError, code="unions.last_administrator", status=409):
    """Nobody would be left in the union who approves accounts, or who reads the log."""


class OwnAccount(DomainError, code="unions.own_account", status=403):
    """It takes two people: nobody changes their own account, or approves what they drafted."""


class AccountPending(DomainError, code="unions.account_pending", status=403):
    """The staff account was drafted, and nobody has approved it."""
