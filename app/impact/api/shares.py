"""The route that says what part of a supplier's or region's sales to unions a campaign was."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.actor import Actor
from app.access.deps import database_of, require
from app.access.policy import Permission
from app.access.scope import every_union, one_union
from app.campaigns.errors import CampaignNotFound
from app.campaigns.queries import get_campaign
from app.impact.queries.shares import Deal, find_bought_from, find_bought_of, find_deal
from app.impact.rules.shares import Amount, Share, share_of
from app.impact.schemas.shares import Among, AmountView, CampaignImpactView, FractionView, ShareOf, ShareView
from app.platform.http import StrictRoute
from app.platform.problems import describe
from app.regions.queries import find_regions

router = APIRouter(route_class=StrictRoute, tags=["impact"])


@router.get(
    "/campaigns/{campaign_id}/impact",
    name="get_campaign_impact",
    response_model=CampaignImpactView,
    responses=describe(CampaignNotFound),
)
async def get_campaign_impact(
    request: Request,
    campaign_id: UUID,
    actor: Annotated[Actor, require(Permission.IMPACT_READ)],
) -> CampaignImpactView:
    """Return what share of each supplier's and region's purchases the campaign was, in the years it bought.

    Of purchases that are known here and approved; boxes, grams and fen, never people.
    """
    # One transaction after the other: who holds one connection while waiting for the next blocks others.
    async with database_of(request).transaction(actor.scope) as session:
        campaign = await get_campaign(session, campaign_id)
        deal = await find_deal(session, campaign_id)
    shares: list[ShareView] = []
    if deal is not None:
        scopes = {
            Among.THIS_UNION: one_union(campaign.union_id),
            Among.ALL_UNIONS: every_union("the whole of which a campaign was a part: sums, no rows"),
        }
        for among, scope in scopes.items():
            async with database_of(request).transaction(scope) as whole:
                shares += await _shares(whole, campaign_id, deal=deal, among=among)
    return CampaignImpactView(campaign_id=campaign_id, shares=shares)


async def _shares(session: AsyncSession, campaign_id: UUID, *, deal: Deal, among: Among) -> list[ShareView]:
    views = []
    for supplier in sorted(deal.suppliers.values(), key=lambda one: one.name):
        share = share_of(campaign_id, await find_bought_of(session, supplier, deal=deal))
        views.append(_view((ShareOf.SUPPLIER, supplier.id, supplier.name), share, deal=deal, among=among))
    regions = await find_regions(session, deal.region_ids)
    for region in sorted(regions.values(), key=lambda one: one.division_code):
        share = share_of(campaign_id, await find_bought_from(session, region.id, deal=deal))
        views.append(_view((ShareOf.REGION, region.id, region.name), share, deal=deal, among=among))
    return views


def _view(of: tuple[ShareOf, UUID, str], share: Share, *, deal: Deal, among: Among) -> ShareView:
    kind, id, name = of
    return ShareView(
        of=kind,
        id=id,
        name=name,
        among=among,
        from_year=deal.from_year,
        until_year=deal.until_year,
        boxes=_fraction(share.boxes),
        grams=_fraction(share.grams),
        fen=_fraction(share.fen),
        has_lower_bounds=share.has_lower_bounds,
    )


def _fraction(of: tuple[Amount, Amount]) -> FractionView:
    numerator, denominator = (AmountView.model_validate(one) for one in of)
    return FractionView(numerator=numerator, denominator=denominator)
