"""What the benchmarks work on: a street union, members with tokens, campaigns with one hot offer each."""

import json
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import func, insert, select, text, update

from app.access.policy import Role
from app.access.scope import every_union, one_union
from app.access.tokens import AccessToken, digest_of
from app.access.vault import UnionKeys, Vault, keys_of
from app.campaigns.tables import Campaign, Offer
from app.catalog.tables import GiftBox
from app.orders.tables import Order
from app.pickup.tables import PickupPoint, Slot
from app.platform.clock import local_date, utc_now
from app.platform.database import Database
from app.platform.ids import new_id
from app.platform.signing import KeyStore
from app.redemptions.actions.keys import ensure_key
from app.redemptions.rules.record import CodeRecord, sign_record
from app.redemptions.rules.short_code import make_short_code
from app.redemptions.tables import PickupCode, Redemption
from app.unions.rules.order import GAP
from app.unions.tables import Member, Particulars, StaffAccount, Union, seal_particulars

SEEING_ALL = every_union("a benchmark")
CAMPAIGNS = 16


@dataclass
class Seeded:
    """What was made, and which campaigns were used up."""

    folder: Path
    union_id: UUID
    point_id: UUID
    unit_id: UUID
    clerk_token: str
    tokens: list[str]
    members: list[UUID]
    offers: list[UUID]
    empty_offer: UUID
    used: int = 0
    scanned: int = 0
    scan_offers: list[UUID] = field(default_factory=list)

    def orders_for_next_campaign(self) -> Path:
        """Return a file of calls: every member orders the hot offer of a campaign nobody has ordered in."""
        offer = self.offers[self.used]
        self.used += 1
        return self._file(offer)

    def orders_for_sold_out(self) -> Path:
        """Return a file of calls for an offer that is empty."""
        return self._file(self.empty_offer)

    def _file(self, offer: UUID) -> Path:
        path = self.folder / "calls.tsv"
        body = json.dumps({"offer_id": str(offer)})
        path.write_text("".join(f"{token}\t{body}\n" for token in self.tokens))
        return path

    async def scans(self, url: str, keys: Path, *, count: int) -> Path:
        """Book `count` orders with codes in a fresh campaign and return a file of scans."""
        database = Database(url)
        offer_id = self.offers[self.used]
        self.used += 1
        store = KeyStore(keys / "keys")
        count = min(count, len(self.members))
        async with database.transaction(SEEING_ALL) as session:
            key = await ensure_key(session, store, now=utc_now())
            offer = await session.get_one(Offer, offer_id)
            number = (
                await session.execute(select(Union.number).where(Union.id == self.union_id))
            ).scalar_one()
            now = utc_now()
            slot = Slot(
                id=new_id(), union_id=self.union_id, campaign_id=offer.campaign_id,
                pickup_point_id=self.point_id, starts_at=now, ends_at=now + timedelta(hours=1),
                capacity=10_000, booked_count=0,
            )  # fmt: skip
            session.add(slot)
            await session.flush()
            orders, codes, texts = [], [], []
            today = local_date(now)
            for member in self.members[:count]:
                order_id, ref = new_id(), secrets.token_bytes(8)
                record = CodeRecord(
                    key_id=key.id, union_number=number or 1, unit_ref=ref, generation=0, flags=0,
                    not_before_on=today, not_after_on=today + timedelta(days=1),
                )  # fmt: skip
                texts.append(sign_record(record, store.load(key.id)))
                orders.append(
                    {
                        "id": order_id, "union_id": self.union_id, "number": order_id.hex[-12:],
                        "campaign_id": offer.campaign_id, "offer_id": offer_id,
                        "pickup_point_id": self.point_id,
                        "member_id": member, "unit_id": self.unit_id, "slot_id": slot.id, "quantity": 1,
                        "status": "booked", "channel": "member", "placed_at": now, "version": 1,
                    }
                )  # fmt: skip
                codes.append(
                    {
                        "order_id": order_id, "union_id": self.union_id, "unit_ref": ref, "generation": 0,
                        "short_code": make_short_code(secrets.randbits(45)), "key_id": key.id,
                        "not_before_on": today, "not_after_on": today + timedelta(days=1),
                        "qr_text": texts[-1], "created_at": now,
                    }
                )  # fmt: skip
            await session.execute(insert(Order), orders)
            await session.execute(insert(PickupCode), codes)
            await session.execute(update(Offer).where(Offer.id == offer_id).values(promised_count=count))
        await database.close()
        path = self.folder / "scans.tsv"
        with path.open("w") as file:
            for code in texts:
                scan = {"event_id": str(uuid4()), "code": code, "pickup_point_id": str(self.point_id)}
                file.write(f"{self.clerk_token}\t{json.dumps(scan)}\n")
        return path

    async def audit_scans(self, url: str, answered: int) -> None:
        """Fail unless every answered scan of a distinct code is one hand-over of one order."""
        database = Database(url)
        async with database.transaction(one_union(self.union_id)) as session:
            # One statement, one snapshot: the server may still be deciding what was left behind.
            handed = select(func.count()).where(Redemption.result == "handed_over").scalar_subquery()
            collected = select(func.count()).where(Order.status == "collected").scalar_subquery()
            found = (await session.execute(select(handed, collected))).one()
        await database.close()
        new, self.scanned = found[0] - self.scanned, found[0]
        if found[0] != found[1] or not answered <= new <= answered + 256:
            raise SystemExit(f"audit: {answered} answers, {new} hand-overs, {found[1]} collected in all")


