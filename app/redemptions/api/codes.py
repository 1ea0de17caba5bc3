"""Routes of a member's pickup code and its pictures."""

import asyncio
from functools import lru_cache
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response

from app.access.actor import Actor
from app.access.deps import Transaction, require
from app.access.policy import Permission
from app.orders.errors import OrderNotFound
from app.platform.clock import day_end, day_start, utc_now
from app.platform.http import NOT_MODIFIED, StrictRoute, tagged
from app.platform.problems import describe
from app.platform.qr import qr_png, qr_svg
from app.redemptions.actions.codes import get_or_make_code
from app.redemptions.errors import NoActiveKey, NoCode
from app.redemptions.schemas import CodeView
from app.redemptions.tables import PickupCode

router = APIRouter(route_class=StrictRoute, tags=["redemptions"])
_CODE = (OrderNotFound, NoCode, NoActiveKey)


async def _code(request: Request, session: Transaction, order_id: UUID, actor: Actor) -> PickupCode:
    store = request.app.state.key_store
    return await get_or_make_code(session, order_id, member_id=actor.id, store=store, now=utc_now())


@router.get(
    "/orders/{order_id}/code",
    name="get_code",
    response_model=CodeView,
    responses=describe(*_CODE) | NOT_MODIFIED,
)
async def get_code(
    request: Request,
    order_id: UUID,
    session: Transaction,
    actor: Annotated[Actor, require(Permission.ORDERS_OWN)],
) -> Response:
    """Return the pickup code of one of the caller's own orders."""
    code = await _code(request, session, order_id, actor)
    view = CodeView(
        code=code.qr_text,
        short_code=code.short_code,
        payload_format="GL1",
        key_id=code.key_id,
        valid_from=day_start(code.not_before_on),
        valid_until=day_end(code.not_after_on),
    )
    return tagged(request, view.model_dump_json().encode())


_svg, _png = lru_cache(4_096)(qr_svg), lru_cache(4_096)(qr_png)


@router.get(
    "/orders/{order_id}/code.svg",
    name="get_code_svg",
    response_class=Response,
    responses=describe(*_CODE) | NOT_MODIFIED | {200: {"content": {"image/svg+xml": {}}}},
)
async def get_code_svg(
    request: Request,
    order_id: UUID,
    session: Transaction,
    actor: Annotated[Actor, require(Permission.ORDERS_OWN)],
) -> Response:
    """Return the QR picture of a pickup code as SVG."""
    code = await _code(request, session, order_id, actor)
    return tagged(request, await asyncio.to_thread(_svg, code.qr_text), media_type="image/svg+xml")


@router.get(
    "/orders/{order_id}/code.png",
    name="get_code_png",
    response_class=Response,
    responses=describe(*_CODE) | NOT_MODIFIED | {200: {"content": {"image/png": {}}}},
)
async def get_code_png(
    request: Request,
    order_id: UUID,
    session: Transaction,
    actor: Annotated[Actor, require(Permission.ORDERS_OWN)],
) -> Response:
    """Return the QR picture of a pickup code as PNG."""
    code = await _code(request, session, order_id, actor)
    return tagged(request, await asyncio.to_thread(_png, code.qr_text), media_type="image/png")
