"""What procurement refuses."""

from app.platform.errors import DomainError


class SupplierNotFound(DomainError, code="procurement.supplier_not_found", status=404):
    """No such supplier, or not yours."""


class SupplierInactive(DomainError, code="procurement.supplier_inactive", status=409):
    """Nothing more is bought from that supplier."""


class CertificateNotFound(DomainError, code="procurement.certificate_not_found", status=404):
    """No such certificate, or not yours."""


class CertificateDoubtful(
    DomainError, code="procurement.certificate_doubtful", status=409, shown=("line", "doubt")
):
    """A line names a certificate that does not count on the day of the purchase; `doubt` says why not."""


class CertificateWithdrawn(DomainError, code="procurement.certificate_withdrawn", status=409):
    """The certificate was withdrawn before."""


class PurchaseNotFound(DomainError, code="procurement.not_found", status=404):
    """No such purchase, or not yours."""


class StepNotPossible(DomainError, code="procurement.step_not_possible", status=409, shown=("state",)):
    """The purchase stands where this step cannot follow; `state` is where."""


class PurchaseIncomplete(DomainError, code="procurement.incomplete", status=409, shown=("missing",)):
    """The purchase cannot be submitted yet; `missing` says what it lacks."""


class OwnPurchase(DomainError, code="procurement.own_purchase", status=403):
    """Who drafted or submitted a purchase does not decide on it."""


class YearFixed(DomainError, code="procurement.year_fixed", status=409, shown=("year",)):
    """The number of a purchase names its year, which therefore stays."""


class ReceivedAlready(DomainError, code="procurement.received_already", status=409):
    """Goods of the purchase were received: it can no longer be cancelled."""


class PaperRecorded(DomainError, code="procurement.paper_recorded", status=409, shown=("field",)):
    """Another number of that paper is recorded; it is replaced with a reason only."""


class LineNotFound(DomainError, code="procurement.line_not_found", status=404):
    """The purchase has no such line."""


class ReceiptNotFound(DomainError, code="procurement.receipt_not_found", status=404):
    """No such goods receipt, or not yours."""


class ThreePeopleNeeded(DomainError, code="procurement.three_people", status=403):
    """Who buys, who inspects and who keeps the goods are three people."""


class NotReceiver(DomainError, code="procurement.not_receiver", status=403):
    """A receipt is recorded by who inspects or who keeps the goods."""


class DayInFuture(DomainError, code="procurement.day_in_future", status=409):
    """Goods cannot have been received on a day that is still to come."""


class BatchNeeded(DomainError, code="procurement.batch_needed", status=409, shown=("line",)):
    """Gift boxes are received by batch, in boxes."""


class MoreThanOrdered(
    DomainError, code="procurement.more_than_ordered", status=409, shown=("line", "ordered", "received")
):
    """With this receipt more would have come than was ordered, and no reason is given."""


class ShelfLifeShort(
    DomainError, code="procurement.shelf_life_short", status=409, shown=("line", "days_left", "least_days")
):
    """Goods go off too soon, or nobody knows when, and no reason is given for taking them in."""


class GoodsExpired(DomainError, code="procurement.goods_expired", status=409, shown=("line",)):
    """Goods past their best-before day are not good (食品安全法 article 34)."""


class LotRecalled(DomainError, code="procurement.lot_recalled", status=409, shown=("line",)):
    """The lot was recalled: no more of it is taken in."""


class NotMissing(DomainError, code="procurement.not_missing", status=409, shown=("missing",)):
    """Fewer are missing of that lot than came late."""


class ReversedAlready(DomainError, code="procurement.reversed_already", status=409):
    """The receipt is taken back, or is itself the taking back of another."""


class GoodsMovedOn(DomainError, code="procurement.goods_moved_on", status=409):
    """Some of the boxes are no longer where the receipt put them, or missing ones came since."""
