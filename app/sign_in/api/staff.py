"""Routes of managers' sign-in: password, second factor, step up."""

from typing import Annotated

from fastapi import APIRouter, Request, Response

from app.access.actor import Actor
from app.access.clients import label_of
from app.access.cookies import SESSION_COOKIE, check_own_page, set_cookie
from app.access.deps import Transaction, UnusedKey, check_stepped_up, public, require
from app.access.policy import Permission
from app.platform.clock import utc_now
from app.platform.errors import (
    BodyTooLarge,
    Busy,
    CrossSite,
    KeyRequired,
    MalformedRequest,
    StorageFull,
    TooManyRequests,
    Unavailable,
)
from app.platform.http import StrictRoute
from app.platform.problems import describe
from app.sign_in.actions import staff_password, staff_second_factor
from app.sign_in.actions.staff_door import StaffDoor
from app.sign_in.actions.staff_password import NextStep
from app.sign_in.actions.staff_second_factor import Client, Proof, SignedIn
from app.sign_in.errors import PasswordWeak, ProofRefused, SignInRefused
from app.sign_in.schemas.staff import (
    ActivationGiven,
    NewPasswordGiven,
    NextStepView,
    PasswordGiven,
    RecoveryCodesView,
    SecondFactorGiven,
    SignedInView,
    Step,
    SteppedUpView,
    StepUpGiven,
    Transport,
)

router = APIRouter(route_class=StrictRoute, tags=["sign-in"])
Caller = Annotated[Actor, require(Permission.SESSIONS_OWN)]
_BEFORE = (
    SignInRefused, TooManyRequests, BodyTooLarge, MalformedRequest, KeyRequired, Busy, Unavailable,
    StorageFull,
)  # fmt: skip


@router.post(
    "/sign-in/staff",
    name="begin_staff_sign_in",
    response_model=NextStepView,
    dependencies=[public()],
    responses=describe(*_BEFORE, common=False),
)
async def begin_staff_sign_in(
    given: PasswordGiven, request: Request, response: Response, _key: UnusedKey = None
) -> NextStepView:
    """Take the password; the answer says what the second step is."""
    step = await staff_password.check_password(
        _door(request), given.login, password=given.password, address=_address(request), now=utc_now()
    )
    return _next(step, response)


@router.post(
    "/sign-in/staff/activate",
    name="activate_staff_account",
    response_model=NextStepView,
    dependencies=[public()],
    responses=describe(*_BEFORE, PasswordWeak, common=False),
)
async def activate_staff_account(
    given: ActivationGiven, request: Request, response: Response, _key: UnusedKey = None
) -> NextStepView:
    """Take the activation code and the first password; the second step sets an authenticator up."""
    step = await staff_password.activate(
        _door(request), given.login, code=given.activation_code, password=given.password,
        address=_address(request), now=utc_now(),
    )  # fmt: skip
    return _next(step, response)


@router.post(
    "/sign-in/staff/totp",
    name="finish_staff_sign_in",
    response_model=SignedInView,
    dependencies=[public()],
    responses=describe(*_BEFORE, CrossSite, common=False),
)
async def finish_staff_sign_in(
    given: SecondFactorGiven, request: Request, response: Response, _key: UnusedKey = None
) -> SignedInView:
    """Take the second factor and open the session, in the answer or in a cookie."""
    if given.transport is Transport.COOKIE:
        check_own_page(request)
    client = Client(
        kind=given.transport.value,
        label=label_of(request.headers.get("user-agent")),
        replaces=request.cookies.get(SESSION_COOKIE) if given.transport is Transport.COOKIE else None,
    )
    now = utc_now()
    proof = Proof(given.challenge, given.code, given.recovery_code)
    found = await staff_second_factor.finish_sign_in(_door(request), proof, client=client, now=now)
    if client.replaces is not None:
        request.app.state.tokens.forget()
    response.headers["Cache-Control"] = "no-store"
    if given.transport is Transport.COOKIE:
        set_cookie(response, found.token, until=found.opened.expires_at, now=now)
    return _signed_in(found, given.transport)


@router.post(
    "/sign-in/staff/step-up",
    name="step_up",
    response_model=SteppedUpView,
    responses=describe(ProofRefused, TooManyRequests, KeyRequired),
)
async def step_up(
    given: StepUpGiven, request: Request, actor: Caller, _key: UnusedKey = None
) -> SteppedUpView:
    """Take both proofs once more; this session may do for ten minutes what asks for them."""
    until = await staff_second_factor.step_up(
        _door(request), actor, password=given.password, code=given.code, now=utc_now()
    )
    request.app.state.tokens.forget(actor.session_id)
    return SteppedUpView(stepped_up_until=until)


@router.post(
    "/sign-in/staff/password",
    name="change_password",
    status_code=204,
    responses=describe(ProofRefused, PasswordWeak, TooManyRequests, KeyRequired),
)
async def change_password(
    given: NewPasswordGiven, request: Request, actor: Caller, _key: UnusedKey = None
) -> Response:
    """Change the caller's password; all other sessions of the account end. Needs a step up."""
    check_stepped_up(actor)
    await staff_password.change_password(
        _door(request), actor, current=given.current_password, wanted=given.new_password, now=utc_now()
    )
    request.app.state.tokens.forget(actor.id)
    return Response(status_code=204)


@router.post(
    "/sign-in/staff/recovery-codes",
    name="renew_recovery_codes",
    response_model=RecoveryCodesView,
    responses=describe(ProofRefused, KeyRequired),
)
async def renew_recovery_codes(
    response: Response, session: Transaction, actor: Caller, _key: UnusedKey = None
) -> RecoveryCodesView:
    """Return ten new recovery codes, this once; those before count no more. Needs a step up."""
    check_stepped_up(actor)
    response.headers["Cache-Control"] = "no-store"
    codes = await staff_second_factor.renew_recovery_codes(session, actor, now=utc_now())
    return RecoveryCodesView(recovery_codes=codes)


def _door(request: Request) -> StaffDoor:
    door: StaffDoor = request.app.state.staff_door
    return door


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


def _next(step: NextStep, response: Response) -> NextStepView:
    response.headers["Cache-Control"] = "no-store"
    kind = Step.TOTP if step.uri is None else Step.ENROLL_TOTP
    return NextStepView(
        next=kind, challenge=step.challenge, expires_at=step.expires_at, provisioning_uri=step.uri
    )


def _signed_in(found: SignedIn, transport: Transport) -> SignedInView:
    return SignedInView(
        session_id=found.opened.id,
        token=found.token if transport is Transport.BEARER else None,
        expires_at=found.opened.expires_at,
        idle_seconds=found.opened.idle_seconds,
        recovery_codes=found.recovery_codes,
        recovery_codes_left=found.recovery_codes_left,
    )
