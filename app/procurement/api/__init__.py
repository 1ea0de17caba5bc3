"""Routes of suppliers and certificates, purchases, goods receipts."""

from fastapi import APIRouter

from app.platform.http import StrictRoute
from app.procurement.api.purchases import router as purchases
from app.procurement.api.receipts import router as receipts
from app.procurement.api.suppliers import router as suppliers

router = APIRouter(route_class=StrictRoute)
for part in (suppliers, purchases, receipts):
    router.include_router(part)
