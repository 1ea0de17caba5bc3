"""What schemathesis cannot know: who may do what, which ids are real, which fields belong together.

What a call works on once is made for it by `schemathesis_calls.py`. Loaded into the `schemathesis` process by
SCHEMATHESIS_HOOKS; `GRAINLINE_WORLD` names the JSON file that `test_schemathesis.py` writes. Values are
replaced by their hash, not by chance, so that a seed repeats a run.
"""

import atexit
import json
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from http import HTTPStatus
from itertools import count
from os import environ
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4
from zlib import crc32

import httpx
import requests
import schemathesis
from hypothesis import strategies as st
from schemathesis.core import NOT_SET
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation.meta import TestPhase

from tests.contract import schemathesis_mends as mends
from tests.contract.schemathesis_calls import GOOD, PIN, Backstage, Wanted
from tests.contract.schemathesis_goods import GOODS, Goods, with_check_digit
from tests.factories.managers import PASSWORD
from tests.factories.tablets import Tablet

WORLD: dict[str, Any] = json.loads(Path(environ["GRAINLINE_WORLD"]).read_text())
STAGE = Backstage(WORLD)
STORE = Goods(STAGE)
OFFICER: str = WORLD["staff"]["union_officer"]
TOKENS: dict[str, str] = WORLD["staff"] | {"pickup_device": STAGE.tablet.token}
STAFF = {name: TOKENS[role] for name, role in WORLD["roles"].items() if role != "member"}
if WORLD["ended"]:
    STAFF["sign_out"] = WORLD["ended"].pop()
BESIDE = {"/api/v1/devices/pair", "/api/v1/devices/pairings", "/api/v1/redemptions/batch"}
"""Addresses that another operation has too, as `/devices/{device_id}`: its methods are not foreign here."""
DRAFTS = {"get_campaign", "list_slots"}
"""A draft that was just made is there for staff only."""
MEMBERS: list[str] = WORLD["members"]
OWNERS: dict[str, str] = WORLD["owners"]
OURS = {*STAFF.values(), *MEMBERS}
REAL: dict[str, list[str]] = WORLD["ids"]
MATCHED = {
    "change_campaign", "change_quota", "change_rules", "change_list", "change_device", "change_product",
    "change_supplier", "change_purchase", "change_aid_project", "replace_aid_result", "remove_aid_result",
    "set_target",
}  # fmt: skip
VERSIONED = MATCHED | {"publish_campaign"}
MADE: set[str] = set()
VERSIONS: dict[str, int] = {}
TURN = count()
QUERIES = {"filename": "名单.csv", "next": "/member/orders"}
MOST_GOOD = 12
"""How often an operation is given something real that was made for the call."""
COUNTED: defaultdict[str, Counter[int]] = defaultdict(Counter)


@atexit.register
def _tell() -> None:
    (Path(environ["GRAINLINE_WORLD"]).parent / "answers.json").write_text(json.dumps(COUNTED))


# Years are limited to those that can be meant, which the formats of JSON Schema cannot say.
_DAYS = st.dates(date(2000, 1, 1), date(2100, 12, 31))
schemathesis.openapi.format("date", _DAYS.map(str))
schemathesis.openapi.format(
    "date-time",
    st.datetimes(datetime(2000, 1, 2), datetime(2100, 12, 30), timezones=st.just(UTC)).map(
        datetime.isoformat
    ),
)


