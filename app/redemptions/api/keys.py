"""Routes of the keys that sign pickup codes: what verifies them, and withdrawing one."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from app.access.actor import Actor
from app.access.audit import Trace, record
from app.access.deps import Kept, Transaction, require
from app.access.policy import Permission
from app.access.scope import every_union
from app.devices.rules.signature import to_base64url
from app.platform.clock import utc_now
from app.platform.errors import Conflict, KeyInFlight, KeyRequired, KeyReused
from app.platform.http import NOT_MODIFIED, StrictRoute, tagged
from app.platform.problems import describe
from app.redemptions import queries
from app.redemptions.actions.keys import withdraw_key
from app.redemptions.errors import KeyNotFound, KeyNotYours, KeyStepRefused
from app.redemptions.rules.keys import LIST_GOOD_FOR, KeyState, list_version
from app.redemptions.schemas import KeyWithdrawal, SigningKeysView, SigningKeyView
from app.redemptions.tables import CodeKey

router = APIRouter(route_class=StrictRoute, tags=["redemptions"])
_KEYED = (Conflict, KeyReused, KeyRequired, KeyInFlight)
KeyNumber = Annotated[str, Path(max_length=40, description="1 to 255")]


@router.get(
    "/signing-keys",
    name="list_signing_keys",
    response_model=SigningKeysView,
    responses=describe() | NOT_MODIFIED,
)
async def list_signing_keys(
    request: Request,
    session: Transaction,
    _: Annotated[Actor, require(Permission.KEYS_READ)],
) -> Response:
    """Return the public keys that verify pickup codes: all that a device needs to read one offline.

    A device asks for the list again before it is 24 hours old, and refuses to verify with an older one.
    """
    view = keys_view(await queries.list_keys(session))
    return tagged(request, view.model_dump_json().encode())


@router.post(
    "/signing-keys/{key_id}/withdraw",
    name="withdraw_signing_key",
    response_model=SigningKeysView,
    responses=describe(
        KeyNotFound, KeyNotYours, KeyStepRefused, Conflict, KeyReused, KeyRequired, KeyInFlight
    ),
)
async def withdraw_signing_key(
    request: Request,
    key_id: KeyNumber,
    body: KeyWithdrawal,
    session: Transaction,
    keeper: Kept,
    actor: Annotated[Actor, require(Permission.KEYS_WITHDRAW)],
) -> Response:
    """Withdraw a key that leaked: every code it signed is refused from now on, and made anew with another.

    Only an account that sees every union whose codes the key has signed may do it.
    """
    number, store, now = _number(key_id), request.app.state.key_store, utc_now()
    async with request.app.state.database.transaction(every_union("a key may serve other unions")) as whole:
        unions = await queries.find_unions_of_key(whole, number)
    keys = await withdraw_key(session, number, store=store, unions=unions, now=now)
    details = {"key_id": number}
    trace = Trace(
        "redemptions.key_withdrawn", actor.union_id, actor=actor, reason=body.reason, details=details
    )
    record(session, trace, now=now)
    request.app.state.key_ring.forget()
    return await keeper.keep(keys_view(keys), status=200)


def _number(given: str) -> int:
    """Return the number of a key; raise KeyNotFound for what is none."""
    if not (given.isascii() and given.isdigit() and len(given) <= 3):
        raise KeyNotFound()
    return int(given)


def keys_view(keys: list[CodeKey]) -> SigningKeysView:
    """Return the list of keys as it is answered."""
    known = queries.public_keys(keys)
    items = [
        SigningKeyView(
            id=key.id,
            algorithm="ed25519",
            public_key=to_base64url(key.public_key),
            state=KeyState(key.state),
            published_at=key.created_at,
            state_since=key.changed_at,
        )
        for key in keys
    ]
    good_for = int(LIST_GOOD_FOR.total_seconds())
    return SigningKeysView(version=list_version(known), good_for_seconds=good_for, keys=items)