async def audit(url: str, seeded: Seeded, acknowledged: int) -> None:
    """Fail unless the hot offer's counter, its orders and the acknowledged answers agree."""
    database = Database(url)
    offer_id = seeded.offers[seeded.used - 1]
    async with database.transaction(one_union(seeded.union_id)) as session:
        # One statement, one snapshot: the server may still be deciding what the load generator left behind.
        counted = select(func.count()).select_from(Order).where(Order.offer_id == offer_id).scalar_subquery()
        found = await session.execute(select(Offer.promised_count, counted).where(Offer.id == offer_id))
        promised, orders = found.one()
    await database.close()
    # The load generator stops with some answers still under way: those are rows without an acknowledgement.
    if promised != orders or not acknowledged <= orders <= acknowledged + 256:
        raise SystemExit(f"audit: {acknowledged} acknowledged, {orders} orders, counter {promised}")


async def seed(url: str, folder: Path, *, members: int) -> Seeded:
    """Fill an empty database."""
    database = Database(url, carried={"vault": Vault(folder / "keys" / "vault")})
    now = utc_now()
    async with database.transaction(SEEING_ALL) as session:
        union_id, unit_id = await _unions(session)
        clerk, clerk_token = new_id(), secrets.token_urlsafe(32)
        session.add(
            StaffAccount(
                id=clerk, union_id=union_id, login="bench", display_name="bench", role="station_clerk"
            )
        )
        point = PickupPoint(
            id=new_id(), union_id=union_id, name="bench", address="-", is_outdoor=True, desk_count=1
        )
        box = GiftBox(id=new_id(), union_id=union_id, name="box", unit="份", barcode="2000000001012",
                      gross_weight_grams=1, unit_price_fen=1)  # fmt: skip
        session.add_all([point, box])
        await session.flush()
        ids = [new_id() for _ in range(members)]
        tokens = [secrets.token_urlsafe(32) for _ in range(members)]
        union_keys = await keys_of(session, union_id)
        await session.execute(
            insert(Member), [_member(id, n, union_keys, unit_id, now) for n, id in enumerate(ids)]
        )
        rows = [_token(token, union_id, now, member_id=id) for token, id in zip(tokens, ids, strict=True)]
        await session.execute(
            insert(AccessToken), [*rows, _token(clerk_token, union_id, now, staff_id=clerk)]
        )
        offers = [
            await _campaign(session, union_id, point.id, box.id, quota=1_000_000) for _ in range(CAMPAIGNS)
        ]
        empty = await _campaign(session, union_id, point.id, box.id, quota=0)
        await ensure_key(session, KeyStore(folder / "keys"), now=now)
    async with database.engine.connect() as connection:
        await (await connection.execution_options(isolation_level="AUTOCOMMIT")).execute(text("ANALYZE"))
    await database.close()
    return Seeded(folder, union_id, point.id, unit_id, clerk_token, tokens, ids, offers, empty)


async def _unions(session: Any) -> tuple[UUID, UUID]:
    parent, level_above, street = None, None, new_id()
    for level in ("national", "municipal", "district", "street", "grassroots"):
        id = street if level == "street" else new_id()
        session.add(
            Union(
                id=id, code=level, name=level, level=level, parent_id=parent, parent_level=level_above,
                street_id=street if level in {"street", "grassroots"} else None,
                number=1 if level == "street" else None,
            )
        )  # fmt: skip
        await session.flush()
        parent, level_above = id, level
    assert parent is not None
    return street, parent


def _member(id: UUID, position: int, keys: UnionKeys, unit_id: UUID, now: datetime) -> dict[str, Any]:
    return {
        "id": id, "union_id": keys.union_id, "unit_id": unit_id, "number": f"B{position:07}",
        "name_rank": (position + 1) * GAP, "status": "active", "created_at": now,
        **seal_particulars(keys, id, particulars=Particulars(f"会员{position}")),
    }  # fmt: skip


def _token(token: str, union_id: UUID, now: datetime, **owner: UUID) -> dict[str, Any]:
    role = Role.MEMBER if "member_id" in owner else Role.STATION_CLERK
    return {
        "digest": digest_of(token), "member_id": None, "staff_id": None, "role": role.value,
        "union_id": union_id,
        "scope_union_ids": [union_id], "created_at": now, "expires_at": now + timedelta(days=1),
    } | owner  # fmt: skip


async def _campaign(session: Any, union_id: UUID, point_id: UUID, box_id: UUID, *, quota: int) -> UUID:
    now = utc_now()
    campaign = Campaign(
        id=new_id(), union_id=union_id, title="bench", stage="published", allocation="first_come",
        has_waitlist=True, per_member_limit=1, eligible_statuses=["active"],
        order_opens_at=now - timedelta(days=1), order_closes_at=now + timedelta(days=1),
        pickup_from=local_date(now), pickup_until=local_date(now) + timedelta(days=1), early_minutes=60,
        late_minutes=60, published_at=now, version=1,
    )  # fmt: skip
    session.add(campaign)
    await session.flush()
    offer = Offer(id=new_id(), union_id=union_id, campaign_id=campaign.id, gift_box_id=box_id,
                  pickup_point_id=point_id, quota=quota)  # fmt: skip
    session.add(offer)
    await session.flush()
    return offer.id