@schemathesis.auth(refresh_interval=None, retry_on=[])
class Caller:
    """Somebody who may make the call; `before_call` puts the owner of the order in their place."""

    def get(self, case: Any, context: Any) -> str:
        return STAFF.get(context.operation.definition.raw["operationId"], MEMBERS[0])

    def set(self, case: Any, data: str, context: Any) -> None:
        case.headers["Authorization"] = f"Bearer {data}"


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: dict[str, Any]) -> None:
    """Give the call a key of its own, real ids and, where it is meant well, fields that fit together."""
    meta = case.meta
    if meta is None:
        return
    if case.operation.path in BESIDE and case.method in {"GET", "PATCH", "OPTIONS"}:
        case.method = "DELETE"
    name = case.operation.definition.raw.get("operationId", "")
    is_stateful = meta.phase.name is TestPhase.STATEFUL
    share = 0 if is_stateful else 5
    if not is_stateful and case.path_parameters and not meta.is_negative_at(ParameterLocation.PATH):
        case.path_parameters = {key: real(key, value) for key, value in case.path_parameters.items()}
    if not meta.is_negative_at(ParameterLocation.HEADER) and "Idempotency-Key" in (case.headers or {}):
        case.headers["Idempotency-Key"] = uuid4().hex
    if case.query and not meta.is_negative_at(ParameterLocation.QUERY):
        # A cursor is what a list answered, never made up; the id of a point or campaign should exist.
        case.query = {
            key: real(key, value, share=share) for key, value in case.query.items() if key != "cursor"
        }
        case.query |= {key: value for key, value in QUERIES.items() if key in case.query}
    if isinstance(case.body, dict) and not meta.is_negative_at(ParameterLocation.BODY):
        case.body = fitting(name, case.body, share=share)
    if name in MATCHED and not meta.is_negative_at(ParameterLocation.HEADER) and next(TURN) % 4:
        version = VERSIONS.get(str(next(iter(case.path_parameters.values()))), 1)
        case.headers["If-Match"] = f'"{version}"'
    if is_stateful and name == "get_aid_project" and set(case.path_parameters.values()) & MADE:
        # The public reads what was published, which a project that was just drafted is not yet.
        case.path_parameters = {"project_id": STORE.published()}
    own_token(name, case, is_stateful=is_stateful)
    kwargs["allow_redirects"] = False
    arrange(name, case, is_stateful=is_stateful)
    if (case.headers or {}).get("Authorization") == f"Bearer {STAGE.tablet.token}":
        kwargs["auth"] = Signed(STAGE.tablet)


def own_token(name: str, case: Any, *, is_stateful: bool) -> None:
    """Let the owner of an order make a call about it; who has no good token, or one of staff, keeps it."""
    given = (case.headers or {}).get("Authorization", "")
    if given.removeprefix("Bearer ") in OURS and name not in STAFF:
        order_id = (case.path_parameters or {}).get("order_id")
        somebody = MEMBERS[next(TURN) % len(MEMBERS)] if name == "place_order" else MEMBERS[0]
        token = OWNERS.get(str(order_id), somebody)
        if is_stateful and name in DRAFTS:
            token = OFFICER
        case.headers["Authorization"] = f"Bearer {token}"


class Signed(requests.auth.AuthBase):
    """Signs a call as the device does, when its bytes are settled."""

    def __init__(self, tablet: Tablet) -> None:
        self._tablet = tablet

    def __call__(self, r: requests.PreparedRequest) -> requests.PreparedRequest:
        assert r.body is None or isinstance(r.body, str | bytes)
        body = r.body.encode() if isinstance(r.body, str) else r.body
        sent = httpx.Request(str(r.method), str(r.url), content=body)
        sent.headers["Authorization"] = str(r.headers["Authorization"])
        next(self._tablet.auth_flow(sent))
        r.headers.update({name: value for name, value in sent.headers.items() if name.startswith("x-device")})
        return r


def arrange(name: str, case: Any, *, is_stateful: bool) -> None:
    """Let a call that is meant well in every part succeed, three times out of four, and until one has."""
    given = (case.headers or {}).get("Authorization", "").removeprefix("Bearer ")
    is_probe = name in WORLD["roles"] and given not in OURS
    if (name not in GOOD and name not in GOODS) or is_probe or case.meta.generation.mode.is_negative:
        return
    if any(status < HTTPStatus.MULTIPLE_CHOICES for status in COUNTED[name]) and (
        next(TURN) % 4 == 0 or COUNTED[name].total() > MOST_GOOD
    ):
        return
    if is_stateful and set((case.path_parameters or {}).values()) & MADE:
        return
    try:
        wanted: Wanted = GOODS[name](STORE) if name in GOODS else GOOD[name](STAGE)
    except StopIteration:
        return
    if wanted.path:
        case.path_parameters = (case.path_parameters or {}) | wanted.path
    if wanted.body is not None and case.body is not NOT_SET:
        case.body = wanted.body
    if wanted.query:
        case.query = (case.query or {}) | wanted.query
    if wanted.version is not None:
        case.headers["If-Match"] = f'"{wanted.version}"'
    if wanted.token is not None:
        case.headers["Authorization"] = f"Bearer {wanted.token}"


