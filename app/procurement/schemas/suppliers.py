"""Bodies of suppliers and certificates."""

from datetime import date
from typing import Annotated, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from app.catalog.schemas import check_sc_number
from app.platform.clock import GivenDay, Instant
from app.platform.text import LINE
from app.procurement.rules.numbers import check_uscc
from app.procurement.rules.states import CertificateKind

Name = Annotated[str, Field(min_length=2, max_length=80, pattern=LINE), AfterValidator(str.strip)]
Words = Annotated[str, Field(min_length=2, max_length=200, pattern=LINE), AfterValidator(str.strip)]
PaperNumber = Annotated[str, Field(min_length=1, max_length=60, pattern=LINE), AfterValidator(str.strip)]
Uscc = Annotated[
    str,
    Field(
        pattern=r"^[0-9A-HJ-NPQRTUWXY]{2}[0-9]{6}[0-9A-HJ-NPQRTUWXY]{10}$",
        description="统一社会信用代码, 18 characters with their check digits (GB 32100-2015)",
    ),
    AfterValidator(check_uscc),
]
Phone = Annotated[
    str,
    Field(pattern=r"^[0-9+() -]{5,30}$", description="the telephone of the business, not of a person"),
]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="SHA-256 of the file, hexadecimal")]


class SupplierDraft(BaseModel):
    """A supplier: its registration code, or why there is none on record."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    uscc: Uscc | None = None
    uscc_reason: Words | None = None
    region_id: UUID | None = None
    is_on_platform_832: Annotated[bool, Field(strict=True)] = False
    phone: Phone | None = None
    note: Words | None = None

    @model_validator(mode="after")
    def _code_or_reason(self) -> Self:
        if (self.uscc is None) == (self.uscc_reason is None):
            raise ValueError("a code, or the reason why there is none")
        return self


class SupplierChange(BaseModel):
    """What may be changed of a supplier; what is left out stays, null empties a field that may be empty."""

    model_config = ConfigDict(extra="forbid")

    name: Name | None = None
    uscc: Uscc | None = None
    uscc_reason: Words | None = None
    region_id: UUID | None = None
    is_on_platform_832: Annotated[bool, Field(strict=True)] | None = None
    phone: Phone | None = None
    note: Words | None = None
    is_active: Annotated[bool, Field(strict=True, description="false: buy nothing more from it")] | None = (
        None
    )

    @model_validator(mode="after")
    def _code_or_reason(self) -> Self:
        if self.uscc is not None and self.uscc_reason is not None:
            raise ValueError("a code, or the reason why there is none")
        return self


class SupplierView(BaseModel):
    """A supplier."""

    id: UUID
    name: str
    uscc: str | None
    uscc_reason: str | None
    region_id: UUID | None
    is_on_platform_832: bool
    phone: str | None
    note: str | None
    is_active: bool
    added_at: Instant
    version: int
    is_sample: bool


class Evidence(BaseModel):
    """The file that shows the certificate: its name and hash; the file itself stays with the union."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=120, pattern=LINE)]
    sha256: Sha256


class CertificateDraft(BaseModel):
    """A certificate; `product_id` or `lot_id` where it is for that alone."""

    model_config = ConfigDict(extra="forbid")

    kind: CertificateKind
    number: PaperNumber
    issuer: Name
    valid_from: GivenDay
    valid_until: GivenDay | None = None
    scope: Words | None = None
    product_id: UUID | None = None
    lot_id: UUID | None = None
    evidence: Evidence | None = None

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if self.valid_until is not None and self.valid_until < self.valid_from:
            raise ValueError("valid_until")
        if self.kind is CertificateKind.FOOD_LICENCE:
            check_sc_number(self.number)
        return self


class Withdrawal(BaseModel):
    """From which day a certificate counts no more, and why."""

    model_config = ConfigDict(extra="forbid")

    withdrawn_on: GivenDay
    reason: Words


class CertificateView(BaseModel):
    """A certificate."""

    id: UUID
    supplier_id: UUID
    kind: CertificateKind
    number: str
    issuer: str
    valid_from: date
    valid_until: date | None
    scope: str | None
    product_id: UUID | None
    lot_id: UUID | None
    evidence: Evidence | None
    withdrawn_on: date | None
    withdrawn_reason: str | None
    added_at: Instant
    is_valid_today: bool
    is_sample: bool
