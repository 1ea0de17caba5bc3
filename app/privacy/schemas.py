"""Bodies of looks, consents, erasure and receipts."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from app.access.policy import Role
from app.platform.clock import Instant
from app.platform.text import LINE
from app.privacy.rules import (
    ConsentState,
    DeclineReason,
    ErasureStatus,
    Purpose,
)
from app.unions.rules.looks import RevealField, RevealReason

Note = Annotated[str, Field(min_length=1, max_length=100, pattern=LINE), AfterValidator(str.strip)]


class RevealRequest(BaseModel):
    """Which fields somebody wants to see, and why."""

    model_config = ConfigDict(extra="forbid")

    fields: Annotated[
        list[Literal[RevealField.NAME, RevealField.MOBILE, RevealField.ID_LAST4]],
        Field(min_length=1, max_length=3),
    ]
    reason: RevealReason
    note: Note | None = None


class RevealedView(BaseModel):
    """The fields asked for, unmasked; what was not asked for is null. Never kept with an idempotency key."""

    member_id: UUID
    name: str | None
    mobile: str | None
    id_last4: str | None
    reveal_id: UUID


class LookView(BaseModel):
    """Who looked at the caller's data, when and why."""

    id: UUID
    by: str
    role: Role
    fields: list[RevealField]
    reason: RevealReason
    reason_text: str
    note: str | None
    revealed_at: Instant


class NoticeView(BaseModel):
    """What personal data is used for, in the current words."""

    purpose: Purpose
    version: int
    is_optional: bool
    title: str
    text: str


class NoticesView(BaseModel):
    """All notices; they can be read before signing in."""

    items: list[NoticeView]


class ConsentView(BaseModel):
    """Where the caller stands with a purpose."""

    purpose: Purpose
    state: ConsentState
    version: int | None
    current_version: int
    is_optional: bool
    given_at: Instant | None
    withdrawn_at: Instant | None


class ConsentsView(BaseModel):
    """Every purpose."""

    items: list[ConsentView]


class ConsentRequest(BaseModel):
    """The version of the text that the member has read and agrees to."""

    model_config = ConfigDict(extra="forbid")

    version: Annotated[int, Field(strict=True, ge=1, le=10_000)]


class ErasureView(BaseModel):
    """A request for erasure."""

    id: UUID
    member_id: UUID
    status: ErasureStatus
    decline_reason: DeclineReason | None
    asked_at: Instant
    due_at: Instant
    decided_at: Instant | None


class DeclineRequest(BaseModel):
    """Why a request for erasure is declined (PIPL article 50: with reasons)."""

    model_config = ConfigDict(extra="forbid")

    reason: DeclineReason


class ReceiptView(BaseModel):
    """A deletion receipt."""

    id: UUID
    kind: str
    subject_id: UUID
    carried_out_at: Instant
    counts: dict[str, int]
    kept: dict[str, int]
    digest: str


class ExportRequest(BaseModel):
    """Why the list of members is taken out of the service; it is masked all the same."""

    model_config = ConfigDict(extra="forbid")

    reason: RevealReason


class MyDataView(BaseModel):
    """Everything that is held about the caller (PIPL article 45)."""

    made_at: Instant
    member: dict[str, Any]
    orders: list[dict[str, Any]]
    hand_overs: list[dict[str, Any]]
    consents: list[dict[str, Any]]
    corrections: list[dict[str, Any]]
    exceptions: list[dict[str, Any]]
    lists: list[dict[str, Any]]
    looks: list[dict[str, Any]]
    sign_ins: list[dict[str, Any]]
    linked_accounts: list[dict[str, Any]]
    erasure_requests: list[dict[str, Any]]
