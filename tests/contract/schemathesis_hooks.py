"""What schemathesis cannot know: who may do what, which ids are real, which fields belong together.

Loaded into the `schemathesis` process by SCHEMATHESIS_HOOKS; `GRAINLINE_WORLD` is the JSON file that
`test_schemathesis.py` writes. Values are replaced by hash, not by chance: a seed repeats a run.
"""

import json
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
OWNERS: dict[str, str] = WORLD["owners"]
OFFICER, CHAIR, CLERK = (WORLD["staff"][role] for role in ("officer", "chair", "clerk"))
STAFF = {
    "change_campaign": OFFICER,
    "draft_campaign": OFFICER,
    "add_offer": OFFICER,
    "add_slots": OFFICER,
    "add_gift_box": OFFICER,
    "add_pickup_point": OFFICER,
    "change_capacity": OFFICER,
    "change_quota": OFFICER,
    "publish_campaign": CHAIR,
    "list_members": CHAIR,
    "list_conflicts": CHAIR,
    "list_campaign_orders": CHAIR,
    "redeem": CLERK,
    "redeem_batch": CLERK,
}
TURN = count()
YEARS = st.integers(2000, 2100)

# Days and instants are limited to years that can be meant, which the formats of JSON Schema cannot say.
schemathesis.openapi.format("date", st.dates(*(__import__("datetime").date(y, *d) for y, d in ((2000, (1, 1)), (2100, (12, 31))))).map(str))
