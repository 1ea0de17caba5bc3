"""What people do with campaigns, with who may order in them, and with records that are wrong."""

from app.campaigns.actions.corrections import accept_correction, decline_correction, file_correction
from app.campaigns.actions.eligible import change_list, change_rules
from app.campaigns.actions.exceptions import decide_exception, request_exception
from app.campaigns.actions.plan import add_offer, change_campaign, draft_campaign, publish_campaign

__all__ = [
    "accept_correction", "add_offer", "change_campaign", "change_list", "change_rules", "decide_exception",
    "decline_correction", "draft_campaign", "file_correction", "publish_campaign", "request_exception",
]  # fmt: skip
