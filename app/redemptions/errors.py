"""What redemption can refuse; a refusal to hand over is an answer, not an error."""

from app.platform.errors import DomainError


class NoCode(DomainError, code="redemptions.no_code", status=409, shown=("order_status",)):
    """An order in this state has no pickup code."""


class WrongQuantity(DomainError, code="redemptions.wrong_quantity", status=409, shown=("quantity",)):
    """The quantity sent is not that of the order; `quantity` is."""


class NoActiveKey(DomainError, code="redemptions.no_active_key", status=503, shown=("retry_after",)):
    """No key can sign a code at the moment."""


class KeyStepRefused(DomainError, code="redemptions.key_step_refused", status=409):
    """A key cannot go from its state to the wanted one."""


class KeyNotFound(DomainError, code="redemptions.key_not_found", status=404):
    """No such key."""


class KeyNotYours(DomainError, code="redemptions.key_not_yours", status=403):
    """The key has signed codes of unions that the account does not see; who sees them all decides."""
