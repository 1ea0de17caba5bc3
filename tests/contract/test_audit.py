"""Nothing is changed through the API without an entry in the audit log, or a ledger of its own."""

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts

from app.access.deps import Transaction, open_transaction, require
from app.access.policy import Permission
from app.main import create_app
from app.platform.settings import Settings

# Operations that are not recorded by themselves, and where one finds who did what. A row is a decision.
LEDGERS = {
    # The hot desks: who ordered, moved, cancelled, scanned and when is in these rows, which nothing deletes.
    "place_order": "orders",
    "book_slot": "orders",
    "cancel_order": "orders",
    "redeem": "redemptions, redemption_conflicts",
    "redeem_batch": "redemptions, redemption_conflicts, quarantined_events",
    # Nobody is signed in yet, or a refusal must leave an entry too: these record by themselves, in words of
    # their own (`sign_in.*`); that a code was asked for is counted by the limits.
    "send_sign_in_code": "limit_records",
    "verify_sign_in_code": "audit_entries",
    "choose_sign_in_member": "audit_entries",
    "sign_in_with_host_ticket": "audit_entries",
    "link_host_identity": "audit_entries",
    "begin_staff_sign_in": "audit_entries",
    "finish_staff_sign_in": "audit_entries",
    "activate_staff_account": "audit_entries",
    "change_password": "audit_entries",
    "step_up": "audit_entries",
    # The same for devices and the clerks on them (`devices.*`).
    "pair_device": "audit_entries",
    "set_own_pin": "audit_entries",
    "activate_pin": "audit_entries",
    "sign_clerk_in": "audit_entries",
}


def _everything(dependant: Dependant) -> Iterator[Dependant]:
    yield dependant
    for child in dependant.dependencies:
        yield from _everything(child)


def _changing(app: FastAPI) -> Iterator[tuple[str, bool]]:
    """Every operation that may change something, and whether it is recorded by itself."""
    for context in iter_route_contexts(app.routes):
        if set(context.methods or ()) - {"GET", "HEAD"} and context.name is not None:
            calls = {part.call for part in _everything(context.dependant)}
            yield context.name, open_transaction in calls


def test_every_change_is_recorded_or_has_a_ledger() -> None:
    found = dict(_changing(create_app(Settings(environment="test"))))
    assert len(found) >= 15
    unrecorded = {name for name, is_recorded in found.items() if not is_recorded}
    assert unrecorded - set(LEDGERS) == set(), "record it, or name its ledger"
    assert set(LEDGERS) - unrecorded == set(), "it is recorded: take it off the list"


def test_control_an_operation_without_either_is_found() -> None:
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)

    async def silent(actor: Any = require(Permission.PROFILE_OWN)) -> None:
        """Do something."""

    async def recorded(session: Transaction, actor: Any = require(Permission.PROFILE_OWN)) -> None:
        """Do something."""

    app.delete("/silent", name="silent")(silent)
    app.delete("/recorded", name="recorded")(recorded)
    assert dict(_changing(app)) == {"silent": False, "recorded": True}
