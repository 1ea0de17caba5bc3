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


class NotEligible(DomainError, code="campaigns.not_eligible", status=403, shown=("rules",)):
    """The member may see the campaign but not order; `rules` says which rule failed."""


class CampaignNotDraft(DomainError, code="campaigns.not_draft", status=409):
    """The change is only possible while the campaign is a draft."""


class CampaignIncomplete(DomainError, code="campaigns.incomplete", status=409, shown=("missing",)):
    """The campaign cannot be published yet; `missing` says what it lacks."""


class OwnDraft(DomainError, code="campaigns.own_draft", status=403):
    """Who drafted a campaign does not publish it."""


class WindowsInvalid(DomainError, code="campaigns.windows_invalid", status=422):
    """The order and pickup windows contradict each other."""
