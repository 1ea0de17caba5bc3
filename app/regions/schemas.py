"""Bodies of partner regions."""

from uuid import UUID

from pydantic import BaseModel


class PlaceView(BaseModel):
    """A township or village; without a code there is a note on why."""

    id: UUID
    kind: str
    name: str
    township: str | None
    code: str | None
    township_code: str | None
    note: str | None


class CooperativeView(BaseModel):
    """A cooperative that agreed to be named."""

    id: UUID
    name: str
    place_id: UUID | None
    sample: bool


class PartnerRegionView(BaseModel):
    """A partner region; `kind` and `aliases` are words of their time, years None where nobody knows them."""

    id: UUID
    name: str
    aliases: list[str]
    division_code: str
    province: str
    prefecture: str
    kind: str
    lists: list[str]
    paired_from_year: int | None
    paired_until_year: int | None


class RegionDetails(PartnerRegionView):
    """A partner region with the places and cooperatives in it, by name."""

    places: list[PlaceView]
    cooperatives: list[CooperativeView]
