"""Two street unions with every kind of thing, for the matrix: one's own, another's, foreign."""

import secrets
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import httpx
from sqlalchemy import insert, select, update

from app.access.policy import UNIT_ROLES, Role
from app.access.scope import every_union
from app.access.tokens import AccessToken, Opening, digest_of, open_session
from app.access.vault import keys_of
from app.campaigns.tables import Campaign
from app.catalog.tables import GiftBox, Product
from app.pickup.tables import PickupPoint
from app.platform.clock import utc_now
from app.platform.database import Base
from app.platform.ids import new_id
from app.privacy.tables import DeletionReceipt
from app.redemptions.tables import CodeKey, Redemption, RedemptionConflict
from app.roster.jobs.imports import carry_out_imports
from app.roster.tables import RosterImport
from app.sign_in.tables.member import HostIdentityLink
from app.unions.rules.order import GAP
from app.unions.tables import Member, Particulars, StaffAccount, Union, seal_particulars
from tests.factories.answers import API, order
from tests.factories.eligible import add_unit, add_unit_admin
from tests.factories.rosters import HEADINGS, csv_of
from tests.factories.street import Person, Street, campaign_terms, make_street
from tests.factories.tablets import Tablet, clerk_at, paired

PIN = "482915"
OWN, SAME = "own", "same"


@dataclass(frozen=True)
class Caller:
    """Who calls: the name of the row in the matrix, the role, the token, the device that signs."""

    name: str
    role: str
    who: Person
    tablet: Tablet | None = None

    def headers(self) -> dict[str, str]:
        """Return the headers that say who calls; none for who has no session."""
        return self.who.headers() if self.who.token else {}


@dataclass
class World:
    """A street union with two units; `things` are ids by kind and by whose they are.

    `people` are names and mobiles, `other_unit` is what says who is in the second unit.
    """

    here: Street
    client: httpx.AsyncClient
    word: str
    second_unit: UUID
    callers: dict[str, Caller] = field(default_factory=dict)
    things: dict[str, dict[str, Any]] = field(default_factory=dict)
    people: list[tuple[str, str]] = field(default_factory=list)
    other_unit: set[str] = field(default_factory=set)
    helpers: dict[str, Person] = field(default_factory=dict)
    """Accounts that ask for what callers decide, by what they are."""

    def unit_of(self, owner: str) -> UUID:
        """Return the unit of one's own people, or of the others in the street."""
        return self.here.unit_id if owner == OWN else self.second_unit

    async def add(self, model: type[Base], **values: Any) -> UUID:
        """Add a row behind the service's back and return its id."""
        id = new_id()
        async with self.here.database.transaction(every_union("a test arranges")) as session:
            await session.execute(insert(model).values({"id": id, "union_id": self.here.id} | values))
        return id

    async def copy(self, model: type[Base], id: UUID, **values: Any) -> UUID:
        """Add a row like another one."""
        table: Any = model.__table__
        (row,) = await self.here.read(select(*table.c).where(table.c.id == id))
        return await self.add(
            model, **({name: row._mapping[name] for name in row._mapping if name != "id"} | values)
        )

    async def token(self, owner: UUID, role: Role, **more: Any) -> str:
        """Open a session for a script of somebody of this street."""
        terms = {"kind": "script", "stepped_up": True} | more
        opening = Opening(owner, role, self.here.id, [self.here.id], **terms)
        async with self.here.database.transaction(every_union("a test arranges")) as session:
            return open_session(session, opening, now=utc_now())

    async def member(self, owner: str = OWN) -> Person:
        """Add a member of one's own unit, or of the other one."""
        id, now, number = new_id(), utc_now(), f"M{secrets.token_hex(6)}"
        name, mobile = f"{self.word}{len(self.people)}", f"19{secrets.randbelow(10**9):09}"
        self.people.append((name, mobile))
        if owner == SAME:
            self.other_unit |= {str(id), name, mobile, number}
        async with self.here.database.transaction(every_union("a test arranges")) as session:
            sealed = seal_particulars(
                await keys_of(session, self.here.id), id, particulars=Particulars(name, mobile, "7319")
            )
            session.add(
                Member(id=id, union_id=self.here.id, unit_id=self.unit_of(owner), number=number,
                       status="active", created_at=now, name_rank=(len(self.people) + 50) * GAP, **sealed)
            )  # fmt: skip
        return Person(id, name, await self.token(id, Role.MEMBER))

    async def ordered(self, who: Person) -> UUID:
        """Let somebody order a box and book a place."""
        placed = await order(self.client, who, self.here.offers[0], slot_id=self.here.slots[1])
        return UUID(placed["id"])

    async def session_of(self, token: str) -> UUID:
        """Return the session of a token."""
        wanted = select(AccessToken.id).where(AccessToken.digest == digest_of(token))
        return UUID(str((await self.here.read(wanted))[0][0]))


