"""The second step of managers: a code of the authenticator or a recovery code; and the step up later on."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.actor import Actor
from app.access.audit import Trace, record
from app.access.tokens import (
    STEPPED_UP_FOR,
    AccessToken,
    Kind,
    digest_of,
    open_session,
    revoke_token,
    tell_workers,
)
from app.access.vault import UnionKeys, keys_of
from app.platform.ids import new_id
from app.platform.sealing import Sealed
from app.sign_in.actions.staff_door import BEFORE_SIGN_IN, OF_CODE, StaffDoor, totp_place, trace_of
from app.sign_in.actions.staff_password import challenge_place, confirm_password
from app.sign_in.errors import ProofRefused, SignInRefused
from app.sign_in.queries.staff import (
    count_recovery_codes,
    find_account,
    find_challenge,
    lock_challenge,
    lock_credential,
    lock_recovery_code,
)
from app.sign_in.rules.recovery import new_recovery_codes, read_recovery_code
from app.sign_in.rules.totp import accepted_step
from app.sign_in.tables.staff import MOST_TRIES, StaffChallenge, StaffCredential, StaffRecoveryCode
from app.unions.actions.accounts import staff_opening
from app.unions.tables import StaffAccount


@dataclass(frozen=True, slots=True, repr=False)
class Proof:
    """What was given: the challenge of the first step, and one of the two codes."""

    challenge: str
    code: str | None = None
    recovery_code: str | None = None


@dataclass(frozen=True, slots=True)
class Client:
    """How the session is to travel, to which program, and which session it takes the place of, if any."""

    kind: Kind
    label: str | None = None
    replaces: str | None = None


@dataclass(frozen=True, slots=True, repr=False)
class SignedIn:
    """A session was opened; `recovery_codes` are there when the authenticator was set up just now."""

    token: str
    opened: AccessToken
    recovery_codes: list[str] | None
    recovery_codes_left: int


async def finish_sign_in(door: StaffDoor, proof: Proof, *, client: Client, now: datetime) -> SignedIn:
    """Open the session of a manager whose second factor fits; raises SignInRefused, TooManyRequests.

    A challenge counts once, for five minutes and five tries.
    """
    digest = digest_of(proof.challenge)
    async with door.database.transaction(BEFORE_SIGN_IN) as session:
        challenge = await find_challenge(session, digest)
    if challenge is None:
        raise SignInRefused()
    door.errands.check()
    await door.limiter.take(OF_CODE, str(challenge.staff_id), now=now)
    async with door.database.transaction(BEFORE_SIGN_IN) as session:
        signed_in = await _try(session, digest, proof=proof, client=client, now=now)
    if signed_in is None:
        raise SignInRefused()
    await door.limiter.give_back(OF_CODE, str(challenge.staff_id))
    return signed_in


async def _try(
    session: AsyncSession, digest: bytes, *, proof: Proof, client: Client, now: datetime
) -> SignedIn | None:
    """Count a try of a challenge, and sign in if it succeeds; what is refused is committed too."""
    challenge = await lock_challenge(session, digest)
    if challenge is None or challenge.used_at is not None or challenge.expires_at <= now:
        return None
    found = await find_account(session, staff_id=challenge.staff_id)
    credential = await lock_credential(session, challenge.staff_id)
    if found is None or credential is None or challenge.tried_count >= MOST_TRIES:
        return None
    challenge.tried_count += 1
    keys = await keys_of(session, challenge.union_id)
    if not await _accept(session, credential, challenge=challenge, proof=proof, keys=keys, now=now):
        record(session, trace_of(found[0], "sign_in.second_factor_refused"), now=now)
        return None
    challenge.used_at = now
    codes = None
    if challenge.totp is not None:
        codes = await _renew_recovery_codes(session, credential, keys=keys)
    return await _open(session, found[0], client=client, codes=codes, now=now)


async def _accept(
    session: AsyncSession,
    credential: StaffCredential,
    *,
    challenge: StaffChallenge,
    proof: Proof,
    keys: UnionKeys,
    now: datetime,
) -> bool:
    if challenge.totp is not None:
        if credential.totp is not None or proof.code is None:
            return False  # another authenticator was set up meanwhile, or none yet that could be lost
        secret = keys.open(challenge_place(challenge.id), challenge.totp)
        step = accepted_step(secret, proof.code, last_step=0, now=now)
        if step is None:
            return False
        credential.totp, credential.totp_last_step = keys.seal(totp_place(credential), secret), step
        return True
    if proof.code is not None:
        return accept_code(credential, proof.code, keys=keys, now=now)
    typed = read_recovery_code(proof.recovery_code or "")
    found = await lock_recovery_code(
        session, credential.staff_id, digest=_keyed(keys, credential, code=typed)
    )
    if found is None:
        return False
    found.used_at = now
    return True


def accept_code(credential: StaffCredential, code: str, *, keys: UnionKeys, now: datetime) -> bool:
    """Return whether a code of the account's authenticator fits; its step then counts no more."""
    if credential.totp is None or credential.totp_last_step is None:
        return False
    try:
        secret = keys.open(totp_place(credential), credential.totp)
    except Sealed:
        return False  # moved here from another account, or its key is gone
    step = accepted_step(secret, code, last_step=credential.totp_last_step, now=now)
    if step is None:
        return False
    credential.totp_last_step = step
    return True


