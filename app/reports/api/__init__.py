"""Routes of the reports: spending, targets, the share from partner regions, coverage."""

from fastapi import APIRouter

from app.platform.http import StrictRoute
from app.reports.api.coverage import router as coverage
from app.reports.api.figures import router as figures
from app.reports.api.shares import router as shares

router = APIRouter(route_class=StrictRoute)
for part in (figures, shares, coverage):
    router.include_router(part)
