"""Reading `demo.yaml` and `divisions.csv`, and refusing them when they contradict themselves."""

import csv
import re
from collections.abc import Collection
from datetime import date, time
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any, Literal, Self

import yaml
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from app.campaigns.rules import Allocation
from app.unions.rules import MemberStatus

Hours = tuple[tuple[time, time], ...]


class SourceError(ValueError):
    """The demo data names something that it does not hold."""


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _Sourced(_Record):
    src: str

    @property
    def is_sample(self) -> bool:
        """Whether something in the record is invented, so that nobody takes it for a fact."""
        return "sample" in self.src


class Division(_Record):
    """A row of the division table."""

    code: str
    name: str
    level: str
    parent_code: str | None


class Organization(_Sourced):
    """A trade union organisation; `level` is the word of the source."""

    id: str
    code: str
    name: str
    level: Literal[
        "national", "municipal", "district", "street", "enterprise", "institution", "grassroots", "group"
    ]
    kind: str | None = None
    parent: str | None
    division: str | None = None
    hotline: str | None = None


class Station(_Sourced):
    """A pickup point with its opening hours."""

    id: str
    org: str
    name: str
    address: str
    community: str
    phone: str
    pickup_place: str | None = None
    outdoor: bool
    hours: dict[Literal["mon-fri", "sat-sun"], list[str] | Literal["closed"]]
    desks: int

    @property
    def weekday_hours(self) -> Hours:
        """The opening hours from Monday to Friday, as (opens, closes) of each stretch."""
        stretches = self.hours["mon-fri"]
        texts = [] if stretches == "closed" else [stretch.split("-") for stretch in stretches]
        return tuple((time.fromisoformat(opens), time.fromisoformat(closes)) for opens, closes in texts)


class PartnerRegion(_Sourced):
    """A county that is supported."""

    id: str
    name: str
    code: str
    province: str
    prefecture: str
    kind: str


class Product(_Sourced):
    """A product with the facts of its label; grams or millilitres."""

    id: str
    name: str
    region: str
    unit: str
    net_content_g: int | None = None
    net_content_ml: int | None = None
    barcode: str
    category: str
    shelf_life: str
    storage: str
    allergens: list[str] = []


class Component(_Record):
    """How many of a product are in a kit."""

    product: str
    qty: int


class Kit(_Sourced):
    """A gift box; `unit_price` is in yuan."""

    id: str
    name: str
    region: str | None
    unit: str
    barcode: str
    components: list[Component]
    gross_weight_g: int
    unit_price: Decimal

    @property
    def unit_price_fen(self) -> int:
        """The price in fen, exactly. Raises SourceError for fractions of a fen."""
        fen = self.unit_price * 100
        if fen != int(fen):
            raise SourceError(f"{self.id}: {self.unit_price} yuan is no whole number of fen")
        return int(fen)


class OrderWindow(_Record):
    """When orders are taken."""

    start: AwareDatetime
    end: AwareDatetime


class PickupWindow(_Record):
    """The days on which boxes are handed over, both included."""

    start: date
    end: date


class RelativeDays(_Record):
    """The windows of a live campaign in days from today."""

    order_open: int
    order_close: int
    pickup_start: int
    pickup_end: int


class SlotShape(_Record):
    """How days are cut into slots."""

    minutes: int
    capacity_per_desk: int


class Campaign(_Sourced):
    """A campaign: with dates when it is history, with relative days when it is live."""

    id: str
    org: str
    title: str
    kit: str
    quota: int
    per_member_limit: int
    allocation: Allocation
    waitlist: bool = False
    slot: SlotShape
    order_window: OrderWindow | None = None
    pickup_window: PickupWindow | None = None
    relative_days: RelativeDays | None = None


class Persona(_Record):
    """A member whom the demo shows by name."""

    no: str
    name: str
    org: str
    mobile: str | None
    id_last4: str
    status: MemberStatus
    pinyin_key: str | None = None
    senior_mode: bool = False


class Source(_Record):
    """Everything that the demo is made of. References have been checked."""

    divisions: list[Division]
    organizations: list[Organization]
    stations: list[Station]
    partner_regions: list[PartnerRegion]
    products: list[Product]
    kits: list[Kit]
    campaigns: list[Campaign]
    members: list[Persona] = Field(min_length=1)

    @property
    def streets(self) -> tuple[str, ...]:
        """The street unions that have pickup points, in the order of the source."""
        holders = {station.org for station in self.stations}
        return tuple(one.id for one in self.organizations if one.id in holders)

    def stations_of(self, street: str) -> list[Station]:
        """Return the pickup points of a street union."""
        return [station for station in self.stations if station.org == street]

    def campaign(self, campaign_id: str) -> Campaign:
        """Return a campaign; raises StopIteration if there is none."""
        return next(one for one in self.campaigns if one.id == campaign_id)

    def kit(self, kit_id: str) -> Kit:
        """Return a kit; raises StopIteration if there is none."""
        return next(one for one in self.kits if one.id == kit_id)

    @model_validator(mode="after")
    def _references_hold(self) -> Self:
        codes = [division.code for division in self.divisions]
        unions = [one.id for one in self.organizations]
        regions = [region.id for region in self.partner_regions]
        _known("division", [one.parent_code for one in self.divisions], held=codes)
        _known("division", [one.division for one in self.organizations], held=codes)
        _known("division", [one.community for one in self.stations], held=codes)
        _known("division", [one.code for one in self.partner_regions], held=codes)
        _known("organisation", [one.parent for one in self.organizations], held=unions)
        _known("organisation", [one.org for one in self.stations], held=unions)
        _known("organisation", [one.org for one in self.campaigns], held=unions)
        _known("organisation", [one.org for one in self.members], held=unions)
        _known("region", [one.region for one in self.products], held=regions)
        _known("region", [one.region for one in self.kits], held=regions)
        _known("kit", [one.kit for one in self.campaigns], held=[kit.id for kit in self.kits])
        products = [product.id for product in self.products]
        _known("product", [part.product for kit in self.kits for part in kit.components], held=products)
        return self


def _known(kind: str, wanted: Collection[str | None], *, held: Collection[str]) -> None:
    unknown = {one for one in wanted if one is not None} - set(held)
    if unknown:
        raise SourceError(f"the demo data has no {kind} {', '.join(sorted(unknown))}")


# The source counts residents' and villagers' committees as villages; the tables call both communities.
_DIVISION_LEVELS = {"village": "community"}


def _read_divisions(text: str) -> list[dict[str, str | None]]:
    return [
        {
            "code": row["code"],
            "name": row["name"],
            "level": _DIVISION_LEVELS.get(row["level"], row["level"]),
            "parent_code": row["parent_code"] or None,
        }
        for row in csv.DictReader(text.splitlines())
    ]


class _Loader(yaml.SafeLoader):
    """YAML 1.2 for truth: only `true` and `false`. To YAML 1.1 the keys `no` and `off` are false."""

    yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(?:true|false)$"), ["t", "f"])


@cache
def read_source() -> Source:
    """Return the demo's source. Raises `pydantic.ValidationError` if it contradicts itself."""
    divisions = _read_divisions((files("app.demo") / "divisions.csv").read_text(encoding="utf-8"))
    return Source.model_validate({**read_document(), "divisions": divisions})


@cache
def read_document() -> dict[str, Any]:
    """Return `demo.yaml` as it is, for whoever reads parts of it that `Source` does not hold."""
    text = (files("app.demo") / "demo.yaml").read_text(encoding="utf-8")
    document: dict[str, Any] = yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader
    return document
