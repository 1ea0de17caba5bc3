"""Routes of transfers."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.actor import Actor
from app.access.deps import Kept, Transaction, require
from app.access.policy import Permission
from app.pickup.errors import PointNotFound
from app.platform.clock import utc_now
from app.platform.errors import Conflict, KeyInFlight, KeyRequired, KeyReused
from app.platform.http import StrictRoute
from app.platform.paging import CursorInvalid, PageRequest, PageView
from app.platform.problems import describe
from app.stock.errors import LotNotFound, NotEnoughStock
from app.warehouse.actions import transfers as actions
from app.warehouse.errors import (
    CoverageBroken,
    LinesContradict,
    NotThere,
    OwnStep,
    SamePoint,
    TransferNotFound,
    TransferSettled,
)
from app.warehouse.queries import papers as queries
from app.warehouse.rules.states import TransferStatus
from app.warehouse.schemas.papers import (
    Arrival,
    Decision,
    TransferDraft,
    TransferLineView,
    TransferView,
)
from app.warehouse.tables.transfers import Transfer

router = APIRouter(route_class=StrictRoute, tags=["stock"])
_KEYED = (KeyRequired, KeyReused, KeyInFlight, Conflict)
Reader = Annotated[Actor, require(Permission.STOCK_READ)]
Keeping = Annotated[Actor, require(Permission.STOCK_WRITE)]
Approver = Annotated[Actor, require(Permission.STOCK_APPROVE)]


class TransfersRequest(PageRequest):
    """Which transfers are asked for."""

    status: TransferStatus | None = None
    pickup_point_id: UUID | None = None


@router.post(
    "/stock/transfers",
    status_code=201,
    name="send_transfer",
    response_model=TransferView,
    responses=describe(
        SamePoint, PointNotFound, LotNotFound, NotThere, CoverageBroken, NotEnoughStock, *_KEYED
    ),
)
async def send_transfer(body: TransferDraft, session: Transaction, keeper: Kept, actor: Keeping) -> Response:
    """Send boxes to another pickup point; they are in transit until they arrive."""
    transfer = await actions.send_transfer(session, body, by=actor, now=utc_now())
    return await keeper.keep(await _view(session, transfer))


@router.get(
    "/stock/transfers",
    name="list_transfers",
    response_model=PageView[TransferView],
    responses=describe(CursorInvalid),
)
async def list_transfers(
    asked: Annotated[TransfersRequest, Query()], session: Transaction, _: Reader
) -> PageView[TransferView]:
    """Return transfers, newest first."""
    found = await queries.list_transfers(
        session, page=asked, status=asked.status, point_id=asked.pickup_point_id
    )
    return PageView(items=await _views(session, found.items), next=found.next)


@router.get(
    "/stock/transfers/{transfer_id}",
    name="get_transfer",
    response_model=TransferView,
    responses=describe(TransferNotFound),
)
async def get_transfer(transfer_id: UUID, session: Transaction, _: Reader) -> TransferView:
    """Return one transfer."""
    return await _view(session, await queries.get_transfer(session, transfer_id))


@router.post(
    "/stock/transfers/{transfer_id}/approve",
    name="approve_transfer",
    response_model=TransferView,
    responses=describe(TransferNotFound, TransferSettled, OwnStep, NotThere, NotEnoughStock, *_KEYED),
)
async def approve_transfer(
    transfer_id: UUID, body: Decision, session: Transaction, keeper: Kept, actor: Approver
) -> Response:
    """Let a waiting transfer go although too few boxes stay for what is promised."""
    now = utc_now()
    transfer = await actions.approve_transfer(session, transfer_id, reason=body.reason, by=actor, now=now)
    return await keeper.keep(await _view(session, transfer), status=200)


@router.post(
    "/stock/transfers/{transfer_id}/decline",
    name="decline_transfer",
    response_model=TransferView,
    responses=describe(TransferNotFound, TransferSettled, OwnStep, *_KEYED),
)
async def decline_transfer(
    transfer_id: UUID, body: Decision, session: Transaction, keeper: Kept, actor: Approver
) -> Response:
    """Decline a waiting transfer; nothing moves."""
    now = utc_now()
    transfer = await actions.decline_transfer(session, transfer_id, reason=body.reason, by=actor, now=now)
    return await keeper.keep(await _view(session, transfer), status=200)


@router.post(
    "/stock/transfers/{transfer_id}/arrive",
    name="receive_transfer",
    response_model=TransferView,
    responses=describe(TransferNotFound, TransferSettled, OwnStep, LinesContradict, NotEnoughStock, *_KEYED),
)
async def receive_transfer(
    transfer_id: UUID, body: Arrival, session: Transaction, keeper: Kept, actor: Keeping
) -> Response:
    """Take in what arrived of a transfer that somebody else sent."""
    transfer = await actions.receive_transfer(session, transfer_id, body, by=actor, now=utc_now())
    return await keeper.keep(await _view(session, transfer), status=200)


async def _view(session: AsyncSession, transfer: Transfer) -> TransferView:
    return (await _views(session, [transfer]))[0]


async def _views(session: AsyncSession, transfers: Sequence[Transfer]) -> list[TransferView]:
    lines: dict[UUID, list[TransferLineView]] = {transfer.id: [] for transfer in transfers}
    for line in await queries.find_transfer_lines(session, lines):
        lines[line.transfer_id].append(TransferLineView.model_validate(line, from_attributes=True))
    plain = TransferView.model_fields.keys() - {"lines"}
    return [
        TransferView(lines=lines[one.id], **{name: getattr(one, name) for name in plain}) for one in transfers
    ]
