"""Bodies about goods whose fields contradict each other, mended: what a schema cannot say, these say."""

from collections.abc import Callable
from typing import Any

from stdnum.iso7064 import mod_11_10

from app.impact.rules.measures import UNITS, Measure
from tests.contract.schemathesis_goods import with_check_digit
from tests.factories.procurement import USCC

Body = dict[str, Any]
LICENCE = "1013100000001"


def _licence() -> str:
    return f"SC{LICENCE}{mod_11_10.calc_check_digit(LICENCE)}"


def _first(body: Body, *names: str) -> Body:
    """Return the body with the first of these that is given, and none of the others."""
    given = [name for name in names if body.get(name) is not None]
    return {name: value for name, value in body.items() if name not in names or name in given[:1]}


def _in_order(body: Body, first: str, last: str) -> Body:
    if body.get(first) and body.get(last):
        return body | dict(zip((first, last), sorted((body[first], body[last])), strict=True))
    return body


def _product(body: Body) -> Body:
    if "barcode" in body:
        body = _first(body, "net_content_grams", "net_content_ml")
        body |= {"barcode": with_check_digit(body["barcode"][:12])}
        if not body.get("net_content_ml"):
            body |= {"net_content_grams": body.get("net_content_grams") or 500}
        if not (body.get("sc_number") or body.get("sc_reason")):
            body = body | {"sc_reason": "示例·初级农产品"}
    body = _first(body, "sc_number", "sc_reason")
    return body | ({"sc_number": _licence()} if body.get("sc_number") else {})


def _supplier(body: Body) -> Body:
    body = _first(body, "uscc", "uscc_reason")
    return body | ({"uscc": USCC} if body.get("uscc") else {})


def _new_supplier(body: Body) -> Body:
    body = _supplier(body)
    return body if body.get("uscc") or body.get("uscc_reason") else body | {"uscc_reason": "示例·未登记"}


def _certificate(body: Body) -> Body:
    number = {"number": _licence()} if body["kind"] == "food_licence" else {}
    return _in_order(body, "valid_from", "valid_until") | number


def _purchase(body: Body) -> Body:
    body = dict(body)
    if body.get("purchased_on"):
        body.pop("purchased_year", None)
        body.pop("purchased_month", None)
    elif body.get("is_approximate"):
        body["source_text"] = body.get("source_text") or "示例·原文"
    if body.get("lines"):
        body["lines"] = [_line(one) for one in body["lines"]]
    return body


def _new_purchase(body: Body) -> Body:
    if not (body.get("purchased_on") or body.get("purchased_year")):
        body = body | {"purchased_year": 2020}
    if body.get("is_approximate") and not body.get("source_text"):
        body = body | {"source_text": "示例·原文"}
    return _purchase(body)


def _line(line: Body) -> Body:
    line = _first(line, "gift_box_id", "product_id", "description")
    if not any(line.get(name) for name in ("gift_box_id", "product_id", "description")):
        line = line | {"description": "示例·杂粮"}
    if line.get("boxes") is None:
        line = line | {"boxes": 3}
    return _first(line, "unit_price_fen", "amount_fen")


def _receipt(body: Body) -> Body:
    return body | {"lines": [_arrival(one) for one in body["lines"]]}


def _arrival(line: Body) -> Body:
    parts = {name: min(line.get(name) or 0, 1_000) for name in ("good", "damaged", "missing")}
    if not any(parts.values()):
        parts["good"] = 1
    return _in_order(line, "produced_on", "best_before_on") | parts | {"expected": sum(parts.values())}


def _late(body: Body) -> Body:
    lines = {one["receipt_line_id"]: one for one in body["lines"]}.values()
    return body | {
        "lines": [one if one["good"] + (one.get("damaged") or 0) else one | {"good": 1} for one in lines]
    }


def _transfer(body: Body) -> Body:
    lines = [_first(one, "lot_id", "gift_box_id") for one in body["lines"]]
    known = [one for one in lines if one.get("lot_id") or one.get("gift_box_id")]
    return body | {"lines": known or [lines[0] | {"lot_id": body["from_point_id"]}]}


def _document(body: Body) -> Body:
    return _in_order(body, "from_on", "until_on")


def _project(body: Body) -> Body:
    body = {name: value for name, value in body.items() if name not in {"until_year", "held_on"}}
    return body if body.get("since_year") else body | {"year_is_inferred": False}


def _result(body: Body) -> Body:
    measure = Measure(body["measure"])
    body = {name: value for name, value in body.items() if name not in {"minimum", "maximum", "stated_on"}}
    body |= {
        "unit": min(UNITS[measure]),
        "value": None if measure is Measure.OUTCOME else body.get("value") or 1,
    }
    if body.get("year") is None:
        body["year_is_inferred"] = False
    if body.get("evidence"):
        body["evidence"] = body["evidence"] | {"sha256": "0" * 64}
    return body


MENDED: dict[str, Callable[[Body], Body]] = {
    "add_product": _product,
    "change_product": _product,
    "add_supplier": _new_supplier,
    "change_supplier": _supplier,
    "add_certificate": _certificate,
    "draft_purchase": _new_purchase,
    "change_purchase": _purchase,
    "receive_goods": _receipt,
    "receive_late": _late,
    "send_transfer": _transfer,
    "request_document": _document,
    "draft_aid_project": _project,
    "change_aid_project": _project,
    "add_aid_result": _result,
    "replace_aid_result": _result,
}
