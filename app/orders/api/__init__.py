"""Routes of orders, and of why somebody may or may not order."""

from fastapi import APIRouter

from app.orders.api.eligibility import router as eligibility
from app.orders.api.orders import router as orders
from app.platform.http import StrictRoute

router = APIRouter(route_class=StrictRoute)
for part in (orders, eligibility):
    router.include_router(part)
