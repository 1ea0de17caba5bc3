"""The first step of managers: the password, or the first password of an account."""

import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.actor import Actor
from app.access.audit import Trace, record
from app.access.tokens import digest_of, revoke_tokens_of
from app.access.vault import Place, keys_of
from app.platform.ids import new_id
from app.sign_in.actions.staff_door import BEFORE_SIGN_IN, OF_LOGIN, OF_PROOF, StaffDoor, trace_of
from app.sign_in.errors import PasswordWeak, ProofRefused, SignInRefused
from app.sign_in.queries.staff import find_account, lock_credential
from app.sign_in.rules.passwords import weakness_of
from app.sign_in.rules.totp import new_secret, provisioning_uri
from app.sign_in.tables.staff import StaffChallenge, StaffCredential
from app.unions.tables import StaffAccount

CHALLENGE_LIFE = timedelta(minutes=5)
ENROLMENT_LIFE = timedelta(days=1)
"""How long after its activation an account may still set its authenticator up."""


@dataclass(frozen=True, slots=True, repr=False)
class NextStep:
    """The password fits; `uri` is there when the authenticator is still to be set up."""

    challenge: str
    expires_at: datetime
    uri: str | None


async def check_password(
    door: StaffDoor, login: str, *, password: str, address: str, now: datetime
) -> NextStep:
    """Return the challenge of the second step; raises SignInRefused, TooManyRequests, Busy.

    A login that is unknown, disabled or without a password is checked against a hash that nothing fits.
    """
    login = login.strip().lower()
    await door.take(login, address=address, now=now)
    async with door.database.transaction(BEFORE_SIGN_IN) as session:
        found = await find_account(session, login=login)
    known = found[1].password_hash if found and found[1] else None
    if not await door.hasher.verify(password, known) or found is None or found[1] is None:
        if found is not None:
            door.note_refusal(found[0], "sign_in.password_refused", now=now)
        raise SignInRefused()
    async with door.database.transaction(BEFORE_SIGN_IN) as session:
        credential = await lock_credential(session, found[0].id)
        if credential is None or credential.password_hash != known or _is_half_done(credential, now=now):
            raise SignInRefused()
        step = await _open_challenge(session, found[0], credential=credential, now=now)
    await door.limiter.give_back(OF_LOGIN, login)
    return step


async def activate(
    door: StaffDoor, login: str, *, code: str, password: str, address: str, now: datetime
) -> NextStep:
    """Set the first password of an account with its activation code, which counts once.

    Raises SignInRefused, PasswordWeak (the code still counts), TooManyRequests, Busy.
    """
    login = login.strip().lower()
    await door.take(login, address=address, now=now)
    async with door.database.transaction(BEFORE_SIGN_IN) as session:
        found = await find_account(session, login=login)
    if found is None or not _is_activated_by(found[1], code, now=now):
        if found is not None:
            door.note_refusal(found[0], "sign_in.activation_refused", now=now)
        raise SignInRefused()
    staff = found[0]
    password_hash = await _hash_strong(door, staff, password=password)
    async with door.database.transaction(BEFORE_SIGN_IN) as session:
        credential = await lock_credential(session, staff.id)
        if credential is None or not _is_activated_by(credential, code, now=now):
            raise SignInRefused()
        credential.password_hash, credential.password_changed_at = password_hash, now
        credential.activation_digest = credential.activation_expires_at = None
        record(session, trace_of(staff, "sign_in.activated"), now=now)
        step = await _open_challenge(session, staff, credential=credential, now=now)
    await door.limiter.give_back(OF_LOGIN, login)
    return step


async def change_password(door: StaffDoor, actor: Actor, *, current: str, wanted: str, now: datetime) -> None:
    """Change the caller's password and end all other sessions; raises ProofRefused, PasswordWeak."""
    staff, credential = await confirm_password(door, actor, password=current, now=now)
    known = credential.password_hash
    password_hash = await _hash_strong(door, staff, password=wanted)
    async with door.database.transaction(actor.scope) as session:
        locked = await lock_credential(session, staff.id)
        if locked is None or locked.password_hash != known:
            raise ProofRefused()
        locked.password_hash, locked.password_changed_at = password_hash, now
        # Whoever has given the former password may not go on with the second step.
        await session.execute(delete(StaffChallenge).where(StaffChallenge.staff_id == staff.id))
        await revoke_tokens_of(session, staff.id, now=now, but=actor.session_id)
        record(session, _trace(actor, "sign_in.password_changed"), now=now)


async def confirm_password(
    door: StaffDoor, actor: Actor, *, password: str, now: datetime
) -> tuple[StaffAccount, StaffCredential]:
    """Return the caller's account and credentials if the password is theirs; raises ProofRefused."""
    door.errands.check()
    async with door.database.transaction(actor.scope) as session:
        found = await find_account(session, staff_id=actor.id)
    if found is None or found[1] is None:
        raise ProofRefused()
    await door.limiter.take(OF_PROOF, str(actor.id), now=now)
    if not await door.hasher.verify(password, found[1].password_hash):
        door.note_refusal(found[0], "sign_in.step_up_refused", now=now)
        raise ProofRefused()
    await door.limiter.give_back(OF_PROOF, str(actor.id))
    return found[0], found[1]


def _trace(actor: Actor, action: str) -> Trace:
    return Trace(action, actor.union_id, actor=actor, subject=("staff", actor.id))


def _is_half_done(credential: StaffCredential, *, now: datetime) -> bool:
    """Return whether an account was activated long ago and has no authenticator: a password alone, which
    somebody may have come by, must not set one up. The operator invites anew.
    """
    changed_at = credential.password_changed_at
    return credential.totp is None and changed_at is not None and now - changed_at >= ENROLMENT_LIFE


def _is_activated_by(credential: StaffCredential | None, code: str, *, now: datetime) -> bool:
    """Return whether this is the activation code of an account, in a time that does not depend on it."""
    wanted = credential.activation_digest if credential else None
    ends_at = credential.activation_expires_at if credential else None
    fits = hmac.compare_digest(wanted or bytes(32), digest_of(code))
    return fits and wanted is not None and ends_at is not None and now < ends_at


async def _hash_strong(door: StaffDoor, staff: StaffAccount, *, password: str) -> str:
    reason = weakness_of(password, login=staff.login, name=staff.display_name)
    if reason is not None:
        raise PasswordWeak(reason=reason.value)
    return await door.hasher.hash(password)


async def _open_challenge(
    session: AsyncSession, staff: StaffAccount, *, credential: StaffCredential, now: datetime
) -> NextStep:
    """Add a challenge; without a second factor it holds the sealed secret of one that may become it."""
    ended = delete(StaffChallenge).where(
        StaffChallenge.staff_id == staff.id, StaffChallenge.expires_at <= now
    )
    await session.execute(ended)
    challenge, id, sealed, uri = secrets.token_urlsafe(32), new_id(), None, None
    if credential.totp is None:
        secret, keys = new_secret(), await keys_of(session, staff.union_id)
        sealed = keys.seal(challenge_place(id), secret)
        uri = provisioning_uri(secret, staff.login)
    session.add(
        StaffChallenge(
            id=id, union_id=staff.union_id, staff_id=staff.id, digest=digest_of(challenge), totp=sealed,
            created_at=now, expires_at=now + CHALLENGE_LIFE,
        )
    )  # fmt: skip
    return NextStep(challenge, now + CHALLENGE_LIFE, uri)


def challenge_place(id: object) -> Place:
    """Return the place in which a secret waits for its first code."""
    return Place("staff_challenges", "totp", id)  # type: ignore[arg-type]
