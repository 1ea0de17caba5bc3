"""A well-formed body for every operation that takes one; its ids name nothing."""

from typing import Any
from uuid import uuid4

from tests.factories.bodies_goods import GOODS_QUERIES, PAPERS, PROCUREMENT, STOCK

BODIES: dict[str, Any] = {
    "place_order": {"offer_id": str(uuid4())},
    "book_slot": {"slot_id": str(uuid4())},
    "change_quota": {"quota": 1},
    "change_capacity": {"capacity": 1},
    "change_campaign": {},
    "draft_campaign": {
        "title": "x",
        "order_opens_at": "2026-10-01T01:00:00Z",
        "order_closes_at": "2026-10-01T01:00:00Z",
        "pickup_from": "2026-10-12",
        "pickup_until": "2026-10-14",
    },
    "add_offer": {"gift_box_id": str(uuid4()), "pickup_point_id": str(uuid4()), "quota": 1},
    "add_slots": {
        "pickup_point_id": str(uuid4()),
        "from_on": "2026-10-12",
        "until_on": "2026-10-12",
        "opens": "09:00",
        "closes": "10:00",
        "capacity": 1,
    },
    "add_pickup_point": {"name": "示例·领取点0", "address": "x"},
    "add_gift_box": {
        "name": "x",
        "barcode": "2000000009018",
        "gross_weight_grams": 1,
        "unit_price_fen": 0,
        "components": [{"product_id": str(uuid4()), "quantity": 1}],
    },
    "change_rules": {},
    "change_list": {"member_numbers": ["T0000000"]},
    "request_exception": {"member_id": str(uuid4()), "rules": ["on_list"], "reason": "示例·名单更新晚"},
    "file_correction": {"field": "other", "message": "示例·信息有误", "campaign_id": str(uuid4())},
    "accept_correction": {},
    "decline_correction": {"reason": "示例·与登记一致"},
    "redeem": {
        "event_id": str(uuid4()),
        "code": "x",
        "pickup_point_id": str(uuid4()),
        "override": {"reason": "示例·提前到达"},
    },
    "commit_roster": {"comparison_hash": "0" * 64},
    "send_sign_in_code": {"mobile": "13800138000"},
    "verify_sign_in_code": {"challenge_id": str(uuid4()), "code": "000000", "transport": "bearer"},
    "choose_sign_in_member": {"challenge_id": str(uuid4()), "choice_id": "x", "transport": "bearer"},
    "sign_in_with_host_ticket": {"params": {"member_number": "T0"}, "transport": "bearer"},
    "link_host_identity": {
        "ticket": "x" * 43,
        "name": "示例·无人",
        "mobile": "13800138000",
        "last4": "002X",
        "transport": "bearer",
    },
    "add_pairing": {
        "name": "示例·设备",
        "pickup_point_id": str(uuid4()),
        "valid_from": "2026-10-01T00:00:00Z",
        "valid_until": "2026-10-31T00:00:00Z",
    },
    "change_device": {"name": "示例·设备"},
    "revoke_device": {"reason": "设备遗失"},
    "set_own_pin": {"pin": "482915"},
    "activate_pin": {"login": "t-nobody", "code": "0000-0000-0000", "pin": "482915"},
    "sign_clerk_in": {"login": "t-nobody", "pin": "482915"},
    "withdraw_signing_key": {"reason": "密钥泄露"},
    "redeem_batch": {"device_id": "d", "events": [{}]},
    "draft_staff": {
        "login": "t-nobody",
        "display_name": "示例·无人",
        "role": "station_clerk",
        "union_id": str(uuid4()),
    },
    "change_staff_role": {"role": "station_clerk"},
    "disable_staff": {"reason": "离岗"},
    "begin_staff_sign_in": {"login": "nobody", "password": "x"},
    "activate_staff_account": {"login": "nobody", "activation_code": "x", "password": "x"},
    "finish_staff_sign_in": {"challenge": "x", "code": "000000"},
    "step_up": {"password": "x", "code": "000000"},
    "give_consent": {"version": 1},
    "reveal_member": {"fields": ["name"], "reason": "contact_member"},
    "reveal_holder": {"fields": ["name"], "reason": "contact_member"},
    "export_members": {"reason": "audit"},
    "decline_erasure": {"reason": "legal_term"},
    "pair_device": {
        "pairing_code": "0" * 26,
        "algorithm": "ed25519",
        "public_key": "A" * 43,
        "proof": "A" * 86,
    },
    "cancel_order": {"reason": "示例·不来了"},
    "change_password": {"current_password": "x", "new_password": "quiet rivers carry boxes"},
    **PROCUREMENT,
    **STOCK,
    **PAPERS,
}

QUERIES: dict[str, str] = {
    "send_roster": "?filename=roster.csv",
    "get_eligibility": f"?campaign_id={uuid4()}",
    "get_member_eligibility": f"?campaign_id={uuid4()}",
    "reveal_correction": "?reason=test",
    **GOODS_QUERIES,
}
"""The query that an operation needs to be understood; its ids name nothing."""

STEPS = {"{purpose}": "reminders", "{format}": "xlsx", "{year}": "2026", "{reference}": "0" * 12}
"""What stands in an address and is no id."""


def address_of(path: str) -> str:
    """Return the path of an operation with ids in it that name nothing."""
    steps = (STEPS.get(step, str(uuid4()) if step.startswith("{") else step) for step in path.split("/"))
    return "/".join(steps)
