"""What the privacy feature can refuse."""

from app.platform.errors import DomainError


class NoticeOutdated(DomainError, code="privacy.notice_outdated", status=409, shown=("version",)):
    """The text that was agreed to is not the current one; `version` is."""


class ConsentNeeded(DomainError, code="privacy.consent_needed", status=409):
    """Without this use of data the service cannot be given; who does not want it asks for erasure."""


class OrderStillOpen(DomainError, code="privacy.order_still_open", status=409):
    """An order is not collected yet: it has to be collected or cancelled before the data can go."""


class ErasureAlreadyAsked(DomainError, code="privacy.erasure_already_asked", status=409):
    """A request for erasure is open."""


class ErasureNotFound(DomainError, code="privacy.erasure_not_found", status=404):
    """No such request."""


class ErasureDecided(DomainError, code="privacy.erasure_decided", status=409):
    """The request was decided before."""


class ReceiptNotFound(DomainError, code="privacy.receipt_not_found", status=404):
    """No such deletion receipt."""


class NothingToReveal(DomainError, code="privacy.nothing_to_reveal", status=404):
    """No such person, or none whose data this account may look at."""
