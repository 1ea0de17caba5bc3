"""Routes of campaigns: themselves, who may order in them, exceptions, corrections of records."""

from fastapi import APIRouter

from app.campaigns.api.campaigns import router as campaigns
from app.campaigns.api.corrections import router as corrections
from app.campaigns.api.eligible import router as eligible
from app.campaigns.api.exceptions import router as exceptions
from app.platform.http import StrictRoute

router = APIRouter(route_class=StrictRoute)
for part in (campaigns, eligible, exceptions, corrections):
    router.include_router(part)
