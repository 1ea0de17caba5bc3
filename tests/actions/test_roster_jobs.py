"""Imports in the background: taken up after a crash, written once, forgotten after a week."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import func, select, update

from app.access.actor import Actor
from app.access.audit import AuditEntry
from app.access.policy import Role
from app.access.scope import every_union, one_union
from app.access.vault import keys_of
from app.campaigns.tables import Offer
from app.orders.tables import Order
from app.platform.clock import utc_now
from app.platform.database import Database
from app.roster import queries
from app.roster.actions.decide import commit_import
from app.roster.actions.receive import Upload, receive_file
from app.roster.actions.write import Prepared, remove_members
from app.roster.errors import HeaderMissing
from app.roster.jobs import comparing, imports
from app.roster.jobs.imports import carry_out_imports, forget_imports
from app.roster.jobs.leases import Lease, LeaseLost
from app.roster.rules.comparing import Mode
from app.roster.rules.progress import KEPT_FOR, LEASE, MOST_ATTEMPTS, ImportStatus
from app.roster.schemas import CommitRequest
from app.roster.tables import RosterFile, RosterImport, RosterRow
from app.unions.actions.erase import erase_particulars
from app.unions.tables import Member, Union, open_particulars
from tests.conftest import MakeStreet
from tests.factories.answers import API
from tests.factories.rosters import HEADINGS, csv_of, people, shuffled
from tests.factories.street import Person, Street


async def send(here: Street, table: list[Any], *, mode: Mode = Mode.PARTIAL) -> RosterImport:
    async with here.database.transaction(one_union(here.id)) as session:
        upload = Upload(csv_of([HEADINGS, *table]), "名单.csv", mode)
        return await receive_file(session, upload, actor=actor_of(here), now=utc_now())


def actor_of(here: Street) -> Any:
    return Actor(
        here.officer.id, Role.UNION_OFFICER, here.id, one_union(here.id), utc_now() + timedelta(hours=1)
    )


async def commit(here: Street, one: RosterImport, confirm: int | None = None) -> None:
    async with here.database.transaction(one_union(here.id)) as session:
        now = await queries.get_import(session, one.id, actor=actor_of(here))
        body = CommitRequest(comparison_hash=now.comparison_hash or "", confirm_removals=confirm)
        await commit_import(session, one.id, body, actor=actor_of(here), now=utc_now())


async def state(here: Street, one: RosterImport) -> RosterImport:
    return (await here.read(select(RosterImport).where(RosterImport.id == one.id)))[0][0]  # type: ignore[no-any-return]


async def unit_name(here: Street) -> str:
    return str((await here.read(select(Union.name).where(Union.id == here.unit_id)))[0][0])


async def names(here: Street) -> list[str]:
    """The names of the members as a list shows them, in the order of the ranks."""
    async with here.database.transaction(every_union("a test looks")) as session:
        keys = await keys_of(session, here.id)
        wanted = select(Member).where(Member.union_id == here.id).order_by(Member.name_rank, Member.id)
        return [open_particulars(keys, member).name for member in (await session.execute(wanted)).scalars()]


async def order(client: httpx.AsyncClient, who: Person, here: Street) -> int:
    body = {"offer_id": str(here.offers[0])}
    return (await client.post(f"{API}/orders", json=body, headers=who.headers("new"))).status_code


async def test_five_thousand_people_arrive_in_the_order_of_their_names(street: MakeStreet) -> None:
    here = await street()
    one = await send(here, shuffled(people(5_000, await unit_name(here))))
    await carry_out_imports(here.database)
    found = await state(here, one)
    assert (found.status, found.counts["added"], found.total_count) == ("compared", 5_000, 5_000)
    await commit(here, one)
    assert await carry_out_imports(here.database) == 2, "the roster, then its order"
    done = await state(here, one)
    assert (done.status, done.needs_ranks, done.lease_id) == ("committed", False, None)
    listed = await names(here)
    assert len(listed) == 5_003
    surnames = [name[0] for name in listed if not name.startswith("示例")]
    assert [*dict.fromkeys(surnames)] == list("陈黄李刘王吴杨张赵周")
    counted = select(func.count()).select_from(RosterFile).where(RosterFile.import_id == one.id)
    assert (await here.read(counted))[0][0] == 0
    trace = select(AuditEntry.details).where(
        AuditEntry.subject_id == one.id, AuditEntry.action == "roster.committed"
    )
    assert (await here.read(trace))[0][0]["added"] == 5_000


async def test_nothing_of_people_is_stored_in_the_clear(street: MakeStreet) -> None:
    here = await street()
    table = [
        ["0010000001", "买买提艾力", "13912345678", "11010519491231002X", await unit_name(here)],
        ["x", "=1", "", "", ""],
    ]
    one = await send(here, table)
    await carry_out_imports(here.database)
    await commit(here, one)
    await carry_out_imports(here.database)
    for model in (RosterImport, RosterRow, Member, AuditEntry):
        text = str(
            [
                list(row)
                for row in await here.read(select(*model.__table__.columns).where(model.union_id == here.id))
            ]
        )
        for secret in ("买买提", "13912345678", "11010519491231002X", "002X", "名单"):
            assert secret not in text, model


async def test_an_import_whose_worker_died_is_taken_up_again(
    street: MakeStreet, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = await street()
    one = await send(here, people(10, await unit_name(here)))

    async def die(*_: object, **__: object) -> None:
        raise asyncio.CancelledError

    with monkeypatch.context() as patch:
        patch.setattr(comparing, "_stage", die)
        with pytest.raises(asyncio.CancelledError):
            await carry_out_imports(here.database)
    assert (await state(here, one)).status == "reading"
    assert await carry_out_imports(here.database) == 0, "its lease has not run out"
    await here.set(RosterImport, one.id, leased_until=utc_now() - timedelta(seconds=1))
    assert await carry_out_imports(here.database) == 1
    found = await state(here, one)
    assert (found.status, found.counts["added"]) == ("compared", 10)


async def test_an_import_that_fails_again_and_again_is_given_up(
    street: MakeStreet, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = await street()
    one = await send(here, people(3, await unit_name(here)))

    async def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(comparing, "_stage", fail)
    for _ in range(MOST_ATTEMPTS):
        with pytest.raises(ZeroDivisionError):
            await carry_out_imports(here.database)
        await here.set(RosterImport, one.id, leased_until=None)
    assert await carry_out_imports(here.database) == 0
    assert ((await state(here, one)).status, (await state(here, one)).failure) == (
        "failed",
        "roster.given_up",
    )


async def test_two_workers_never_have_one_import_in_hand(street: MakeStreet) -> None:
    here = await street()
    sent = [await send(here, people(20, await unit_name(here))) for _ in range(2)]
    counts = await asyncio.gather(*(carry_out_imports(here.database) for _ in range(4)))
    assert sum(counts) == 2
    assert [(await state(here, one)).status for one in sent] == ["compared", "compared"]
    for one in sent:
        await commit(here, one)
    await asyncio.gather(*(carry_out_imports(here.database) for _ in range(2)))
    await carry_out_imports(here.database)
    statuses = sorted([(await state(here, one)).status for one in sent])
    assert statuses == ["committed", "compared"], "the second saw that the roster had changed"
    assert len(await names(here)) == 23


async def test_an_abandoned_import_is_not_written_by_whoever_had_it_in_hand(street: MakeStreet) -> None:
    here = await street()
    one = await send(here, people(3, await unit_name(here)))
    lease = Lease(here.database, one.id, here.id, uuid4())
    await here.set(RosterImport, one.id, status="reading", lease_id=lease.id, leased_until=utc_now() + LEASE)
    async with lease.held(ImportStatus.READING):
        pass
    await here.set(RosterImport, one.id, lease_id=uuid4())
    with pytest.raises(LeaseLost):
        await comparing.make_comparison(lease, await state(here, one))
    await here.set(RosterImport, one.id, lease_id=None, leased_until=None, status="received")
    await carry_out_imports(here.database)


async def test_a_bad_file_that_is_abandoned_while_it_is_read_stops_nobody(
    street: MakeStreet, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = await street()
    one = await send(here, people(1, await unit_name(here)))

    async def abandoned_meanwhile(lease: Lease, _: object) -> None:
        await here.set(RosterImport, one.id, status="abandoned", ended_at=utc_now(), lease_id=None)
        raise HeaderMissing()

    monkeypatch.setattr(imports, "make_comparison", abandoned_meanwhile)
    assert await carry_out_imports(here.database) == 1
    assert (await state(here, one)).status == "abandoned"


async def test_an_erased_member_is_nobody_to_a_file(street: MakeStreet) -> None:
    here = await street()
    who = here.members[0]
    number = f"erased-{who.id.hex}"
    async with here.database.transaction(one_union(here.id)) as session:
        member = await session.get_one(Member, who.id)
        erase_particulars(await keys_of(session, here.id), member, now=utc_now())
    one = await send(here, [[number, "示例鬼", "13900139000", "0017", await unit_name(here)]])
    await carry_out_imports(here.database)
    found = await state(here, one)
    assert (found.status, found.counts["refused"], found.counts["changed"]) == ("compared", 1, 0)


async def test_personal_data_of_imports_are_deleted_after_a_week(street: MakeStreet) -> None:
    here = await street()
    first, second = [await send(here, people(3, await unit_name(here))) for _ in range(2)]
    await carry_out_imports(here.database)
    await commit(here, first)
    await carry_out_imports(here.database)
    rows = select(func.count()).select_from(RosterRow).where(RosterRow.union_id == here.id)
    await forget_imports(here.database, now=utc_now() + KEPT_FOR - timedelta(minutes=1))
    assert (await here.read(rows))[0][0] == 6
    await forget_imports(here.database, now=utc_now() + KEPT_FOR)
    assert (await here.read(rows))[0][0] == 0
    found = [await state(here, one) for one in (first, second)]
    assert [(one.status, one.filename_sealed) for one in found] == [("committed", None), ("abandoned", None)]
    assert found[0].counts["added"] == 3


async def test_an_order_is_either_seen_or_refused(client: httpx.AsyncClient, street: MakeStreet) -> None:
    """Who orders while members are removed either keeps the membership or gets no order."""
    here = await street(members=12, quota=100)
    one = await send(here, [["T0009999", "示例九", "", "", await unit_name(here)]], mode=Mode.FULL)
    await carry_out_imports(here.database)
    await commit(here, one, confirm=12)
    answers, _ = await asyncio.gather(
        asyncio.gather(*(order(client, who, here) for who in here.members)),
        carry_out_imports(here.database),
    )
    assert (await state(here, one)).status == "committed"
    held = {
        row.member_id for row in await here.read(select(Order.member_id).where(Order.union_id == here.id))
    }
    gone = select(Member.id).where(Member.union_id == here.id, Member.status == "left")
    assert not held & {row.id for row in await here.read(gone)}
    assert len(held) == sum(answer == 201 for answer in answers)


@pytest.mark.parametrize("is_protected", [True, False])
async def test_without_the_protection_a_holder_of_an_order_would_vanish(
    client: httpx.AsyncClient, street: MakeStreet, monkeypatch: pytest.MonkeyPatch, is_protected: bool
) -> None:
    here = await street()
    assert await order(client, here.members[0], here) == 201
    if not is_protected:

        async def nobody(*_: object) -> set[object]:
            return set()

        monkeypatch.setattr(queries, "find_holding", nobody)
    one = await send(
        here, [["T0000001", "示例1", "", "", ""], ["T0000002", "示例2", "", "", ""]], mode=Mode.FULL
    )
    await carry_out_imports(here.database)
    await commit(here, one, confirm=(await state(here, one)).counts["removed"])
    await carry_out_imports(here.database)
    (row,) = await here.read(select(Member.status).where(Member.id == here.members[0].id))
    assert row.status == ("active" if is_protected else "left")


async def test_removals_wait_for_an_order_under_way(street: MakeStreet, database: Database) -> None:
    here = await street()
    gone = Prepared(removed=[{"id": here.members[0].id, "status": "left"}])
    async with database.transaction(one_union(here.id)) as ordering:
        await ordering.execute(select(Member.id).where(Member.id == here.members[0].id))
        await ordering.execute(
            select(Offer.id).where(Offer.id == here.offers[0]).with_for_update(key_share=True)
        )

        async def remove() -> int:
            async with database.transaction(one_union(here.id)) as session:
                return await remove_members(session, gone, import_id=uuid4(), union_id=here.id)

        waiting = asyncio.create_task(remove())
        await asyncio.sleep(0.2)
        assert not waiting.done()
        ordering.add(
            Order(
                union_id=here.id, id=uuid4(), number="T-1", campaign_id=here.campaign_id,
                offer_id=here.offers[0], pickup_point_id=here.points[0], member_id=here.members[0].id,
                unit_id=here.unit_id, quantity=1,
                status="to_book", channel="member", placed_at=utc_now(),
            )
        )  # fmt: skip
        await ordering.execute(update(Offer).where(Offer.id == here.offers[0]).values(promised_count=1))
    assert await waiting == 1, "the order was seen, its member stays"
    (row,) = await here.read(select(Member.status).where(Member.id == here.members[0].id))
    assert row.status == "active"