async def _open(
    session: AsyncSession, staff: StaffAccount, *, client: Client, codes: list[str] | None, now: datetime
) -> SignedIn:
    """Open the session and end the one that the same browser had (ASVS 5.0 7.2.4)."""
    if client.replaces is not None:
        await revoke_token(session, digest_of(client.replaces), now=now)
    opening = await staff_opening(session, staff, kind=client.kind, label=client.label)
    token = open_session(session, opening, now=now)
    record(session, trace_of(staff, "sign_in.accepted", kind=client.kind), now=now)
    await session.flush()
    opened = await session.get_one(AccessToken, digest_of(token))
    return SignedIn(token, opened, codes, await count_recovery_codes(session, staff.id))


async def step_up(door: StaffDoor, actor: Actor, *, password: str, code: str, now: datetime) -> datetime:
    """Let the caller's session do for ten minutes what asks for a second proof; return until when.

    Raises ProofRefused, TooManyRequests.
    """
    staff, _ = await confirm_password(door, actor, password=password, now=now)
    await door.limiter.take(OF_CODE, str(staff.id), now=now)
    async with door.database.transaction(actor.scope) as session:
        credential = await lock_credential(session, staff.id)
        keys = await keys_of(session, staff.union_id)
        fits = credential is not None and accept_code(credential, code, keys=keys, now=now)
        if fits:
            mine = update(AccessToken).where(AccessToken.id == actor.session_id)
            await session.execute(mine.values(stepped_up_until=now + STEPPED_UP_FOR))
            await tell_workers(session, actor.session_id)
        action = "sign_in.stepped_up" if fits else "sign_in.step_up_refused"
        record(session, Trace(action, actor.union_id, actor=actor, subject=("staff", actor.id)), now=now)
    if not fits:
        raise ProofRefused()
    await door.limiter.give_back(OF_CODE, str(staff.id))
    return now + STEPPED_UP_FOR


async def renew_recovery_codes(session: AsyncSession, actor: Actor, *, now: datetime) -> list[str]:
    """Return ten new recovery codes of the caller; those before count no more. Raises ProofRefused."""
    credential = await lock_credential(session, actor.id)
    if credential is None or credential.totp is None:
        raise ProofRefused()
    record(session, Trace("sign_in.recovery_codes_renewed", actor.union_id, actor=actor), now=now)
    return await _renew_recovery_codes(session, credential, keys=await keys_of(session, actor.union_id))


async def _renew_recovery_codes(
    session: AsyncSession, credential: StaffCredential, *, keys: UnionKeys
) -> list[str]:
    await forget_recovery_codes(session, credential.staff_id)
    codes = new_recovery_codes()
    for code in codes:
        digest = _keyed(keys, credential, code=read_recovery_code(code))
        session.add(
            StaffRecoveryCode(
                id=new_id(), union_id=credential.union_id, staff_id=credential.staff_id, digest=digest
            )
        )
    return codes


async def forget_recovery_codes(session: AsyncSession, staff_id: UUID) -> None:
    """Take all recovery codes of an account away."""
    await session.execute(delete(StaffRecoveryCode).where(StaffRecoveryCode.staff_id == staff_id))


def _keyed(keys: UnionKeys, credential: StaffCredential, *, code: str) -> bytes:
    return keys.index("staff_recovery_code", f"{credential.staff_id}|{code}")
