"""The document against the service: goods, from the purchase to the sealed papers."""

from pathlib import Path

import pytest

from tests.contract.schemathesis_runs import GOODS, address, check, served, texts, unlimited, world

__all__ = ["address", "served", "texts", "unlimited", "world"]


@pytest.mark.slow
@pytest.mark.parametrize("group", GOODS)
async def test_every_answer_is_the_documented_one(address: str, world: Path, group: str) -> None:
    await check(address, world, group)
