"""What closing a campaign can refuse."""

from app.platform.errors import DomainError


class ClosingNotFound(DomainError, code="closing.not_found", status=404):
    """Nothing was prepared for the campaign."""


class ClosingBlocked(DomainError, code="closing.blocked", status=409, shown=("count", "blockers")):
    """Something does not add up or is not finished: how much, and the first of it, names masked."""


class AlreadyPrepared(DomainError, code="closing.already_prepared", status=409):
    """A closing of the campaign is prepared or sealed."""


class NotPrepared(DomainError, code="closing.not_prepared", status=409):
    """There is no prepared closing that could be sealed or withdrawn."""


class OwnPreparation(DomainError, code="closing.own_preparation", status=403):
    """Who prepared a closing does not seal it."""


class NotSealed(DomainError, code="closing.not_sealed", status=409):
    """Supplements are for sealed campaigns."""


class NothingLater(DomainError, code="closing.nothing_later", status=409):
    """No hand-over has come in since the seal, or the last supplement."""


class PapersUnderWay(DomainError, code="closing.papers_under_way", status=409):
    """The paper that is to be supplemented is not ready yet."""