async def make_world(database: Any, client: httpx.AsyncClient, *, word: str) -> World:
    """Make a street with everything; all names in it begin with `word`."""
    here = await make_street(database, members=0, quota=5_000, capacity=5_000, slots=3)
    world = World(here, client, word, await add_unit(here))
    await _rename(world)
    members = {OWN: await world.member(), SAME: await world.member(SAME)}
    here.members += list(members.values())
    await _callers(world, members[OWN])
    await _plain_things(world, members)
    for owner, who in members.items():
        await _affairs(world, owner, who)
    await _imports(world)
    await _table(world)
    return world


async def _rename(world: World) -> None:
    here, word = world.here, world.word
    renamed: list[tuple[Any, dict[str, str]]] = [
        (Campaign, {"title": f"{word}·活动"}),
        (PickupPoint, {"name": f"{word}·领取点", "address": f"{word}·地址"}),
        (Product, {"name": f"{word}·小米"}),
        (GiftBox, {"name": f"{word}·礼盒"}),
        (StaffAccount, {"display_name": f"{word}·工作人员"}),
    ]
    async with here.database.transaction(every_union("a test arranges")) as session:
        for model, values in renamed:
            await session.execute(update(model).where(model.union_id == here.id).values(values))
        own = update(Union).where(Union.street_id == here.id)
        await session.execute(own.values(name=Union.name + f"·{word}"))


async def _callers(world: World, member: Person) -> None:
    here = world.here
    world.callers["member"] = Caller("member", "member", member)
    for role, person in here.staff.items():
        if role is not Role.PICKUP_DEVICE:
            units = [here.unit_id] if role in UNIT_ROLES else None
            token = await world.token(person.id, role, scope_unit_ids=units)
            here.staff[role] = Person(person.id, person.name, token)
            world.callers[role.value] = Caller(role.value, role.value, here.staff[role])
    tablet, shared, gone = [await paired(world.client, here) for _ in range(3)]
    clerk = await clerk_at(world.client, here, shared, pin=PIN)
    nobody, device = Person(uuid4(), "", ""), Person(tablet.id, "", tablet.token)
    world.callers["pickup_device"] = Caller("pickup_device", "pickup_device", device, tablet)
    world.callers["clerk_at_device"] = Caller("clerk_at_device", "station_clerk", clerk, shared)
    revoked = await world.client.post(
        f"{API}/devices/{gone.id}/revoke", json={"reason": "示例·遗失"}, headers=here.officer.headers()
    )
    assert revoked.status_code == 200, revoked.text
    ended = await world.token(here.officer.id, Role.UNION_OFFICER)
    digest = AccessToken.digest == digest_of(ended)
    async with here.database.transaction(every_union("a test ends a token")) as session:
        await session.execute(update(AccessToken).where(digest).values(revoked_at=utc_now()))
    world.callers["anonymous"] = Caller("anonymous", "", nobody)
    world.callers["ended_session"] = Caller("ended_session", "", Person(here.officer.id, "", ended))
    world.callers["revoked_device"] = Caller("revoked_device", "", Person(gone.id, "", gone.token), gone)
    world.things["device"] = {OWN: tablet.id, SAME: gone.id}


async def _plain_things(world: World, members: dict[str, Person]) -> None:
    here, things = world.here, world.things
    terms = campaign_terms(utc_now()) | {"title": f"{world.word}·草稿"}
    terms |= {"stage": "draft", "published_at": None}
    for kind in ("draft", "other_campaign"):
        things[kind] = {OWN: await world.add(Campaign, drafted_by=here.officer.id, **terms)}
    columns = {"box": GiftBox, "product": Product}
    for kind, model in columns.items():
        things[kind] = {OWN: (await here.read(select(model.id).where(model.union_id == here.id)))[0][0]}
    logins = await here.read(select(StaffAccount.login).where(StaffAccount.id == here.clerk.id))
    things |= {
        "campaign": {OWN: here.campaign_id}, "offer": {OWN: here.offers[0]}, "slot": {OWN: here.slots[1]},
        "point": {OWN: here.points[0]}, "union": {OWN: here.id}, "clerk": {OWN: here.clerk.id},
        "unit": {OWN: here.unit_id, SAME: world.second_unit}, "login": {OWN: logins[0][0]},
        "member": {owner: who.id for owner, who in members.items()},
        "staff": {OWN: await new_staff(world)},
        "receipt": {OWN: await world.add(DeletionReceipt, kind="member", subject_id=uuid4(), counts={},
                                         kept={}, carried_out_at=utc_now(), digest=bytes(32))},
        "session": {SAME: await world.session_of(members[SAME].token)},
    }  # fmt: skip
    things["session"][OWN] = await world.session_of(here.officer.token)
    keys = await here.read(select(CodeKey.id).where(CodeKey.state == "active"))
    things["signing_key"] = {OWN: keys[0][0]}
    numbers = await here.read(select(Member.number).where(Member.id == members[OWN].id))
    things["number"] = {OWN: numbers[0][0]}


