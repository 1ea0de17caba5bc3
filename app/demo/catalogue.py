"""Partner regions, pickup points, products and gift boxes of the demo, as rows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from uuid import UUID

from app.demo.directory import Directory
from app.demo.source import Kit, Product, Source
from app.platform.ids import new_id

Row: TypeAlias = dict[str, Any]


@dataclass(slots=True)
class Catalogue:
    """Rows to be inserted, in this order."""

    products: list[Row] = field(default_factory=list)
    boxes: list[Row] = field(default_factory=list)
    components: list[Row] = field(default_factory=list)


def region_rows(source: Source) -> tuple[list[Row], dict[str, UUID]]:
    """Return the rows of the partner regions, and their ids by the names of the source."""
    ids = {region.id: new_id() for region in source.partner_regions}
    rows = [
        {
            "id": ids[region.id],
            "division_code": region.code,
            "name": region.name,
            "province": region.province,
            "prefecture": region.prefecture,
            "kind": region.kind,
        }
        for region in source.partner_regions
    ]
    return rows, ids


def point_rows(source: Source, directory: Directory) -> list[Row]:
    """Return the rows of the pickup points and note their ids in the directory."""
    directory.points.update({station.id: new_id() for station in source.stations})
    return [
        {
            "id": directory.points[station.id],
            "union_id": directory.unions[station.org],
            "name": station.name,
            "address": station.address,
            "place": station.pickup_place,
            "phone": station.phone,
            "division_code": station.community,
            "is_outdoor": station.outdoor,
            "desk_count": station.desks,
            "is_sample": station.is_sample,
        }
        for station in source.stations
    ]


def make_catalogue(source: Source, directory: Directory, *, regions: Mapping[str, UUID]) -> Catalogue:
    """Return the boxes of each street union's campaigns with their products; box ids go into the directory.

    Every street union has a catalogue of its own, so a product is there once for each that needs it.
    """
    catalogue = Catalogue()
    for street in source.streets:
        kits = [kit for kit in source.kits if _offers(source, street, kit=kit)]
        products = _products_of(source, street, kits=kits)
        ids = {product.id: new_id() for product in products}
        union_id = directory.unions[street]
        catalogue.products += [
            _product_row(one, regions, product_id=ids[one.id], union_id=union_id) for one in products
        ]
        for kit in kits:
            directory.boxes[street, kit.id] = box_id = new_id()
            catalogue.boxes.append(_box_row(kit, regions, box_id=box_id, union_id=union_id))
            catalogue.components += [
                {
                    "union_id": union_id,
                    "gift_box_id": box_id,
                    "product_id": ids[part.product],
                    "position": position,
                    "quantity": part.qty,
                }
                for position, part in enumerate(kit.components, start=1)
            ]
    return catalogue


def _offers(source: Source, street: str, *, kit: Kit) -> bool:
    return any(one.org == street and one.kit == kit.id for one in source.campaigns)


def _products_of(source: Source, street: str, *, kits: list[Kit]) -> list[Product]:
    """Return what the boxes need; what no box needs is with the first street union."""
    needed = {part.product for kit in kits for part in kit.components}
    if street == source.streets[0]:
        boxed = {part.product for kit in source.kits for part in kit.components}
        needed |= {product.id for product in source.products} - boxed
    return [product for product in source.products if product.id in needed]


def _product_row(product: Product, regions: Mapping[str, UUID], *, product_id: UUID, union_id: UUID) -> Row:
    return {
        "id": product_id,
        "union_id": union_id,
        "name": product.name,
        "unit": product.unit,
        "category": product.category,
        "net_content_grams": product.net_content_g,
        "net_content_ml": product.net_content_ml,
        "barcode": product.barcode,
        "shelf_life": product.shelf_life,
        "storage": product.storage,
        "allergens": product.allergens,
        "region_id": regions[product.region],
        "is_sample": product.is_sample,
    }


def _box_row(kit: Kit, regions: Mapping[str, UUID], *, box_id: UUID, union_id: UUID) -> Row:
    return {
        "id": box_id,
        "union_id": union_id,
        "name": kit.name,
        "unit": kit.unit,
        "barcode": kit.barcode,
        "gross_weight_grams": kit.gross_weight_g,
        "unit_price_fen": kit.unit_price_fen,
        "region_id": regions[kit.region] if kit.region else None,
        "is_sample": kit.is_sample,
    }
