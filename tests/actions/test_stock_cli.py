"""`grainline stock verify`: silent books end with 0, altered ones are named and end with 1."""

import asyncio

import pytest
from typer.testing import CliRunner

from app.cli import stock
from app.cli.stock import check_stock
from app.platform.doctor import Level
from tests.factories import ledger
from tests.factories.databases import Scratch
from tests.factories.street import make_street


async def test_books_are_verified_line_by_line(scratch: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stock, "get_settings", lambda: scratch.settings)
    here = await make_street(scratch.database)
    lot, (point,) = await ledger.stock_lot(here, "A1", 10), here.points
    fine = await asyncio.to_thread(CliRunner().invoke, stock.commands, ["verify"])
    assert (fine.exit_code, fine.output) == (0, "In order: every balance is what its movements add up to\n")
    assert (await check_stock(scratch.database)).level is Level.OK
    await scratch.execute(
        f"UPDATE stock_balances SET boxes = 9 WHERE lot_id = '{lot}' AND kind = 'pickup_point'"
    )
    bad = await asyncio.to_thread(CliRunner().invoke, stock.commands, ["verify"])
    assert (bad.exit_code, bad.output.splitlines()) == (
        1,
        [
            f"lot {lot}, pickup_point {point}: balance 9, movements add up to 10",
            f"lot {lot}, whole lot: balance 9, consigned 10",
        ],
    )
    finding = await check_stock(scratch.database)
    assert (finding.level, finding.name) == (Level.FAIL, "stock")
    assert finding.detail.startswith("2 differences")
