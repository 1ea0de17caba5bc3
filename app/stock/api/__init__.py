"""Routes of stock: lots and recalls, balances, movements, the proof."""

from fastapi import APIRouter

from app.platform.http import StrictRoute
from app.stock.api.books import router as books
from app.stock.api.lots import router as lots

router = APIRouter(route_class=StrictRoute)
for part in (lots, books):
    router.include_router(part)
