"""Routes of the ledger: balances, movements, the proof, and its one repair."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import Field

from app.access.actor import Actor
from app.access.deps import Kept, Transaction, require
from app.access.policy import Permission
from app.pickup.errors import PointNotFound
from app.platform.clock import GivenInstant, utc_now
from app.platform.errors import KeyInFlight, KeyRequired, KeyReused
from app.platform.http import StrictRoute
from app.platform.paging import CursorInvalid, PageRequest, PageView
from app.platform.problems import describe
from app.stock.actions.attributions import Attribution
from app.stock.actions.attributions import attribute_boxes as attribute
from app.stock.errors import LotNotFound, LotUnrecorded, NotEnoughStock, TooFewUnrecorded
from app.stock.queries import movements as queries
from app.stock.queries.proof import prove_balances
from app.stock.rules.ledger import AccountKind, MovementKind
from app.stock.rules.proof import Difference
from app.stock.schemas import (
    AttributionDraft,
    AttributionView,
    BalanceView,
    DifferenceView,
    MovementView,
    ProofView,
)
from app.stock.tables import Lot, StockBalance

router = APIRouter(route_class=StrictRoute, tags=["stock"])
Reader = Annotated[Actor, require(Permission.STOCK_READ)]
_MOST_SHOWN = 200


class BalancesRequest(PageRequest):
    """Which balances are asked for."""

    pickup_point_id: UUID | None = None
    gift_box_id: UUID | None = None
    kind: AccountKind | None = None

    @property
    def wanted(self) -> queries.BalancesWanted:
        """The filters."""
        return queries.BalancesWanted(self.pickup_point_id, self.gift_box_id, self.kind)


class MovementsRequest(PageRequest):
    """Which movements are asked for; `from` is included, `until` is not."""

    lot_id: UUID | None = None
    kind: MovementKind | None = None
    document_id: UUID | None = None
    since: Annotated[GivenInstant | None, Field(alias="from")] = None
    until: GivenInstant | None = None

    @property
    def wanted(self) -> queries.MovementsWanted:
        """The filters."""
        return queries.MovementsWanted(self.lot_id, self.kind, self.document_id, self.since, self.until)


@router.get(
    "/stock/balances",
    name="list_stock_balances",
    response_model=PageView[BalanceView],
    responses=describe(CursorInvalid),
)
async def list_stock_balances(
    page: Annotated[BalancesRequest, Query()], session: Transaction, _: Reader
) -> PageView[BalanceView]:
    """Return how many boxes of which lot are where, by lot; empty accounts are left out."""
    found = await queries.list_balances(session, page.wanted, limit=page.limit, after=page.after)
    return PageView(items=[_balance(row, lot) for row, lot in found.items], next=found.next)


@router.get(
    "/stock/movements",
    name="list_stock_movements",
    response_model=PageView[MovementView],
    responses=describe(CursorInvalid),
)
async def list_stock_movements(
    page: Annotated[MovementsRequest, Query()], session: Transaction, _: Reader
) -> PageView[MovementView]:
    """Return movements of boxes, newest first."""
    found = await queries.list_movements(session, page.wanted, limit=page.limit, after=page.after)
    return PageView(items=[MovementView.model_validate(row) for row in found.items], next=found.next)


@router.get("/stock/proof", name="prove_stock", response_model=ProofView, responses=describe())
async def prove_stock(session: Transaction, _: Reader) -> ProofView:
    """Add all movements up and return where a balance says otherwise: nowhere, or somebody altered a row."""
    found = await prove_balances(session)
    shown = [_difference(one) for one in found[:_MOST_SHOWN]]
    return ProofView(is_proven=not found, difference_count=len(found), differences=shown)


@router.post(
    "/stock/attributions",
    status_code=201,
    name="attribute_boxes",
    response_model=AttributionView,
    responses=describe(
        LotNotFound, LotUnrecorded, PointNotFound, TooFewUnrecorded, NotEnoughStock, KeyRequired, KeyReused,
        KeyInFlight,
    ),
)  # fmt: skip
async def attribute_boxes(
    body: AttributionDraft,
    session: Transaction,
    keeper: Kept,
    actor: Annotated[Actor, require(Permission.STOCK_WRITE)],
) -> Response:
    """Say that boxes which were handed over without a recorded lot were of this one; both lots change."""
    wanted = Attribution(**body.model_dump())
    id, left = await attribute(session, wanted, by=actor, now=utc_now())
    view = AttributionView(id=id, unrecorded_left=left, **body.model_dump(exclude={"reason", "event_id"}))
    return await keeper.keep(view)


def _balance(row: StockBalance, lot: Lot) -> BalanceView:
    names = ("id", "lot_id", "kind", "pickup_point_id", "boxes")
    return BalanceView(
        lot_number=lot.number,
        lot_kind=lot.kind,
        gift_box_id=lot.gift_box_id,
        best_before_on=lot.best_before_on,
        is_recalled=lot.recalled_at is not None,
        **{name: getattr(row, name) for name in names},
    )


def _difference(one: Difference) -> DifferenceView:
    kind = one.account.kind if one.account else None
    point_id = one.account.point_id if one.account else None
    return DifferenceView(
        lot_id=one.lot_id, kind=kind, pickup_point_id=point_id, held=one.held, expected=one.expected
    )
