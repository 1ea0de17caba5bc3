"""Bodies of origin cards: nothing of a person, of a quantity on hand, or of the union's own affairs."""

from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.impact.schemas.projects import SponsorView


class ContentView(BaseModel):
    """A product in the box, as its label describes it (GB 7718-2011)."""

    name: str
    quantity: int
    unit: str
    category: str
    net_content_grams: int | None
    net_content_ml: int | None
    shelf_life: str
    storage: str
    allergens: list[str]
    licence_number: str | None


class OriginPlaceView(BaseModel):
    """Where the goods are from, from the province down, as far as anybody has said."""

    region_id: UUID | None
    names: list[str]
    division_code: str | None


class CertificateView(BaseModel):
    """A certificate that held on the day the goods were bought."""

    kind: str
    number: str
    issuer: str
    valid_from: date
    valid_until: date | None


class LocalProjectView(BaseModel):
    """A published aid project there, in its own words."""

    id: UUID
    title: str
    sponsor: SponsorView
    since_year: int | None
    quotes: list[str]


class OriginView(BaseModel):
    """An origin card; `recalled_on`: do not eat it. `suppliers` are named where that was agreed."""

    reference: str
    recalled_on: date | None
    gift_box: str
    unit: str
    gross_weight_grams: int | None
    lot_number: str
    produced_on: date | None
    best_before_on: date | None
    origin: OriginPlaceView
    suppliers: list[str]
    contents: list[ContentView]
    allergens: list[str]
    certificates: list[CertificateView]
    projects: list[LocalProjectView]
    sample: bool


class CardView(BaseModel):
    """The origin card of a lot, for who prints its label."""

    lot_id: UUID
    reference: str
    url: str
    shows_supplier: bool


class CardChange(BaseModel):
    """Whether the public may read who supplied the lot."""

    model_config = ConfigDict(extra="forbid")

    shows_supplier: Annotated[bool, Field(strict=True)]
