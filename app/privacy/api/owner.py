"""Routes of the owner of the data: notices, consents, who looked, everything held, erasure."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from app.access.actor import Actor
from app.access.deps import Kept, Transaction, public, require
from app.access.policy import Permission, Role
from app.access.vault import Place, keys_of
from app.platform.clock import utc_now
from app.platform.errors import KeyInFlight, KeyRequired, KeyReused
from app.platform.http import StrictRoute
from app.platform.i18n import choose_language, text
from app.platform.paging import CursorInvalid, PageRequest, PageView
from app.platform.problems import describe
from app.privacy import queries
from app.privacy.actions.consent import give_consent, withdraw_consent
from app.privacy.actions.erase import ask_for_erasure, withdraw_erasure
from app.privacy.actions.gather import gather_my_data
from app.privacy.errors import (
    ConsentNeeded,
    ErasureAlreadyAsked,
    ErasureNotFound,
    NoticeOutdated,
    OrderStillOpen,
)
from app.privacy.rules import NOTICES, Purpose, consent_state
from app.privacy.schemas import (
    ConsentRequest,
    ConsentsView,
    ConsentView,
    ErasureView,
    LookView,
    MyDataView,
    NoticesView,
    NoticeView,
)
from app.unions.rules.looks import RevealField, RevealReason

router = APIRouter(route_class=StrictRoute, tags=["privacy"])
KEYED = (KeyRequired, KeyReused, KeyInFlight)
Owner = Annotated[Actor, require(Permission.PRIVACY_OWN)]


@router.get(
    "/privacy/notices",
    name="list_notices",
    response_model=NoticesView,
    dependencies=[public()],
    responses=describe(common=False),
)
async def list_notices(request: Request) -> NoticesView:
    """Return what personal data is used for; anybody may read it, before signing in too (PIPL article 17)."""
    language = choose_language(request.headers.get("accept-language"))
    items = [
        NoticeView(
            purpose=notice.purpose,
            version=notice.version,
            is_optional=notice.is_optional,
            title=text(language, f"message.notice_{notice.purpose}", part="title"),
            text=text(language, f"message.notice_{notice.purpose}", part="detail"),
        )
        for notice in NOTICES.values()
    ]
    return NoticesView(items=items)


@router.get("/me/consents", name="list_consents", response_model=ConsentsView, responses=describe())
async def list_consents(session: Transaction, actor: Owner) -> ConsentsView:
    """Return where the caller stands with each purpose."""
    known = await queries.find_consents(session, actor.id)
    items = []
    for notice in NOTICES.values():
        row = known.get(notice.purpose)
        state = consent_state(
            notice.purpose,
            version=row.version if row else None,
            withdrawn=row is not None and row.withdrawn_at is not None,
        )
        items.append(
            ConsentView(
                purpose=notice.purpose,
                state=state,
                version=row.version if row else None,
                current_version=notice.version,
                is_optional=notice.is_optional,
                given_at=row.given_at if row else None,
                withdrawn_at=row.withdrawn_at if row else None,
            )
        )
    return ConsentsView(items=items)


@router.put(
    "/me/consents/{purpose}",
    name="give_consent",
    response_model=ConsentsView,
    responses=describe(NoticeOutdated),
)
async def agree(purpose: Purpose, body: ConsentRequest, session: Transaction, actor: Owner) -> ConsentsView:
    """Agree to the current text of a purpose."""
    await give_consent(session, actor, purpose=purpose, version=body.version, now=utc_now())
    await session.flush()
    return await list_consents(session, actor)


@router.delete(
    "/me/consents/{purpose}",
    name="withdraw_consent",
    response_model=ConsentsView,
    responses=describe(ConsentNeeded),
)
async def disagree(purpose: Purpose, session: Transaction, actor: Owner) -> ConsentsView:
    """Withdraw the consent to a purpose; orders and pickup stay as they are."""
    await withdraw_consent(session, actor, purpose=purpose, now=utc_now())
    await session.flush()
    return await list_consents(session, actor)


@router.get(
    "/me/looks", name="list_looks", response_model=PageView[LookView], responses=describe(CursorInvalid)
)
async def list_looks(
    request: Request, page: Annotated[PageRequest, Query()], session: Transaction, actor: Owner
) -> PageView[LookView]:
    """Return who looked at the caller's data, when and why, newest first."""
    language = choose_language(request.headers.get("accept-language"))
    found = await queries.list_looks(session, actor.id, page=page)
    keys = await keys_of(session, actor.union_id)
    items = []
    for look, name in found.items:
        note = look.note_sealed and keys.open(Place("reveals", "note", look.id), look.note_sealed)
        items.append(
            LookView(
                id=look.id,
                by=name or "–",
                role=Role(look.role),
                fields=[RevealField(field) for field in look.fields],
                reason=RevealReason(look.reason),
                reason_text=text(language, f"message.reveal_{look.reason}", part="text"),
                note=note or None,
                revealed_at=look.revealed_at,
            )
        )
    return PageView(items=items, next=found.next)


@router.get("/me/data", name="get_my_data", response_model=MyDataView, responses=describe())
async def get_my_data(session: Transaction, actor: Owner, response: Response) -> MyDataView:
    """Return everything that is held about the caller, to keep (PIPL article 45)."""
    response.headers["Content-Disposition"] = 'attachment; filename="my-data.json"'
    response.headers["Cache-Control"] = "no-store"
    return await gather_my_data(session, actor, now=utc_now())


@router.post(
    "/me/erasure",
    status_code=202,
    name="ask_for_erasure",
    response_model=ErasureView,
    responses=describe(OrderStillOpen, ErasureAlreadyAsked, *KEYED),
)
async def ask(session: Transaction, keeper: Kept, actor: Owner) -> Response:
    """Ask for one's data to be erased; the union answers within the time shown."""
    request = await ask_for_erasure(session, actor, now=utc_now())
    return await keeper.keep(ErasureView.model_validate(request, from_attributes=True), status=202)


@router.get(
    "/me/erasure",
    name="list_my_erasures",
    response_model=PageView[ErasureView],
    responses=describe(CursorInvalid),
)
async def list_mine(
    page: Annotated[PageRequest, Query()], session: Transaction, actor: Owner
) -> PageView[ErasureView]:
    """Return the caller's requests for erasure, newest first."""
    found = await queries.list_erasures(session, page=page, member_id=actor.id)
    items = [ErasureView.model_validate(one, from_attributes=True) for one in found.items]
    return PageView(items=items, next=found.next)


@router.delete("/me/erasure", status_code=204, name="withdraw_erasure", responses=describe(ErasureNotFound))
async def take_back(session: Transaction, actor: Owner) -> None:
    """Take an open request for erasure back."""
    await withdraw_erasure(session, actor, now=utc_now())
