"""What docs/journeys/ says is what the service answers today (`python -m tests.journeys --write`)."""

import pytest

from tests.factories.databases import Scratch
from tests.journeys.every import FOLDER, JOURNEYS, go_all, open_inside


@pytest.mark.slow
async def test_the_journeys_are_told_as_they_are(scratch: Scratch) -> None:
    async with open_inside(scratch.settings) as place:
        told = await go_all(place)
    for name in JOURNEYS:
        assert told[name].splitlines() == (FOLDER / f"{name}.md").read_text(encoding="utf-8").splitlines()
