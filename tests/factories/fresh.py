"""Things and people that a call of the matrix may change or end, made for that call."""

import secrets
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

from app.access.policy import UNIT_ROLES, Role
from app.campaigns.tables import CorrectionRequest, EligibilityException
from app.devices.tables import Device
from app.platform.clock import utc_now
from app.privacy.tables import ErasureRequest
from app.roster.tables import RosterImport
from tests.factories.fresh_goods import GOODS
from tests.factories.street import Person
from tests.factories.worlds import OWN, Caller, World, link, new_staff, short_code

Fresh = Callable[[World, str, Caller], Any]


async def _fresh_import(world: World, owner: str, caller: Caller) -> UUID:
    by = {} if caller.role == "union_officer" else {"created_by": caller.who.id}
    return await world.copy(RosterImport, world.things["import"][owner], **by)


async def _fresh_exception(world: World, owner: str, caller: Caller, **values: Any) -> UUID:
    who = await world.member(owner)
    return await world.copy(
        EligibilityException, world.things["exception"][owner], member_id=who.id, **values
    )


async def _fresh_approved(world: World, owner: str, caller: Caller) -> UUID:
    decided = {"status": "approved", "decided_by": world.here.staff[Role.AUDITOR].id, "decided_at": utc_now()}
    return await _fresh_exception(world, owner, caller, **decided)


async def _fresh_erasure(world: World, owner: str, caller: Caller) -> UUID:
    who = await world.member(owner)
    return await world.copy(ErasureRequest, world.things["erasure"][owner], member_id=who.id)


async def _fresh_correction(world: World, owner: str, caller: Caller) -> UUID:
    return await world.copy(CorrectionRequest, world.things["correction"][owner])


async def _fresh_device(world: World, owner: str, caller: Caller) -> UUID:
    return await world.copy(
        Device, world.things["device"][OWN], public_key=secrets.token_bytes(32), revoked_at=None,
        revoked_by=None, revoke_reason=None, name=f"{world.word}·平板",
    )  # fmt: skip


async def _fresh_staff(world: World, owner: str, caller: Caller) -> UUID:
    return await new_staff(world)


async def _fresh_clerk(world: World, owner: str, caller: Caller) -> UUID:
    return await new_staff(world, role="station_clerk", approved_at=utc_now())


async def _fresh_session(world: World, owner: str, caller: Caller) -> UUID:
    more = {"device_id": caller.tablet.id} if caller.tablet else {}
    return await world.session_of(await world.token(caller.who.id, Role(caller.role), **more))


async def _fresh_link(world: World, owner: str, caller: Caller) -> UUID:
    if caller.role != "member":
        return uuid4()
    return await link(world, caller.who)


async def _fresh_order(world: World, owner: str, caller: Caller) -> UUID:
    return await world.ordered(caller.who)


async def _fresh_code(world: World, owner: str, caller: Caller) -> str:
    who = await world.member(owner)
    return await short_code(world, who, await world.ordered(who))


async def _fresh_member(world: World, owner: str, caller: Caller) -> UUID:
    return (await world.member(owner)).id


FRESH: dict[str, dict[str, Fresh]] = {
    "abandon_roster": {"path.import_id": _fresh_import},
    "approve_exception": {"path.exception_id": _fresh_exception},
    "decline_exception": {"path.exception_id": _fresh_exception},
    "withdraw_exception": {"path.exception_id": _fresh_approved},
    "accept_correction": {"path.correction_id": _fresh_correction},
    "decline_correction": {"path.correction_id": _fresh_correction},
    "carry_out_erasure": {"path.request_id": _fresh_erasure},
    "decline_erasure": {"path.request_id": _fresh_erasure},
    "request_exception": {"body.member_id": _fresh_member},
    "change_device": {"path.device_id": _fresh_device},
    "revoke_device": {"path.device_id": _fresh_device},
    "change_staff_role": {"path.staff_id": _fresh_clerk},
    "approve_staff": {"path.staff_id": _fresh_staff},
    "disable_staff": {"path.staff_id": _fresh_staff},
    "reset_pin": {"path.staff_id": _fresh_clerk},
    "end_session": {"path.session_id": _fresh_session},
    "unlink_host_identity": {"path.identity_id": _fresh_link},
    "redeem": {"body.code": _fresh_code},
    "redeem_batch": {"body.events.code": _fresh_code},
    "cancel_order": {"path.order_id": _fresh_order},
    **GOODS,
}
"""Calls that change or end a thing of their own get one made for them."""

OF_ITS_OWN = {"place_order", "ask_for_erasure", "cancel_order"}
"""Operations whose member does it once: each call is another member's."""
ENDS_A_SESSION = {"sign_out", "end_other_sessions"}
ONCE = OF_ITS_OWN | ENDS_A_SESSION


async def _stand_in(world: World, caller: Caller) -> Person:
    """Return somebody with the same rights, who may be signed out."""
    if caller.role == "member":
        return await world.member()
    role, units = Role(caller.role), None
    if role is Role.PICKUP_DEVICE:
        return Person(caller.who.id, "", await world.token(caller.who.id, role))
    if role in UNIT_ROLES:
        units = [world.here.unit_id]
    terms = {"role": caller.role, "approved_at": utc_now(), "unit_id": units[0] if units else None}
    id, device = await new_staff(world, **terms), caller.tablet.id if caller.tablet else None
    return Person(id, "", await world.token(id, role, scope_unit_ids=units, device_id=device))


async def caller_for(world: World, name: str, caller: Caller) -> Caller:
    """Return who makes a call: the caller, or one of the same kind of whom nothing else depends."""
    if caller.role == "member" and name in OF_ITS_OWN:
        return Caller(caller.name, caller.role, await world.member())
    if caller.role and name in ENDS_A_SESSION:
        return Caller(caller.name, caller.role, await _stand_in(world, caller), caller.tablet)
    return caller
