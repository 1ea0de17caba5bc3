"""Whether a certificate says anything of a purchase."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from uuid import UUID


class Doubt(StrEnum):
    """Why a certificate does not count."""

    OTHER_SUPPLIER = "other_supplier"
    OTHER_GOODS = "other_goods"
    DAY_UNKNOWN = "day_unknown"
    NOT_YET_VALID = "not_yet_valid"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Held:
    """What a certificate says: whose it is, of what, from which to which day (both included)."""

    supplier_id: UUID
    valid_from: date
    valid_until: date | None
    withdrawn_on: date | None = None
    product_id: UUID | None = None


def doubt_of(
    held: Held, *, supplier_id: UUID | None, day: date | None, product_ids: Collection[UUID]
) -> Doubt | None:
    """Return why a certificate does not count for goods bought of a supplier on a day, or None if it does.

    `product_ids` are the product bought, or what is in the gift box.
    """
    if held.supplier_id != supplier_id:
        return Doubt.OTHER_SUPPLIER
    if held.product_id is not None and held.product_id not in product_ids:
        return Doubt.OTHER_GOODS
    if day is None:
        return Doubt.DAY_UNKNOWN
    if day < held.valid_from:
        return Doubt.NOT_YET_VALID
    if held.withdrawn_on is not None and day >= held.withdrawn_on:
        return Doubt.WITHDRAWN
    if held.valid_until is not None and day > held.valid_until:
        return Doubt.EXPIRED
    return None
