"""A well-formed body for every operation of goods that takes one; its ids name nothing."""

from typing import Any
from uuid import uuid4

_WHO = {"inspected_by": str(uuid4()), "kept_by": str(uuid4())}
_RESULT = {
    "measure": "wells",
    "unit": "口",
    "value": 12,
    "basis": "reported",
    "quote": "捐修12口机井",
    "evidence": {"kind": "report", "title": "示例·工作总结", "sha256": "0" * 64},
}
_WHY = {"reason": "示例·活动结束"}

PROCUREMENT: dict[str, Any] = {
    "add_product": {
        "name": "示例·小米",
        "unit": "袋",
        "category": "粮食",
        "net_content_grams": 2500,
        "barcode": "2000000009018",
        "shelf_life": "12个月",
        "storage": "阴凉干燥",
        "sc_reason": "初级农产品",
    },
    "change_product": {"storage": "阴凉干燥处"},
    "add_supplier": {"name": "示例·合作社", "uscc_reason": "示例·未查到登记代码"},
    "change_supplier": {"note": "示例·备注"},
    "add_certificate": {
        "kind": "other",
        "number": "示例1",
        "issuer": "示例·机构",
        "valid_from": "2026-01-01",
    },
    "withdraw_certificate": {"withdrawn_on": "2026-01-02", "reason": "示例·过期"},
    "draft_purchase": {
        "channel": "direct",
        "purchased_on": "2026-01-12",
        "lines": [
            {"gift_box_id": str(uuid4()), "boxes": 1, "unit_price_fen": 1},
            {"product_id": str(uuid4()), "boxes": 1, "unit_price_fen": 1},
        ],
    },
    "change_purchase": {
        "lines": [
            {"gift_box_id": str(uuid4()), "boxes": 1, "unit_price_fen": 1},
            {"product_id": str(uuid4()), "boxes": 1, "unit_price_fen": 1},
        ]
    },
    "decline_purchase": _WHY,
    "cancel_purchase": _WHY,
    "record_purchase_papers": {"voucher_no": "示例1"},
    "receive_goods": {
        "pickup_point_id": str(uuid4()),
        "received_on": "2026-01-12",
        "delivered_by": "示例·货运公司",
        "lines": [
            {
                "purchase_line_id": str(uuid4()),
                "batch": "示例1",
                "best_before_on": "2099-12-31",
                "expected": 1,
                "good": 1,
            }
        ],
        **_WHO,
    },
    "receive_late": {
        "pickup_point_id": str(uuid4()),
        "received_on": "2026-01-12",
        "delivered_by": "示例·货运公司",
        "lines": [{"receipt_line_id": str(uuid4()), "good": 1}],
        **_WHO,
    },
    "reverse_receipt": {**_WHY, **_WHO},
}

STOCK: dict[str, Any] = {
    "undo_redemption": {"event_id": str(uuid4()), **_WHY},
    "swap_redemption": {"event_id": str(uuid4()), **_WHY},
    "recall_lot": _WHY,
    "lift_recall": _WHY,
    "reveal_recipients": {"order_ids": [str(uuid4())], "reason": "audit"},
    "send_recall_notices": {},
    "attribute_boxes": {"lot_id": str(uuid4()), "pickup_point_id": str(uuid4()), "boxes": 1, **_WHY},
    "show_supplier": {"shows_supplier": True},
    "send_transfer": {
        "from_point_id": str(uuid4()),
        "to_point_id": str(uuid4()),
        "lines": [{"lot_id": str(uuid4()), "boxes": 1}, {"gift_box_id": str(uuid4()), "boxes": 1}],
        **_WHY,
    },
    "approve_transfer": _WHY,
    "decline_transfer": _WHY,
    "receive_transfer": {"lines": [{"lot_id": str(uuid4()), "good": 1}]},
    "open_stocktake": {"pickup_point_id": str(uuid4())},
    "send_count": {"lines": [{"lot_id": str(uuid4()), "good": 1}]},
    "approve_stocktake": {"short": 0, "over": 1, **_WHY},
    "decline_stocktake": _WHY,
    "cancel_stocktake": _WHY,
    "request_disposal": {
        "kind": "write_off",
        "lines": [
            {"lot_id": str(uuid4()), "pickup_point_id": str(uuid4()), "place": "pickup_point", "boxes": 1}
        ],
        **_WHY,
    },
    "approve_disposal": _WHY,
    "decline_disposal": _WHY,
    "withdraw_disposal": _WHY,
}

PAPERS: dict[str, Any] = {
    "request_document": {"kind": "signoff_sheet", "edition": "masked", "reason": "audit"},
    "supplement_document": {"reason": "audit"},
    "prepare_closing": {},
    "draft_aid_project": {
        "title": "示例·捐修机井",
        "kind": "infrastructure",
        "since_year": 2018,
        "sites": [{"region_id": str(uuid4())}],
    },
    "change_aid_project": {"title": "示例·捐修机井", "sites": [{"region_id": str(uuid4())}]},
    "add_aid_result": _RESULT,
    "replace_aid_result": _RESULT,
    "set_target": {"percent_basis_points": 3_000, "basis": "示例·工会经费采购额"},
}

GOODS_QUERIES = {
    "get_spending": "?by=supplier",
    "list_spending_sources": "?by=supplier",
    "get_aided_share": "?year=2026",
    "list_aided_share_sources": "?year=2026&side=numerator",
    "get_coverage": "?year=2026",
}
"""The query that an operation needs to be understood."""
