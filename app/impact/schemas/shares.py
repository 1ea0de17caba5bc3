"""Bodies of the share that a campaign was of a supplier's or a region's sales to unions."""

from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel, ConfigDict


class ShareOf(StrEnum):
    """Of what a campaign was a part."""

    SUPPLIER = "supplier"
    REGION = "region"


class Among(StrEnum):
    """Whose purchases are the whole: those of the campaign's own union, or of every union here."""

    THIS_UNION = "this_union"
    ALL_UNIONS = "all_unions"


class AmountView(BaseModel):
    """A sum over the lines whose number is known."""

    model_config = ConfigDict(from_attributes=True)

    value: int
    lines: int
    lines_unknown: int


class FractionView(BaseModel):
    """The campaign's amount, and that of everything bought in the period."""

    numerator: AmountView
    denominator: AmountView


class ShareView(BaseModel):
    """What part a campaign was: of purchases known here, in boxes, grams and fen."""

    of: ShareOf
    id: UUID
    name: str
    among: Among
    from_year: int
    until_year: int
    boxes: FractionView
    grams: FractionView
    fen: FractionView
    has_lower_bounds: bool


class CampaignImpactView(BaseModel):
    """The shares of a campaign; empty while none of its purchases is approved."""

    campaign_id: UUID
    shares: list[ShareView]