@schemathesis.hook
def after_call(context: Any, case: Any, response: Any) -> None:
    """Count the answer, and remember who owns an order that was just made."""
    name = case.operation.definition.raw["operationId"]
    COUNTED[name][response.status_code] += 1
    answer = response.json() if response.status_code in {200, 201} and name in VERSIONED else {}
    if response.status_code == 201:
        MADE.update(str(made) for key, made in response.json().items() if key in {"id", "device_id"})
    if "version" in answer:
        about = next(answer[key] for key in ("id", "campaign_id", "year") if key in answer)
        VERSIONS[str(about)] = answer["version"]
    if response.status_code == 201 and name == "place_order":
        token = response.request.headers.get("Authorization", "").removeprefix("Bearer ")
        OWNERS[response.json()["id"]] = token


def real(name: str, value: Any, *, share: int = 5) -> Any:
    """Return a real id of this kind, if the value is an id at all; one in `share` stays an unknown one.

    Ids that the service gave stay as they are. In a chain of calls (`share` 0) no unknown id may stand beside
    the one that was just made: the 404 would be blamed on that.
    """
    known = REAL.get(name)
    if known is None or not is_id(value) or value in MADE:
        return value
    number = crc32(str(value).encode())
    return value if share and number % share == 0 else known[number // 5 % len(known)]


def is_id(value: Any) -> bool:
    """Return whether the value is the text of a UUID."""
    try:
        UUID(value)
    except (TypeError, ValueError, AttributeError):
        return False
    return True


def fitting(name: str, body: dict[str, Any], *, share: int) -> dict[str, Any]:
    """Return the body with those fields mended that contradict each other without breaking the schema."""
    body = {key: real(key, value, share=share) for key, value in whole(body).items()}
    for part in {"lines", "sites"} & body.keys() if name in GOODS else ():
        if body[part] is not None:
            body[part] = [_known(line, share=share) for line in body[part]]
    mend = MENDED.get(name)
    return body if mend is None else mend(body)


def _known(line: dict[str, Any], *, share: int) -> dict[str, Any]:
    return {key: real(key, value, share=share) for key, value in line.items()}


def whole(value: Any) -> Any:
    """Return the value with 1.0 as 1, and no number or text that the service refuses wherever it stands.

    JSON Schema counts 1.0 as an integer; the service wants it without a point, up to 40 digits, and no NUL.
    """
    if isinstance(value, dict):
        return {whole(key): whole(item) for key, item in value.items()}
    if isinstance(value, list):
        return [whole(item) for item in value]
    if isinstance(value, str):
        return value.replace("\x00", "")
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    is_huge = isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10**39
    return value % 10**39 if is_huge else value


WINDOWS = ("order_opens_at", "order_closes_at", "pickup_from", "pickup_until")


def mend_campaign(body: dict[str, Any]) -> dict[str, Any]:
    """Put the windows in order, orders before pickup; some alone may contradict what is stored."""
    if not all(body.get(name) for name in WINDOWS):
        return {name: value for name, value in body.items() if name not in WINDOWS}
    begin = min(date.fromisoformat(body["order_opens_at"][:10]), date(2099, 12, 20))
    days = [begin + timedelta(days=number) for number in range(4)]
    orders = {"order_opens_at": f"{days[0]}T00:00:00Z", "order_closes_at": f"{days[1]}T00:00:00Z"}
    return body | orders | {"pickup_from": str(days[2]), "pickup_until": str(days[3])}


def mend_slots(body: dict[str, Any]) -> dict[str, Any]:
    """Plan the pickup days of the drafts, all of them, and close after opening."""
    body |= {"from_on": "2026-10-12", "until_on": "2026-10-14", "weekdays": [1, 2, 3]}
    return body if body["closes"][:5] > body["opens"][:5] else body | {"opens": "09:00", "closes": "17:00"}


def mend_gift_box(body: dict[str, Any]) -> dict[str, Any]:
    """Give the barcode its check digit, and name every product once; a place has neither."""
    if body.get("kind") == "place":
        return body | {"barcode": None, "gross_weight_grams": None, "components": []}
    body["barcode"] = with_check_digit((body.get("barcode") or "690000000000")[:12])
    body["gross_weight_grams"] = body.get("gross_weight_grams") or 2_800
    body["components"] = body.get("components") or [{"product_id": REAL["product_id"][0], "quantity": 1}]
    once = {real("product_id", part["product_id"]): part for part in body["components"]}
    body["components"] = [part | {"product_id": id} for id, part in once.items()]
    return body


def mend_scan(body: dict[str, Any]) -> dict[str, Any]:
    """Scan a real code three times out of four, each time as an event of its own."""
    number = crc32(body["code"].encode())
    code = body["code"] if number % 4 == 0 else WORLD["codes"][number // 4 % len(WORLD["codes"])]
    return body | {"code": code, "event_id": str(uuid4())}


def mend_batch(body: dict[str, Any]) -> dict[str, Any]:
    """Add a good event, and make none of the others a second one with its id."""
    good = mend_scan(
        {"event_id": "", "code": str(body["device_id"]), "pickup_point_id": REAL["pickup_point_id"][0]}
    )
    return body | {"events": [*body["events"][:499], good]}


def mend_mobile(body: dict[str, Any]) -> dict[str, Any]:
    """Give a number the form of one."""
    return body | {"mobile": f"137{crc32(str(body['mobile']).encode()) % 10**8:08}"}


def mend_link(body: dict[str, Any]) -> dict[str, Any]:
    """Say who by number or by name, with a number and the end of another in their forms."""
    who = {} if body.get("member_number") else {"name": body.get("name") or "示例·无人"}
    return mend_mobile(body) | who | {"last4": "002X"}


def mend_code(body: dict[str, Any]) -> dict[str, Any]:
    """Give a code its six digits."""
    return body | {"code": f"{crc32(str(body['code']).encode()) % 10**6:06}"}


def mend_second_factor(body: dict[str, Any]) -> dict[str, Any]:
    """Send one second factor and not both."""
    if body.get("code") is not None:
        return body | {"recovery_code": None}
    return body if body.get("recovery_code") is not None else body | {"code": "000000"}


def mend_period(body: dict[str, Any]) -> dict[str, Any]:
    """Let a device be used from now on, for some days."""
    begin = datetime.now(UTC)
    until = {"valid_until": (begin + timedelta(days=5)).isoformat()} if body.get("valid_until") else {}
    return body | until | ({"valid_from": begin.isoformat()} if "valid_from" in body else {})


OF_A_STREET = {"union_officer", "station_clerk", "chair", "auditor", "sec_admin", "sys_admin"}


def mend_staff(body: dict[str, Any]) -> dict[str, Any]:
    """Draft an account for a role of the street union itself, with a login of its own."""
    login = {"login": f"t-{uuid4().hex[:12]}", "unit_id": None} if "login" in body else {}
    return body | login | {"role": body["role"] if body["role"] in OF_A_STREET else "finance"}


def mend_exception(body: dict[str, Any]) -> dict[str, Any]:
    """Ask for what an exception may set aside."""
    return body | {"rules": [rule for rule in body["rules"] if rule != "in_union"] or ["on_list"]}


WISHED = {
    "name": "示例改",
    "mobile": "13900139001",
    "unit": WORLD["unit_id"],
    "status": "active",
    "other": "x",
}


def mend_correction(body: dict[str, Any]) -> dict[str, Any]:
    """Wish for a value of the field's form."""
    return body | ({"wished": WISHED[body["field"]]} if body.get("wished") else {})


def mend_rules(body: dict[str, Any]) -> dict[str, Any]:
    """Name a unit that there is, and no campaign: the one there is may be the one that is changed."""
    known = {"eligible_unit_ids": [WORLD["unit_id"]], "not_received_campaign_ids": []}
    return body | {name: ids for name, ids in known.items() if body.get(name)}


MENDED = mends.MENDED | {
    "send_sign_in_code": mend_mobile,
    "verify_sign_in_code": mend_code,
    "link_host_identity": mend_link,
    "finish_staff_sign_in": mend_second_factor,
    "activate_staff_account": lambda body: body | {"password": PASSWORD},
    "change_password": lambda body: body | {"new_password": PASSWORD},
    "set_own_pin": lambda body: body | {"pin": PIN},
    "activate_pin": lambda body: body | {"pin": PIN},
    "add_pairing": mend_period,
    "change_device": mend_period,
    "draft_staff": mend_staff,
    "change_staff_role": mend_staff,
    "request_exception": mend_exception,
    "file_correction": mend_correction,
    "accept_correction": lambda body: {},
    "change_rules": mend_rules,
    "draft_campaign": mend_campaign,
    "change_campaign": mend_campaign,
    "add_slots": mend_slots,
    "add_gift_box": mend_gift_box,
    "redeem": mend_scan,
    "redeem_batch": mend_batch,
    "undo_redemption": lambda body: body | {"event_id": str(uuid4())},
    "swap_redemption": lambda body: body | {"event_id": str(uuid4())},
}
