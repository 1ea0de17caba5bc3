"""What campaigns can refuse."""

from app.platform.errors import DomainError


class CampaignNotFound(DomainError, code="campaigns.not_found", status=404):
    """No such campaign, or not yours."""


class OfferNotFound(DomainError, code="campaigns.offer_not_found", status=404):
    """No such offer, or not yours."""


class CampaignNotOpen(DomainError, code="campaigns.not_open", status=409, shown=("opens_at",)):
    """Orders are not taken yet."""


class CampaignClosed(DomainError, code="campaigns.closed", status=409):
    """Orders are no longer taken."""


class SoldOut(DomainError, code="campaigns.sold_out", status=409, shown=("has_waitlist",)):
    """No box is left that nobody holds; the text names the waiting list where there is one."""

    @property
    def detail_key(self) -> str:
        """The text that advises to wait, if one can."""
        return "message.sold_out_but_waitlist" if self.params.get("has_waitlist") else self.code


class RetentionTooShort(
    DomainError, code="campaigns.retention_too_short", status=409, shown=("campaign_id", "title")
):
    """Who collected in that campaign will be forgotten, or is, before the rule stops asking for it."""


class NotEligible(DomainError, code="campaigns.not_eligible", status=403, shown=("rules", "correction")):
    """The member may see the campaign but not order; `rules` says which rule failed.

    `correction` is where a member says that their record is wrong (corrections go to their unit).
    """


class CampaignNotDraft(DomainError, code="campaigns.not_draft", status=409):
    """The change is only possible while the campaign is a draft."""


class CampaignSealed(DomainError, code="campaigns.sealed", status=409):
    """The campaign is sealed: nothing of it changes any more."""


class CampaignIncomplete(DomainError, code="campaigns.incomplete", status=409, shown=("missing",)):
    """The campaign cannot be published yet; `missing` says what it lacks."""


class OwnDraft(DomainError, code="campaigns.own_draft", status=403):
    """Who drafted a campaign does not publish it."""


class KindMismatch(DomainError, code="campaigns.kind_mismatch", status=409):
    """A gift campaign offers gift boxes and a visit offers places, never the other way round."""


class WindowsInvalid(DomainError, code="campaigns.windows_invalid", status=422):
    """The order and pickup windows contradict each other."""


class RulesInvalid(DomainError, code="campaigns.rules_invalid", status=422, shown=("field",)):
    """A rule names units or campaigns that the street union does not have; `field` says which rule."""


class ExceptionNotFound(DomainError, code="campaigns.exception_not_found", status=404):
    """No such exception, or not yours."""


class ExceptionDecided(DomainError, code="campaigns.exception_decided", status=409, shown=("state",)):
    """The exception stands where this decision cannot follow; `state` is where."""


class ExceptionStands(DomainError, code="campaigns.exception_stands", status=409):
    """The member already has an exception, asked for or approved, in this campaign."""


class OwnException(DomainError, code="campaigns.own_exception", status=403):
    """Who asked for an exception, or whom it is for, does not decide it."""


class CorrectionNotFound(DomainError, code="campaigns.correction_not_found", status=404):
    """No such request, or not yours."""


class CorrectionsFull(DomainError, code="campaigns.corrections_full", status=409, shown=("most",)):
    """The member has as many open requests as one may have."""


class CorrectionDecided(DomainError, code="campaigns.correction_decided", status=409, shown=("state",)):
    """The request was decided before."""


class OwnCorrection(DomainError, code="campaigns.own_correction", status=403):
    """Whom a record describes does not decide how it is corrected."""


class CorrectionValueInvalid(DomainError, code="campaigns.correction_value_invalid", status=422):
    """What the record is to say is missing, or no value of this kind."""


class CorrectionBeyondUnits(DomainError, code="campaigns.correction_beyond_units", status=403):
    """The member would go to a unit that the caller does not look after: the street union decides that."""
