"""Routes of the warehouse: transfers, stocktakes, disposals, alerts, recalls."""

from fastapi import APIRouter

from app.platform.http import StrictRoute
from app.warehouse.api.alerts import router as alerts
from app.warehouse.api.disposals import router as disposals
from app.warehouse.api.recipients import router as recipients
from app.warehouse.api.stocktakes import router as stocktakes
from app.warehouse.api.transfers import router as transfers

router = APIRouter(route_class=StrictRoute)
for part in (alerts, transfers, stocktakes, disposals, recipients):
    router.include_router(part)
