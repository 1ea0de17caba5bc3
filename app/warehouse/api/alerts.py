"""Routes of alerts and coverage."""

from collections.abc import Collection
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request

from app.access.actor import Actor
from app.access.deps import Transaction, require
from app.access.policy import Permission
from app.platform.clock import shown, utc_now
from app.platform.http import StrictRoute
from app.platform.i18n import Language, choose_language, text
from app.platform.paging import CursorInvalid, PageRequest, PageView, page_of, seek, text_key
from app.platform.problems import describe
from app.warehouse.actions.watch import find_alerts, find_coverage
from app.warehouse.queries.alerts import find_names
from app.warehouse.rules.alerts import Alert
from app.warehouse.rules.coverage import Coverage, Shelf
from app.warehouse.schemas.alerts import AlertView, CoverageView, Named

router = APIRouter(route_class=StrictRoute, tags=["stock"])
Reader = Annotated[Actor, require(Permission.STOCK_READ)]


class AlertsRequest(PageRequest):
    """Which alerts are asked for; `days` ahead for lots that go off."""

    pickup_point_id: UUID | None = None
    days: Annotated[int | None, Query(ge=0, le=365)] = None


class CoverageRequest(PageRequest):
    """Whose coverage is asked for."""

    pickup_point_id: UUID | None = None


@router.get(
    "/stock/alerts",
    name="list_stock_alerts",
    response_model=PageView[AlertView],
    responses=describe(CursorInvalid),
)
async def list_stock_alerts(
    request: Request, asked: Annotated[AlertsRequest, Query()], session: Transaction, _: Reader
) -> PageView[AlertView]:
    """Return what somebody should look at in the stock, the most pressing first."""
    language = choose_language(request.headers.get("accept-language"))
    days = request.app.state.settings.expiring_days if asked.days is None else asked.days
    alerts = await find_alerts(session, now=utc_now(), days=days, point_id=asked.pickup_point_id)
    if asked.after is not None:
        _, after = seek(asked.after, text_key, text_key)
        alerts = [alert for alert in alerts if alert.key > after]
    page = page_of(alerts, limit=asked.limit, key=lambda alert: ("alert", alert.key))
    points = {alert.point_id for alert in page.items if alert.point_id}
    names = await find_names(session, points, {alert.gift_box_id for alert in page.items})
    return PageView(items=[_alert(one, names, language) for one in page.items], next=page.next)


@router.get(
    "/stock/coverage",
    name="list_stock_coverage",
    response_model=PageView[CoverageView],
    responses=describe(CursorInvalid),
)
async def list_stock_coverage(
    asked: Annotated[CoverageRequest, Query()], session: Transaction, _: Reader
) -> PageView[CoverageView]:
    """Return what is there, promised and booked of each gift box at each pickup point."""
    found = sorted((await find_coverage(session, now=utc_now(), point_id=asked.pickup_point_id)).items())
    if asked.after is not None:
        after = Shelf(*seek(asked.after, UUID, UUID))
        found = [one for one in found if one[0] > after]
    page = page_of(
        found, limit=asked.limit, key=lambda one: (str(one[0].pickup_point_id), str(one[0].gift_box_id))
    )
    names = await find_names(session, *_ids([shelf for shelf, _ in page.items]))
    return PageView(items=[_coverage(*one, names=names) for one in page.items], next=page.next)


def _ids(shelves: Collection[Shelf]) -> tuple[set[UUID], set[UUID]]:
    return {one.pickup_point_id for one in shelves}, {one.gift_box_id for one in shelves}


def _coverage(shelf: Shelf, coverage: Coverage, *, names: dict[UUID, str]) -> CoverageView:
    fields = CoverageView.model_fields.keys() - {"gift_box", "pickup_point"}
    return CoverageView(
        gift_box=Named(id=shelf.gift_box_id, name=names[shelf.gift_box_id]),
        pickup_point=Named(id=shelf.pickup_point_id, name=names[shelf.pickup_point_id]),
        **{name: getattr(coverage, name) for name in fields},
    )


def _alert(alert: Alert, names: dict[UUID, str], language: Language) -> AlertView:
    coverage, point_id = alert.coverage, alert.point_id
    said = {
        "box": names[alert.gift_box_id],
        "point": names[point_id] if point_id else None,
        "lot": alert.lot_number,
        "boxes": alert.boxes,
        "short_by": alert.boxes,
        "best_before_on": alert.best_before_on,
        "starts_at": shown(alert.at) if alert.at else None,
        "on_hand": coverage and coverage.on_hand,
        "promised": coverage and coverage.promised,
        "booked": coverage and coverage.booked_then,
        "arriving": coverage and coverage.arriving,
    }
    given = {name: value for name, value in said.items() if value is not None}
    key = "message." + alert.code.value.replace(".", "_")
    return AlertView(
        code=alert.code,
        text=text(language, key, part="detail", **given),
        gift_box=Named(id=alert.gift_box_id, name=names[alert.gift_box_id]),
        pickup_point=Named(id=point_id, name=names[point_id]) if point_id else None,
        lot_id=alert.lot_id,
        lot_number=alert.lot_number,
        best_before_on=alert.best_before_on,
        boxes=alert.boxes,
        at=alert.at,
        on_hand=coverage.on_hand if coverage else None,
        promised=coverage.promised if coverage else None,
        booked=coverage.booked if coverage else None,
        arriving=coverage.arriving if coverage else None,
    )
