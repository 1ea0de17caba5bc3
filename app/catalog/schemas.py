"""Bodies of products and gift boxes."""

from typing import Annotated, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from app.platform.text import LINE

Line = Annotated[str, Field(min_length=1, max_length=80, pattern=LINE), AfterValidator(str.strip)]
Unit = Annotated[str, Field(min_length=1, max_length=8, pattern=LINE), AfterValidator(str.strip)]


def check_ean13(barcode: str) -> str:
    """Return the barcode if its check digit holds (GS1 General Specifications 7.9), else raise ValueError."""
    digits = [int(digit) for digit in barcode]
    if (10 - (sum(digits[0:12:2]) + 3 * sum(digits[1:12:2])) % 10) % 10 != digits[12]:
        raise ValueError("check digit")
    return barcode


Barcode = Annotated[str, Field(pattern=r"^[0-9]{13}$"), AfterValidator(check_ean13)]


class ProductView(BaseModel):
    """A product."""

    id: UUID
    name: str
    unit: str
    category: str
    net_content_grams: int | None
    net_content_ml: int | None
    barcode: str
    shelf_life: str
    storage: str
    allergens: list[str]
    is_sample: bool


class Component(BaseModel):
    """How many of a product are in a gift box."""

    model_config = ConfigDict(extra="forbid", from_attributes=True)

    product_id: UUID
    quantity: Annotated[int, Field(strict=True, ge=1, le=1_000)]


class GiftBoxDraft(BaseModel):
    """What an officer sends to make a gift box."""

    model_config = ConfigDict(extra="forbid")

    name: Line
    unit: Unit = "份"
    barcode: Barcode
    gross_weight_grams: Annotated[int, Field(strict=True, ge=1, le=100_000)]
    unit_price_fen: Annotated[int, Field(strict=True, ge=0, le=10_000_000)]
    components: Annotated[list[Component], Field(min_length=1, max_length=30)]

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if len({component.product_id for component in self.components}) < len(self.components):
            raise ValueError("components")
        return self


class GiftBoxView(BaseModel):
    """A gift box."""

    id: UUID
    name: str
    unit: str
    barcode: str
    gross_weight_grams: int
    unit_price_fen: int
    components: list[Component]
    is_sample: bool
