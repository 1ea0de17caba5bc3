"""What the warehouse refuses."""

from app.platform.errors import DomainError


class TransferNotFound(DomainError, code="warehouse.transfer_not_found", status=404):
    """There is no such transfer."""


class TransferSettled(DomainError, code="warehouse.transfer_settled", status=409, shown=("state",)):
    """The transfer is in another state than the step asks for; `state` says in which."""


class SamePoint(DomainError, code="warehouse.same_point", status=422):
    """A transfer goes from one pickup point to another."""


class CoverageBroken(
    DomainError,
    code="warehouse.coverage_broken",
    status=409,
    shown=("gift_box_id", "on_hand", "promised", "asked", "short_by"),
):
    """What would be left is less than what is promised at the pickup point (in boxes)."""


class NotThere(DomainError, code="warehouse.not_there", status=409, shown=("lot_id", "on_hand", "asked")):
    """Fewer boxes are there than are to be moved; `lot_id` is missing where lots were to be chosen."""


class LinesContradict(DomainError, code="warehouse.lines_contradict", status=422):
    """What arrived does not add up, lot by lot, to what was sent."""


class OwnStep(DomainError, code="warehouse.own_step", status=403):
    """Two people: who did the step before does not do this one."""


class StocktakeNotFound(DomainError, code="warehouse.stocktake_not_found", status=404):
    """There is no such stocktake."""


class StocktakeOpen(DomainError, code="warehouse.stocktake_open", status=409, shown=("stocktake_id",)):
    """A stocktake of the pickup point is not over yet."""


class StocktakeSettled(DomainError, code="warehouse.stocktake_settled", status=409, shown=("state",)):
    """The stocktake is in another state than the step asks for; `state` says in which."""


class CountIncomplete(DomainError, code="warehouse.count_incomplete", status=422, shown=("missing",)):
    """Some lots that were to be counted have no number; `missing` says how many."""


class CountedAlready(DomainError, code="warehouse.counted_already", status=409):
    """The person has counted in this round."""


class CountTimeInvalid(DomainError, code="warehouse.count_time_invalid", status=422):
    """The count was not made between the beginning of its round and now."""


class FiguresMoved(DomainError, code="warehouse.figures_moved", status=409, shown=("short", "over")):
    """The differences are no longer those that the approver saw."""


class DisposalNotFound(DomainError, code="warehouse.disposal_not_found", status=404):
    """There is no such disposal."""


class DisposalDecided(DomainError, code="warehouse.disposal_decided", status=409, shown=("state",)):
    """The disposal is decided; `state` says how."""


class KindUnfit(DomainError, code="warehouse.kind_unfit", status=422):
    """Only boxes in quarantine can be released."""


class LotHeldBack(DomainError, code="warehouse.lot_held_back", status=409, shown=("lot_id",)):
    """A recalled or expired lot is neither given out nor donated (食品安全法 article 34 (10), article 63)."""


class LotNotRecalled(DomainError, code="warehouse.lot_not_recalled", status=409):
    """Notices are for recalled lots."""


class LotNotAsked(DomainError, code="warehouse.lot_not_asked", status=422, shown=("lot_id",)):
    """A recount is of the lots that differed in the round before."""
