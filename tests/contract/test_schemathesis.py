"""The document against the service: calls made from it, good and bad, every answer compared with it.

All checks of schemathesis are on; what its schema language cannot say is in `schemathesis_hooks.py` and
`schemathesis.toml`, how it is run in `schemathesis_runs.py`; goods are in `test_schemathesis_goods.py`, so
that two processes share the work. Small here; the long run is
`SCHEMATHESIS_EXAMPLES=2000 make test PYTEST_ARGS=tests/contract/test_schemathesis.py`.
"""

from pathlib import Path

import pytest

from tests.contract.schemathesis_runs import PEOPLE, address, check, served, texts, unlimited, world

__all__ = ["address", "served", "texts", "unlimited", "world"]
GROUPS = ("campaigns", "orders", "redemptions", "pickup", "catalog", "unions", "health", *PEOPLE)
"""Tags of operations that are run together."""


@pytest.mark.slow
@pytest.mark.parametrize("group", GROUPS)
async def test_every_answer_is_the_documented_one(address: str, world: Path, group: str) -> None:
    await check(address, world, group)
