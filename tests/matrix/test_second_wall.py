"""The cells of foreign things once more with the filter of the service off: row-level security is alone.

The same calls are made without either wall: there they do show and change foreign rows.
"""

import pytest
from fastapi import FastAPI

from tests.factories.matrix import FOREIGN, Cell, Players, Seen, cells_of, echoed, operations, secrets_of
from tests.factories.worlds import OWN

SHOWN = {
    "abandon_roster", "accept_correction", "approve_exception", "approve_staff", "carry_out_erasure",
    "change_campaign", "change_capacity", "change_quota", "disable_staff",
    "get_campaign", "get_device", "get_eligibility_impact", "get_roster_import", "list_campaign_orders",
    "list_campaigns", "list_conflicts", "list_corrections", "list_devices", "list_erasures",
    "list_exceptions", "list_gift_boxes", "list_members", "list_pickup_points", "list_products",
    "list_receipts", "list_roster_imports", "list_roster_rows", "list_staff", "reset_pin",
    "reveal_correction", "reveal_holder", "reveal_member", "withdraw_exception",
    # Goods.
    "approve_disposal", "cancel_purchase", "cancel_stocktake", "change_product", "change_supplier",
    "get_aid_draft", "get_closing", "get_coverage", "get_disposal", "get_document",
    "get_goods_receipt", "get_lot", "get_product", "get_purchase", "get_redemption", "get_spending",
    "get_supplier", "get_transfer", "list_certificates", "list_closing_blockers", "list_disposals",
    "list_documents", "list_goods_receipts", "list_lots", "list_recipients", "list_spending_sources",
    "list_stock_alerts", "list_stock_coverage", "list_stocktakes", "list_suppliers", "list_targets",
    "list_transfers", "recall_lot", "record_purchase_papers", "submit_purchase",
    "supplement_document", "withdraw_certificate",
}  # fmt: skip
"""Operations that show or change a foreign row when both walls are down."""


def _looks(players: Players, cells: list[Cell]) -> list[Cell]:
    """Return the calls that name foreign things, and those that look and name nothing."""
    of_foreign = [cell for cell in cells if cell.owner == FOREIGN]
    own = [cell for cell in cells if cell.owner == OWN and cell.operation.method == "GET"]
    return [cell for cell in of_foreign + own if cell.operation.lets(cell.caller)]


def _shows(seen: Seen, foreign: set[str]) -> bool:
    """Whether an answer holds anything foreign; what fails on a foreign row has read one."""
    text = seen.content.replace(seen.given, "") if seen.given else seen.content
    status = seen.answer.status_code
    return status == 500 or (status < 400 and any(word in text for word in foreign))


async def _leaks(app: FastAPI, players: Players) -> tuple[set[str], set[str]]:
    """Return the operations that show a foreign row, and those that change one."""
    foreign, watch = secrets_of(players.theirs), players.watch
    shown, changed = set(), set()
    before = await watch.digests(players.theirs)
    for operation in operations(app):
        if operation.is_public:
            continue
        for caller in list(players.ours.callers.values()):
            for cell in _looks(players, cells_of(operation, caller, players.ours)):
                seen = await players.play(cell)
                if _shows(seen, foreign - echoed(players.theirs, operation)):
                    shown.add(operation.name)
        after = await watch.digests(players.theirs)
        if after != before:
            changed.add(operation.name)
        before = after
    return shown, changed


@pytest.mark.usefixtures("without_filter")
async def test_row_level_security_alone_shows_and_changes_nothing_foreign(
    app: FastAPI, lonely_players: Players
) -> None:
    assert await _leaks(app, lonely_players) == (set(), set())


async def test_without_both_walls_the_same_calls_do(
    app: FastAPI, lonely_players: Players, request: pytest.FixtureRequest
) -> None:
    request.getfixturevalue("without_walls")
    shown, changed = await _leaks(app, lonely_players)
    assert shown | changed >= SHOWN
