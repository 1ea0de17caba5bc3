"""Bodies of products and gift boxes."""

import re
from enum import StrEnum
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)
from stdnum.iso7064 import mod_11_10

from app.platform.text import LINE

Line = Annotated[str, Field(min_length=1, max_length=80, pattern=LINE), AfterValidator(str.strip)]
Unit = Annotated[str, Field(min_length=1, max_length=8, pattern=LINE), AfterValidator(str.strip)]


def check_ean13(barcode: str) -> str:
    """Return the barcode if its check digit holds (GS1 General Specifications 7.9), else raise ValueError."""
    digits = [int(digit) for digit in barcode]
    if (10 - (sum(digits[0:12:2]) + 3 * sum(digits[1:12:2])) % 10) % 10 != digits[12]:
        raise ValueError("check digit")
    return barcode


def check_sc_number(number: str) -> str:
    """Return a food production licence's number if it holds, else raise ValueError.

    食品生产许可证编号: `SC`, 3 digits for the category, 6 for the county, 4 in a row, 1 check digit by
    ISO 7064 MOD 11,10 (食品生产许可管理办法 article 30).
    """
    if re.fullmatch(r"SC[0-9]{14}", number) is None or not mod_11_10.is_valid(number[2:]):
        raise ValueError("check digit")
    return number


Barcode = Annotated[str, Field(pattern=r"^[0-9]{13}$"), AfterValidator(check_ean13)]
LicenceNumber = Annotated[str, Field(pattern=r"^SC[0-9]{14}$"), AfterValidator(check_sc_number)]


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
    region_id: UUID | None
    sc_number: str | None
    sc_reason: str | None
    version: int
    is_sample: bool


Content = Annotated[int, Field(strict=True, ge=1, le=1_000_000)]
Allergens = Annotated[list[Line], Field(max_length=20)]


class ProductDraft(BaseModel):
    """What an officer sends to make a product: net content in grams or millilitres, licence or reason."""

    model_config = ConfigDict(extra="forbid")

    name: Line
    unit: Unit
    category: Line
    net_content_grams: Content | None = None
    net_content_ml: Content | None = None
    barcode: Barcode
    shelf_life: Line
    storage: Line
    allergens: Allergens = []
    region_id: UUID | None = None
    sc_number: LicenceNumber | None = None
    sc_reason: Annotated[Line | None, Field(description="why it needs no licence (初级农产品无需SC)")] = None

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if (self.net_content_grams is None) == (self.net_content_ml is None):
            raise ValueError("net content in grams or in millilitres")
        if (self.sc_number is None) == (self.sc_reason is None):
            raise ValueError("a licence number, or the reason why there is none")
        return self


class ProductChange(BaseModel):
    """What may be changed of a product, not its barcode and net content; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    name: Line | None = None
    category: Line | None = None
    shelf_life: Line | None = None
    storage: Line | None = None
    allergens: Allergens | None = None
    region_id: UUID | None = None
    sc_number: LicenceNumber | None = None
    sc_reason: Line | None = None

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if self.sc_number is not None and self.sc_reason is not None:
            raise ValueError("a licence number, or the reason why there is none")
        return self


class Component(BaseModel):
    """How many of a product are in a gift box."""

    model_config = ConfigDict(extra="forbid", from_attributes=True)

    product_id: UUID
    quantity: Annotated[int, Field(strict=True, ge=1, le=1_000)]


class ItemKind(StrEnum):
    """What a member receives: a gift box, or a place on an exchange visit."""

    BOX = "box"
    PLACE = "place"


class GiftBoxDraft(BaseModel):
    """What an officer sends to make a gift box, or a place on a visit.

    A box has a barcode, a weight and contents; a place (`kind` is `place`) has none of them, and its region
    is where the visit goes.
    """

    model_config = ConfigDict(extra="forbid")

    kind: ItemKind = ItemKind.BOX
    name: Line
    unit: Unit = "份"
    barcode: Annotated[Barcode | None, Field(validate_default=True)] = None
    gross_weight_grams: Annotated[int | None, Field(strict=True, ge=1, le=100_000, validate_default=True)] = (
        None
    )
    unit_price_fen: Annotated[int, Field(strict=True, ge=0, le=10_000_000)]
    region_id: UUID | None = None
    components: Annotated[list[Component], Field(max_length=30, validate_default=True)] = []

    @field_validator("barcode", "gross_weight_grams", "components")
    @classmethod
    def _boxes_only(cls, given: Any, info: ValidationInfo) -> Any:
        kind = info.data.get("kind")
        if kind is not None and bool(given) != (kind is ItemKind.BOX):
            raise ValueError("what a box has, and a place has not")
        return given

    @model_validator(mode="after")
    def _places_are_counted(self) -> Self:
        if self.kind is ItemKind.PLACE and "unit" not in self.model_fields_set:
            self.unit = "位"
        return self

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if len({component.product_id for component in self.components}) < len(self.components):
            raise ValueError("components")
        return self


class GiftBoxView(BaseModel):
    """A gift box, or a place on a visit."""

    id: UUID
    kind: ItemKind
    name: str
    unit: str
    barcode: str | None
    gross_weight_grams: int | None
    unit_price_fen: int
    region_id: UUID | None
    components: list[Component]
    is_sample: bool
