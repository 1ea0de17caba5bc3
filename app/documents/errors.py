"""What the papers can refuse."""

from app.platform.errors import DomainError


class DocumentNotFound(DomainError, code="documents.not_found", status=404):
    """There is no such document, or it is another union's."""


class SubjectNotFound(DomainError, code="documents.subject_not_found", status=404):
    """The campaign, pickup point or unit is not there, or another union's."""


class CampaignNeeded(DomainError, code="documents.campaign_needed", status=422):
    """A document of this kind is about a campaign, and none is named."""


class SealedByClosing(DomainError, code="documents.sealed_by_closing", status=409):
    """The final document of this kind is issued when the campaign is sealed, and only then."""


class NotReady(DomainError, code="documents.not_ready", status=409):
    """There are no files yet."""


class NotFailed(DomainError, code="documents.not_failed", status=409):
    """Only what has failed is tried again."""


class FilesGone(DomainError, code="documents.files_gone", status=410):
    """The files were deleted in time; what they held can still be verified."""


class FileDamaged(DomainError, code="documents.file_damaged", status=500):
    """A stored file does not have the hash that was recorded when it was made."""


class ReasonRequired(DomainError, code="documents.reason_required", status=422):
    """Names in full are handed out for a reason."""


class NotFinal(DomainError, code="documents.not_final", status=409):
    """Only a final document that was issued has supplements."""


class KindUnavailable(DomainError, code="documents.kind_unavailable", status=409):
    """Nobody builds documents of this kind."""


class GivenUp(DomainError, code="documents.given_up", status=409):
    """Several attempts failed, or ended with their process."""


class TooLarge(DomainError, code="documents.too_large", status=409):
    """More rows than one paper holds."""
