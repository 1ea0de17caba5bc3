"""Taking a hand-over back, and swapping its boxes: who may, until when, and where the boxes go."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from app.campaigns.errors import CampaignSealed
from app.platform.errors import DomainError
from app.redemptions.errors import NotHandedOver, OverTheFreeMinutes, OwnOrder, UndoneAlready
from app.stock.rules.ledger import Account, AccountKind, Line, MovementKind


class ChangeKind(StrEnum):
    """What became of a hand-over afterwards."""

    UNDO = "undo"
    SWAP = "swap"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Who asks: `member_id` is who they are in the roster; within `free` minutes anybody at a table may."""

    staff_id: UUID
    staff_name: str
    member_id: UUID | None
    may_correct: bool
    free: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedOver:
    """A hand-over as it stands in the ledger, with its order and campaign."""

    is_handed_over: bool
    is_undone: bool
    is_sealed: bool
    member_id: UUID
    received_at: datetime


def check_change(known: HandedOver, asker: Asker, *, at: datetime) -> None:
    """Raise why a hand-over may not be changed: at first by whoever hands over, later by a supervisor.

    What the service counts from is when it heard of the hand-over; the clocks of devices do not decide.
    """
    refusal: DomainError | None = None
    if not known.is_handed_over:
        refusal = NotHandedOver()
    elif known.member_id == asker.member_id:
        refusal = OwnOrder()
    elif known.is_undone:
        refusal = UndoneAlready()
    elif known.is_sealed:
        refusal = CampaignSealed()
    elif not asker.may_correct and at > known.received_at + asker.free:
        refusal = OverTheFreeMinutes(minutes=int(asker.free.total_seconds() // 60))
    if refusal is not None:
        raise refusal


@dataclass(frozen=True, slots=True)
class Held:
    """Boxes of a lot that somebody carried away with one hand-over, and where they had been before."""

    lot_id: UUID
    source: Account
    boxes: int


def held_of(moved: Iterable[tuple[UUID, Account, Account, int]], account: Account) -> list[Held]:
    """Return what is left on `account` of the movements (lot, from, to, boxes) of one hand-over.

    What left the account again (swapped, undone, found to be of another lot) is taken from what came last.
    """
    came: defaultdict[UUID, list[Held]] = defaultdict(list)
    for lot_id, source, target, boxes in moved:
        if target == account:
            came[lot_id].append(Held(lot_id, source, boxes))
        elif source == account:
            _take(came[lot_id], boxes)
    return [held for lot in came.values() for held in lot]


def _take(came: list[Held], boxes: int) -> None:
    while boxes > 0 and came:
        last = came.pop()
        if last.boxes > boxes:
            came.append(Held(last.lot_id, last.source, last.boxes - boxes))
        boxes -= last.boxes


def boxes_of(held: Sequence[Held], wanted: int) -> list[Held]:
    """Return `wanted` boxes of what somebody holds; fewer if they hold fewer."""
    found = []
    for one in held:
        if wanted <= 0:
            break
        found.append(Held(one.lot_id, one.source, min(one.boxes, wanted)))
        wanted -= one.boxes
    return found


def given_at(point_id: UUID) -> Account:
    """Return the account of boxes that were handed over at a point."""
    return Account(AccountKind.HANDED_OVER, point_id)


def lines_of_undo(
    held: Sequence[Held], point_id: UUID, *, withheld: Collection[UUID], event_id: UUID, reason: str
) -> list[Line]:
    """Return the movements that put boxes back where they had been; those of `withheld` lots aside.

    What came from the variance account goes back there: nobody has counted it.
    """
    aside = Account(AccountKind.QUARANTINE, point_id)
    return [
        Line(
            lot_id=one.lot_id,
            boxes=one.boxes,
            source=given_at(point_id),
            target=aside if one.lot_id in withheld and one.source.point_id else one.source,
            kind=MovementKind.UNDONE,
            event_id=event_id,
            reason=reason,
        )
        for one in held
    ]


def lines_out(held: Sequence[Held], point_id: UUID, *, event_id: UUID, reason: str) -> list[Line]:
    """Return the movements that put damaged boxes aside which were handed over."""
    return [
        Line(
            lot_id=one.lot_id,
            boxes=one.boxes,
            source=given_at(point_id),
            target=Account(AccountKind.QUARANTINE, point_id),
            kind=MovementKind.SWAPPED_OUT,
            event_id=event_id,
            reason=reason,
        )
        for one in held
    ]
