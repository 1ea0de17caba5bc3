"""Routes of pickup codes, the pickup table, signing keys, and where an order's boxes come from."""

from fastapi import APIRouter

from app.platform.http import StrictRoute
from app.redemptions.api.batches import router as batches
from app.redemptions.api.changes import router as changes
from app.redemptions.api.codes import router as codes
from app.redemptions.api.conflicts import router as conflicts
from app.redemptions.api.keys import router as keys
from app.redemptions.api.origins import router as origins
from app.redemptions.api.scans import router as scans

router = APIRouter(route_class=StrictRoute)
for _part in (codes, scans, batches, conflicts, keys, changes, origins):
    router.include_router(_part)
