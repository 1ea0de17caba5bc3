"""Routes of aid projects, totals, shares and origin cards."""

from fastapi import APIRouter

from app.impact.api.drafts import router as drafts
from app.impact.api.origin import router as origin
from app.impact.api.public import router as public
from app.impact.api.shares import router as shares
from app.platform.http import StrictRoute

router = APIRouter(route_class=StrictRoute)
for part in (public, drafts, origin, shares):
    router.include_router(part)
