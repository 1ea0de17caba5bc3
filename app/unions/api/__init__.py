"""Routes of people and of staff accounts."""

from fastapi import APIRouter

from app.platform.http import StrictRoute
from app.unions.api.people import router as people
from app.unions.api.staff import router as staff

router = APIRouter(route_class=StrictRoute)
router.include_router(people)
router.include_router(staff)
