"""What somebody sees of a closing: figures, and what stands in the way, by name."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.access.actor import Actor
from app.access.audit import Trace, record
from app.campaigns.tables import Campaign
from app.closing.actions.close import look
from app.closing.queries import closings, people
from app.closing.queries.people import Named
from app.closing.rules.blockers import Blocker, order_of
from app.closing.rules.states import ClosingStatus
from app.closing.schemas import BlockerView, ClosingView, CodeCount, SubjectView
from app.closing.tables import Closing
from app.platform.i18n import Language, text
from app.platform.ids import new_id
from app.platform.paging import Page, page_of, seek, text_key
from app.unions.queries import find_union_names
from app.unions.rules.looks import RevealField, RevealReason
from app.unions.tables import Reveal


@dataclass(frozen=True, slots=True)
class Looker:
    """Who looks, in which language, and why they need full names, if they do."""

    actor: Actor
    language: Language
    reason: RevealReason | None
    at: datetime


async def view_closing(session: AsyncSession, campaign: Campaign, *, now: datetime) -> ClosingView:
    """Return where a campaign stands: sealed figures as they were sealed, others as they are now."""
    closing = await closings.find_standing(session, campaign.id)
    if closing is not None and closing.status == ClosingStatus.SEALED:
        return closing_view(campaign.id, closing, figures=closing.figures)
    found = await look(session, campaign, now=now)
    return closing_view(campaign.id, closing, figures=found.figures, blockers=found.blockers)


def closing_view(
    campaign_id: UUID,
    closing: Closing | None,
    *,
    figures: dict[str, Any],
    blockers: Sequence[Blocker] = (),
) -> ClosingView:
    """Return figures and counts of blockers beside who prepared and sealed."""
    counts = Counter(one.code for one in blockers)
    return ClosingView.model_validate(
        figures
        | {
            "id": closing.id if closing else None,
            "campaign_id": campaign_id,
            "status": closing.status if closing else None,
            "blockers": [CodeCount(code=code, count=count) for code, count in counts.items()],
            "digest": closing.digest.hex() if closing else None,
            "note": closing.note if closing else None,
            "prepared_by": closing.prepared_by if closing else None,
            "prepared_at": closing.prepared_at if closing else None,
            "sealed_by": closing.sealed_by if closing else None,
            "sealed_at": closing.sealed_at if closing else None,
        }
    )


async def list_blockers(
    session: AsyncSession, campaign: Campaign, looker: Looker, *, limit: int, after: tuple[str, ...] | None
) -> Page[BlockerView]:
    """Return a page of what stands in the way of closing a campaign; nothing once it is sealed.

    With a reason names are in full, and each look stands in the log and where its member can read it.
    """
    blockers: list[Blocker] = []
    if campaign.sealed_at is None:
        blockers = (await look(session, campaign, now=looker.at)).blockers
    blockers.sort(key=order_of)
    if after is not None:
        last = seek(after, int, text_key)
        blockers = [one for one in blockers if order_of(one) > last]
    page = page_of(blockers[: limit + 1], limit=limit, key=lambda one: tuple(map(str, order_of(one))))
    member_ids = {one.member_id for one in page.items if one.member_id is not None}
    names = await people.find_names(session, member_ids)
    units = await find_union_names(session, {one.unit_id for one in page.items if one.unit_id is not None})
    if looker.reason is not None:
        _record_looks(session, campaign, looker, member_ids=sorted(names))
    views = [_view(one, looker, names=names, units=units) for one in page.items]
    return Page(views, page.next)


def _view(
    blocker: Blocker, looker: Looker, *, names: dict[UUID, Named], units: dict[UUID, str]
) -> BlockerView:
    key = f"message.closing_{blocker.code.value}"
    named = names.get(blocker.member_id) if blocker.member_id else None
    shows_name = named is not None and looker.reason is not None
    return BlockerView(
        code=blocker.code,
        title=text(looker.language, key, part="title", **blocker.values),
        detail=text(looker.language, key, part="detail", **blocker.values),
        values=dict(blocker.values),
        subject=SubjectView(
            kind=blocker.kind,
            id=blocker.id,
            number=blocker.number,
            member_name_masked=named.masked if named else None,
            member_name=named.name if named and shows_name else None,
            unit=units.get(blocker.unit_id) if blocker.unit_id else None,
        ),
    )


def _record_looks(
    session: AsyncSession, campaign: Campaign, looker: Looker, *, member_ids: Sequence[UUID]
) -> None:
    assert looker.reason is not None  # noqa: S101 - asked for with a reason only
    for member_id in member_ids:
        session.add(
            Reveal(
                id=new_id(),
                union_id=campaign.union_id,
                member_id=member_id,
                staff_id=looker.actor.id,
                role=looker.actor.role.value,
                fields=[RevealField.NAME.value],
                reason=looker.reason.value,
                revealed_at=looker.at,
            )
        )
    trace = Trace(
        "closing.looked",
        campaign.union_id,
        looker.actor,
        subject=("campaign", campaign.id),
        reason=looker.reason.value,
        details={"members": len(member_ids)},
    )
    record(session, trace, now=looker.at)
