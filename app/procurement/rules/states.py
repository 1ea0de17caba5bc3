"""What a purchase is, where it comes from, and which steps it may take."""

from enum import StrEnum


class Channel(StrEnum):
    """How something was bought (采购渠道)."""

    PLATFORM_832 = "platform_832"
    """The national platform for goods of supported counties."""
    COUNTER = "counter"
    """A counter, hall or section for such goods (专柜、专馆、专区)."""
    DIRECT = "direct"
    """From the supplier."""
    ON_SITE_VISIT = "on_site_visit"
    """On the spot, during a visit."""


class PurchaseStatus(StrEnum):
    """Where a purchase stands."""

    DRAFT = "draft"
    PENDING = "pending"
    APPROVED = "approved"
    DECLINED = "declined"
    CANCELLED = "cancelled"


class PurchaseStep(StrEnum):
    """What somebody does with a purchase."""

    CHANGE = "change"
    SUBMIT = "submit"
    APPROVE = "approve"
    DECLINE = "decline"
    CANCEL = "cancel"
    RECEIVE = "receive"
    RECORD_PAPERS = "record_papers"


FROM: dict[PurchaseStep, frozenset[PurchaseStatus]] = {
    PurchaseStep.CHANGE: frozenset({PurchaseStatus.DRAFT}),
    PurchaseStep.SUBMIT: frozenset({PurchaseStatus.DRAFT}),
    PurchaseStep.APPROVE: frozenset({PurchaseStatus.PENDING}),
    PurchaseStep.DECLINE: frozenset({PurchaseStatus.PENDING}),
    PurchaseStep.CANCEL: frozenset({PurchaseStatus.DRAFT, PurchaseStatus.PENDING, PurchaseStatus.APPROVED}),
    PurchaseStep.RECEIVE: frozenset({PurchaseStatus.APPROVED}),
    PurchaseStep.RECORD_PAPERS: frozenset({PurchaseStatus.APPROVED}),
}
"""From which state a step is possible."""


class ReceiptKind(StrEnum):
    """What a goods receipt records."""

    DELIVERY = "delivery"
    LATE_DELIVERY = "late_delivery"
    """Boxes that were missing have come: of a lot that was consigned before."""
    REVERSAL = "reversal"
    """A receipt was wrong: all that it posted goes back."""


class ReceiptUnit(StrEnum):
    """In what a line of a receipt counts: boxes (份, or pieces of a product), or grams of loose goods."""

    BOXES = "boxes"
    GRAMS = "grams"


class CertificateKind(StrEnum):
    """What a certificate says of a supplier or its goods."""

    POVERTY_RELIEF = "poverty_relief"
    """扶贫产品认定, until 2020"""
    ASSISTANCE = "assistance"
    """消费帮扶产品认定, since 2021"""
    FOOD_LICENCE = "food_licence"
    """食品生产许可证 (SC and 14 digits)"""
    HALAL = "halal"
    """清真"""
    ORGANIC = "organic"
    """有机"""
    OTHER = "other"


def may_step(status: str, step: PurchaseStep) -> bool:
    """Return whether a purchase in this state can take a step."""
    return status in FROM[step]
