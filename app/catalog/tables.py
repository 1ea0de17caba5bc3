"""Products, gift boxes and their components."""

from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, UniqueConstraint
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import String

from app.access.scope import UnionOwned
from app.platform.database import Base


class Product(UnionOwned, Base):
    """One article with the label facts that a member may ask for (GB 7718)."""

    __tablename__ = "products"
    __table_args__ = (
        CheckConstraint("num_nonnulls(net_content_grams, net_content_ml) = 1", name="one_net_content"),
        CheckConstraint(
            "net_content_grams > 0 AND net_content_ml IS NULL OR net_content_ml > 0",
            name="net_content_positive",
        ),
        CheckConstraint("barcode ~ '^[0-9]{13}$'", name="barcode_is_ean13"),
        CheckConstraint("sc_number ~ '^SC[0-9]{14}$'", name="sc_number_form"),
        CheckConstraint("num_nonnulls(sc_number, sc_reason) <= 1", name="licence_or_reason"),
        UniqueConstraint("union_id", "id"),
        UniqueConstraint("union_id", "barcode"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    unit: Mapped[str]
    category: Mapped[str]
    net_content_grams: Mapped[int | None]
    net_content_ml: Mapped[int | None]
    barcode: Mapped[str]
    shelf_life: Mapped[str]
    storage: Mapped[str]
    allergens: Mapped[list[str]] = mapped_column(ARRAY(String))
    region_id: Mapped[UUID | None] = mapped_column(ForeignKey("partner_regions.id"))
    sc_number: Mapped[str | None]
    """食品生产许可证编号; None for what was entered without one."""
    sc_reason: Mapped[str | None]
    """Why it needs no licence number (初级农产品无需SC)."""
    version: Mapped[int] = mapped_column(default=1, server_default="1")
    is_sample: Mapped[bool] = mapped_column(default=False)


class GiftBox(UnionOwned, Base):
    """What one member receives (份): products with their counts, or a place on a visit (no stock)."""

    __tablename__ = "gift_boxes"
    __table_args__ = (
        CheckConstraint("gross_weight_grams > 0", name="weight_positive"),
        CheckConstraint("unit_price_fen >= 0", name="price_not_negative"),
        CheckConstraint("barcode ~ '^[0-9]{13}$'", name="barcode_is_ean13"),
        CheckConstraint("kind IN ('box','place')", name="kind_known"),
        CheckConstraint(
            "CASE kind WHEN 'box' THEN num_nonnulls(barcode, gross_weight_grams) = 2"
            " ELSE num_nonnulls(barcode, gross_weight_grams) = 0 END",
            name="a_place_weighs_nothing",
        ),
        UniqueConstraint("union_id", "id"),
        UniqueConstraint("union_id", "barcode"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(default="box", server_default="box")
    name: Mapped[str]
    unit: Mapped[str]
    barcode: Mapped[str | None]
    gross_weight_grams: Mapped[int | None]
    unit_price_fen: Mapped[int]
    region_id: Mapped[UUID | None] = mapped_column(ForeignKey("partner_regions.id"))
    is_sample: Mapped[bool] = mapped_column(default=False)


class GiftBoxComponent(UnionOwned, Base):
    """How many of a product are in a gift box."""

    __tablename__ = "gift_box_components"
    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity_positive"),
        ForeignKeyConstraint(["union_id", "gift_box_id"], ["gift_boxes.union_id", "gift_boxes.id"]),
        ForeignKeyConstraint(["union_id", "product_id"], ["products.union_id", "products.id"]),
    )

    gift_box_id: Mapped[UUID] = mapped_column(primary_key=True)
    product_id: Mapped[UUID] = mapped_column(primary_key=True)
    position: Mapped[int]
    quantity: Mapped[int]
