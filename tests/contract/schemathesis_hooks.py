"""What schemathesis cannot know: who may do what, which ids are real, which fields belong together.

Loaded into the `schemathesis` process by SCHEMATHESIS_HOOKS; `GRAINLINE_WORLD` names the JSON file that
`test_schemathesis.py` writes. Values are replaced by their hash, not by chance, so that a seed repeats a run.
"""

import atexit
import json
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from itertools import count
from os import environ
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4
from zlib import crc32

import schemathesis
from hypothesis import strategies as st
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation.meta import TestPhase

WORLD: dict[str, Any] = json.loads(Path(environ["GRAINLINE_WORLD"]).read_text())
OFFICER, CHAIR, CLERK = (WORLD["staff"][role] for role in ("officer", "chair", "clerk"))
STAFF = {
    "add_gift_box": OFFICER,
    "add_offer": OFFICER,
    "add_pickup_point": OFFICER,
    "add_slots": OFFICER,
    "change_campaign": OFFICER,
    "change_capacity": OFFICER,
    "change_quota": OFFICER,
    "draft_campaign": OFFICER,
    "list_campaign_orders": CHAIR,
    "list_conflicts": CHAIR,
    "list_members": CHAIR,
    "publish_campaign": CHAIR,
    "redeem": CLERK,
    "redeem_batch": CLERK,
}
DRAFTS = {"get_campaign", "list_slots"}
"""A draft that was just made is there for staff only."""
MEMBERS: list[str] = WORLD["members"]
OWNERS: dict[str, str] = WORLD["owners"]
OURS = {*STAFF.values(), *MEMBERS}
REAL: dict[str, list[str]] = WORLD["ids"]
MATCHED = {"change_campaign", "change_quota"}
VERSIONED = MATCHED | {"publish_campaign"}
MADE: set[str] = set()
VERSIONS: dict[str, int] = {}
TURN = count()
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
    if isinstance(case.body, dict) and not meta.is_negative_at(ParameterLocation.BODY):
        case.body = fitting(name, case.body, share=share)
    if name in MATCHED and not meta.is_negative_at(ParameterLocation.HEADER) and next(TURN) % 4:
        version = VERSIONS.get(next(iter(case.path_parameters.values())), 1)
        case.headers["If-Match"] = f'"{version}"'
    given = (case.headers or {}).get("Authorization", "")
    if given.removeprefix("Bearer ") in OURS and name not in STAFF:
        order_id = (case.path_parameters or {}).get("order_id")
        somebody = MEMBERS[next(TURN) % len(MEMBERS)] if name == "place_order" else MEMBERS[0]
        token = OWNERS.get(str(order_id), somebody)
        if is_stateful and name in DRAFTS:
            token = OFFICER
        case.headers["Authorization"] = f"Bearer {token}"


@schemathesis.hook
def after_call(context: Any, case: Any, response: Any) -> None:
    """Count the answer, and remember who owns an order that was just made."""
    name = case.operation.definition.raw["operationId"]
    COUNTED[name][response.status_code] += 1
    answer = response.json() if response.status_code in {200, 201} and name in VERSIONED else {}
    if response.status_code == 201:
        MADE.add(response.json().get("id"))
    if "version" in answer:
        VERSIONS[answer["id"]] = answer["version"]
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
    mend = MENDED.get(name)
    return body if mend is None else mend(body)


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
    """Give the barcode its check digit, and name every product once."""
    digits = body["barcode"][:12]
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(digits))
    body["barcode"] = digits + str(-total % 10)
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


MENDED = {
    "draft_campaign": mend_campaign,
    "change_campaign": mend_campaign,
    "add_slots": mend_slots,
    "add_gift_box": mend_gift_box,
    "redeem": mend_scan,
    "redeem_batch": mend_batch,
}
