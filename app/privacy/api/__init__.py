"""Routes of personal data: of its owner, and of those who work with it."""

from fastapi import APIRouter

from app.privacy.api.owner import router as owner
from app.privacy.api.staff import router as staff

router = APIRouter()
router.include_router(owner)
router.include_router(staff)
