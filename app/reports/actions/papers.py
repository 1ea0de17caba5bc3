"""Who builds which paper."""

from collections.abc import Mapping

from app.documents.actions.issue import Builder
from app.documents.rules.paper import DocumentKind
from app.reports.actions.campaign_papers import build_campaign_summary, build_uncollected
from app.reports.actions.purchase_papers import build_aided_purchases
from app.reports.actions.signoff_sheet import build_signoff_sheet
from app.reports.actions.warehouse_papers import build_goods_issue, build_goods_receipt, build_stocktake

BUILDERS: Mapping[DocumentKind, Builder] = {
    DocumentKind.SIGNOFF_SHEET: build_signoff_sheet,
    DocumentKind.GOODS_RECEIPT: build_goods_receipt,
    DocumentKind.GOODS_ISSUE: build_goods_issue,
    DocumentKind.STOCKTAKE: build_stocktake,
    DocumentKind.UNCOLLECTED: build_uncollected,
    DocumentKind.AIDED_PURCHASES: build_aided_purchases,
    DocumentKind.CAMPAIGN_SUMMARY: build_campaign_summary,
}
"""Papers as the ledgers are; those of a sealed campaign are built by `app.closing.actions.papers`."""
