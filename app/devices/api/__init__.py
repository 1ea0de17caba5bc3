"""Routes of pickup devices: for those who look after them, for devices, and for the clerks at them."""

from fastapi import APIRouter

from app.devices.api.care import router as care
from app.devices.api.clerks import router as clerks
from app.devices.api.own import router as own
from app.platform.http import StrictRoute

router = APIRouter(route_class=StrictRoute)
for _part in (care, own, clerks):
    router.include_router(_part)