async def new_staff(world: World, **values: Any) -> UUID:
    """Add an account that waits for its approval."""
    terms = {"login": f"t-{secrets.token_hex(6)}", "display_name": f"{world.word}·新人", "role": "finance"}
    return await world.add(StaffAccount, drafted_by=world.here.staff[Role.AUDITOR].id, **(terms | values))


async def _affairs(world: World, owner: str, who: Person) -> None:
    here, client, things = world.here, world.client, world.things

    def put(kind: str, id: Any) -> None:
        things.setdefault(kind, {})[owner] = id

    async def ask(path: str, by: Person, body: Any) -> Any:
        answer = await client.post(f"{API}{path}", json=body, headers=by.headers("new"))
        assert answer.status_code < 300, answer.text
        return UUID(answer.json()["id"])

    put("order", await world.ordered(who))
    words = f"{world.word}·写错了"
    put("correction", await ask("/me/corrections", who, {"field": "other", "message": words}))
    asked = {"member_id": str(who.id), "rules": ["on_list"], "reason": words}
    put("exception", await ask(f"/campaigns/{here.campaign_id}/exceptions", here.officer, asked))
    leaver = await world.member(owner)
    put("erasure", await ask("/me/erasure", leaver, None))
    put("host_identity", await link(world, who))


async def link(world: World, who: Person) -> UUID:
    """Let an outside identity stand for a member."""
    now = utc_now()
    values = {"issuer": f"https://{secrets.token_hex(4)}.test", "subject": secrets.token_bytes(32)}
    return await world.add(HostIdentityLink, member_id=who.id, linked_at=now, last_used_at=now, **values)


async def _imports(world: World) -> None:
    here = world.here
    admins = {OWN: here.staff[Role.GRASSROOTS_ADMIN], SAME: await add_unit_admin(here, [world.second_unit])}
    world.things["import"] = {}
    for owner, admin in admins.items():
        names = await here.read(select(Union.name).where(Union.id == world.unit_of(owner)))
        rows = [["N9001", f"{world.word}导入", "13900139001", "7319", names[0][0]], ["", "", "1", "", "x"]]
        sent = await world.client.post(
            f"{API}/members/imports", params={"filename": f"{world.word}.csv"},
            content=csv_of([HEADINGS, *rows]), headers=admin.headers("new") | {"Content-Type": "text/csv"},
        )  # fmt: skip
        assert sent.status_code == 202, sent.text
        world.things["import"][owner] = UUID(sent.json()["id"])
    await carry_out_imports(here.database)
    states = await here.read(select(RosterImport.status).where(RosterImport.union_id == here.id))
    assert [row[0] for row in states] == ["compared", "compared"]


async def _table(world: World) -> None:
    """Let a box be handed over, with a conflict; note short code and event."""
    here, who = world.here, await world.member()
    collected = await world.ordered(who)
    await here.hand_over(collected, at=utc_now())
    (first,) = await here.read(
        select(Redemption.id, Redemption.event_id).where(Redemption.order_id == collected)
    )
    second = uuid4()
    refusal = {"result": "refused", "reason": "already_collected", "first_portion": None}
    await world.copy(Redemption, first.id, event_id=second, **refusal)
    await world.add(
        RedemptionConflict, order_id=collected, first_event_id=first.event_id, second_event_id=second,
        reason="already_collected", status="open", noticed_at=utc_now(),
    )  # fmt: skip
    world.things["event"] = {OWN: first.event_id}
    for spare in range(16):
        id = world.things["event"][f"spare {spare}"] = uuid4()
        await world.copy(Redemption, first.id, event_id=id, **refusal)
    world.things["short_code"] = {OWN: await short_code(world, here.members[0], world.things["order"][OWN])}


async def short_code(world: World, who: Person, order_id: UUID) -> str:
    answer = await world.client.get(f"{API}/orders/{order_id}/code", headers=who.headers())
    assert answer.status_code == 200, answer.text
    return str(answer.json()["short_code"])
