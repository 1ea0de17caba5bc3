"""Sealed members: nothing opens elsewhere, keys are changed under way, a lost key says so."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.access import rotation
from app.access.masters import MasterKeyMissing, Masters
from app.access.rotation import DECLARED, LAST_USE, add_version, count_by_version, reseal_outdated, rewrap
from app.access.scope import every_union, one_union
from app.access.vault import SETTLING, DataKey, Place, Vault, keys_of, vault_of
from app.cli.vault import check_vault
from app.platform.clock import utc_now
from app.platform.database import Base, Database
from app.platform.doctor import Level
from app.platform.errors import Unavailable
from app.platform.ids import new_id
from app.platform.sealing import Sealed, version_of
from app.unions.queries import find_members_by_mobile, find_members_by_name
from app.unions.tables import Member, Particulars, open_particulars, seal_particulars
from tests.conftest import MakeStreet
from tests.factories.databases import Scratch
from tests.factories.street import Street, make_street

EVERYTHING = every_union("a test looks")
SETTLED = SETTLING + LAST_USE


async def members_of(session: AsyncSession, here: Street) -> list[Member]:
    found = await session.execute(select(Member).where(Member.union_id == here.id).order_by(Member.number))
    return list(found.scalars())


async def opened(database: Database, here: Street) -> list[Particulars]:
    async with database.transaction(one_union(here.id)) as session:
        keys = await keys_of(session, here.id)
        return [open_particulars(keys, member) for member in await members_of(session, here)]


async def versions(database: Database, here: Street) -> dict[int, bool]:
    """Return for each version of the data key whether it is destroyed."""
    async with database.transaction(EVERYTHING) as session:
        wanted = select(DataKey).where(DataKey.union_id == here.id, DataKey.purpose == "data")
        return {key.version: key.wrapped is None for key in (await session.execute(wanted)).scalars()}


async def test_what_was_sealed_opens(street: MakeStreet) -> None:
    here = await street(members=2)
    assert await opened(here.database, here) == [
        Particulars("示例0", "13800000000", "0017"),
        Particulars("示例1", "13800000001", "0017"),
    ]


async def test_a_value_opens_in_its_own_place_only(street: MakeStreet) -> None:
    here, there = await street(members=2), await street(members=1)
    async with here.database.transaction(EVERYTHING) as session:
        keys, foreign = await keys_of(session, here.id), await keys_of(session, there.id)
        first, second = await members_of(session, here)
    name = first.name_sealed
    assert keys.open(Place("members", "name", first.id), name) == "示例0", "the control"
    for place, holder in (
        (Place("members", "name", second.id), keys),
        (Place("members", "mobile", first.id), keys),
        (Place("orders", "name", first.id), keys),
        (Place("members", "name", first.id), foreign),
    ):
        with pytest.raises(Sealed):
            holder.open(place, name)
    for broken in (name[:-1] + bytes([name[-1] ^ 1]), name[:14], b"", b"\x00\x02" + name[2:]):
        with pytest.raises(Sealed):
            keys.open(Place("members", "name", first.id), broken)


async def test_a_value_moved_to_another_row_is_noticed(street: MakeStreet) -> None:
    here = await street(members=2)
    async with here.database.transaction(EVERYTHING) as session:
        first, _ = await members_of(session, here)
    await here.set(Member, here.members[1].id, mobile_sealed=first.mobile_sealed)
    with pytest.raises(Sealed):
        await opened(here.database, here)


async def test_equal_contents_never_look_the_same(street: MakeStreet) -> None:
    here, there = await street(members=2), await street(members=1)
    async with here.database.transaction(EVERYTHING) as session:
        mine, second = await members_of(session, here)
        (foreign,) = await members_of(session, there)
    assert mine.id_last4_sealed != second.id_last4_sealed
    assert (mine.name_index, mine.mobile_index) != (foreign.name_index, foreign.mobile_index)
    assert mine.name_index != foreign.name_index, "the same name in another union has another index"
    assert mine.mobile_index != foreign.mobile_index


async def test_members_are_found_by_number_and_name(street: MakeStreet) -> None:
    here, there = await street(members=3), await street(members=3)
    async with here.database.transaction(EVERYTHING) as session:
        by_mobile = await find_members_by_mobile(session, [here.id, there.id], "13800000001")
        assert {member.id for member in by_mobile} == {here.members[1].id, there.members[1].id}
        everywhere = await find_members_by_mobile(session, None, "13800000001")
        assert {here.members[1].id, there.members[1].id} <= {member.id for member in everywhere}
        assert await find_members_by_mobile(session, [here.id], "13800000009") == []
        assert await find_members_by_mobile(session, [], "13800000001") == []
        by_name = await find_members_by_name(session, here.id, "示例·2")
        assert [member.id for member in by_name] == [here.members[2].id]
    async with here.database.transaction(one_union(here.id)) as session:
        mine = await find_members_by_mobile(session, [here.id, there.id], "13800000001")
        assert [member.id for member in mine] == [here.members[1].id], "no further than the scope"


async def test_the_database_refuses_what_was_not_sealed(street: MakeStreet) -> None:
    here = await street(members=1)
    plain: list[dict[str, Any]] = [
        {"name_sealed": "张三".encode()},
        {"mobile_sealed": b"13800138000"},
        {"id_last4_sealed": b"002X"},
        {"name_index": b"1"},
        {"mobile_sealed": None},
        {"mobile_index": None},
        {"mobile_index": b"13800138000"},
    ]
    before = await opened(here.database, here)
    for values in plain:
        with pytest.raises(Exception, match="ck_members_"):
            await here.set(Member, here.members[0].id, **values)
    assert await opened(here.database, here) == before


async def test_every_sealed_column_takes_part_in_rotation() -> None:
    sealed = {
        (table.name, column.name)
        for table in Base.metadata.tables.values()
        for column in table.columns
        if column.name.endswith("_sealed")
    }
    declared = {(name, column) for name, table in DECLARED.items() for column in table.columns}
    assert ("members", "name_sealed") in sealed
    assert sealed - declared == set(), "columns whose values would be lost with their key"
    places = {(name, place) for name, table in DECLARED.items() for place in table.columns.values()}
    used = _places_in_the_code()
    assert ("members", "mobile") in used
    assert used - places == set(), "values that would be lost with their key: declare_sealed(...)"


def _places_in_the_code() -> set[tuple[str, str]]:
    """Return table and column of every Place that the code names; a table may be the constant TABLE."""
    found = set()
    for path in (Path(__file__).parents[2] / "app").rglob("*.py"):
        code = path.read_text(encoding="utf-8")
        tables = re.findall(r'^TABLE = "(\w+)"', code, re.MULTILINE)
        for table, column in re.findall(r'\bPlace\((TABLE|"\w+"), "(\w+)"', code):
            found.add((tables[0] if table == "TABLE" else table.strip('"'), column))
    return found


async def test_rotation_seals_everything_anew_and_destroys_the_old_key(
    street: MakeStreet, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = await street(members=7), await street(members=1)
    database, now = here.database, utc_now()
    before, untouched = await opened(database, here), await opened(database, there)
    monkeypatch.setattr(rotation, "BATCH", 3)
    async with database.transaction(EVERYTHING) as session:
        assert await add_version(session, here.id, now=now) == 2
    await reseal_outdated(database.transaction, now=now)
    assert await versions(database, here) == {1: False, 2: False}, "not before it is settled"
    async with database.transaction(EVERYTHING) as session:
        assert (await keys_of(session, here.id)).newest == 1
    await _age(database, here, by=SETTLING)
    assert await reseal_outdated(database.transaction, now=now) == 7
    assert await versions(database, here) == {1: False, 2: False}, "somebody may still seal with the old one"
    async with database.transaction(EVERYTHING) as session:
        assert {version_of(member.name_sealed) for member in await members_of(session, here)} == {2}
    await _age(database, here, by=SETTLED)
    assert await reseal_outdated(database.transaction, now=now) == 0
    assert await versions(database, here) == {1: True, 2: False}
    assert await opened(database, here) == before
    assert await opened(database, there) == untouched
    assert await versions(database, there) == {1: False}
    await _nobody_else_was_changed(database, there)


async def _nobody_else_was_changed(database: Database, there: Street) -> None:
    async with database.transaction(EVERYTHING) as session:
        counted = await count_by_version(session)
        assert {version for union_id, version in counted if union_id == there.id} == {1}


async def _age(database: Database, here: Street, *, by: timedelta) -> None:
    """Let the newest version have been there for a while."""
    async with database.transaction(EVERYTHING) as session:
        wanted = update(DataKey).where(DataKey.union_id == here.id, DataKey.version == 2)
        await session.execute(wanted.values(active_from=utc_now() - by - timedelta(seconds=5)))
        vault_of(session).forget()


async def test_a_key_that_still_seals_something_stays(street: MakeStreet) -> None:
    here = await street(members=2)
    database = here.database
    async with database.transaction(EVERYTHING) as session:
        await add_version(session, here.id, now=utc_now())
    await _age(database, here, by=SETTLED)
    async with database.transaction(EVERYTHING) as holder:
        # Somebody is changing this row: it is left out, and so its key is not destroyed.
        await holder.execute(select(Member.id).where(Member.id == here.members[0].id).with_for_update())
        assert await reseal_outdated(database.transaction, now=utc_now()) == 1
    assert await versions(database, here) == {1: False, 2: False}
    assert await reseal_outdated(database.transaction, now=utc_now()) == 1
    assert await versions(database, here) == {1: True, 2: False}
    assert [one.name for one in await opened(database, here)] == ["示例0", "示例1"]


async def test_a_broken_off_rotation_goes_on(street: MakeStreet, monkeypatch: pytest.MonkeyPatch) -> None:
    here = await street(members=5)
    database = here.database
    before = await opened(database, here)
    monkeypatch.setattr(rotation, "BATCH", 2)
    async with database.transaction(EVERYTHING) as session:
        await add_version(session, here.id, now=utc_now())
    await _age(database, here, by=SETTLED)
    transactions = _breaking(database, after=3)
    with pytest.raises(ConnectionError):
        await reseal_outdated(transactions, now=utc_now())
    assert await opened(database, here) == before
    async with database.transaction(EVERYTHING) as session:
        sealed_by = [version_of(member.name_sealed) for member in await members_of(session, here)]
    assert sorted(sealed_by) == [1, 1, 1, 2, 2]
    assert await reseal_outdated(database.transaction, now=utc_now()) == 3
    assert await versions(database, here) == {1: True, 2: False}
    assert await opened(database, here) == before


async def test_a_damaged_value_holds_up_no_other(street: MakeStreet) -> None:
    here, there = await street(members=3), await street(members=2)
    database = here.database
    async with database.transaction(EVERYTHING) as session:
        first, second, _ = await members_of(session, here)
        whole, other = first.name_sealed, second.name_sealed[:14] + second.name_sealed[14:][::-1]
        await session.execute(update(Member).where(Member.id == first.id).values(name_sealed=other))
        for one in (here, there):
            await add_version(session, one.id, now=utc_now())
    for one in (here, there):
        await _age(database, one, by=SETTLED)
    assert await reseal_outdated(database.transaction, now=utc_now()) == 4
    assert await versions(database, here) == {1: False, 2: False}, "its key stays"
    assert await versions(database, there) == {1: True, 2: False}
    async with database.transaction(EVERYTHING) as session:
        held = (await members_of(session, here))[0]
    assert (held.name_sealed, version_of(held.mobile_sealed or b"")) == (other, 1), "as it was"
    async with database.transaction(EVERYTHING) as session:
        await session.execute(update(Member).where(Member.id == first.id).values(name_sealed=whole))


def _breaking(database: Database, *, after: int) -> Any:
    """Return transactions of which the last one to be opened breaks before it commits."""
    count = 0

    @asynccontextmanager
    async def transaction(scope: Any) -> AsyncIterator[AsyncSession]:
        nonlocal count
        count += 1
        async with database.transaction(scope) as session:
            yield session
            if count == after:
                raise ConnectionError

    return transaction


async def test_without_the_old_key_a_value_is_gone(street: MakeStreet) -> None:
    """The control of rotation: had a value been forgotten, it would not open."""
    here = await street(members=1)
    database = here.database
    async with database.transaction(EVERYTHING) as session:
        (member,) = await members_of(session, here)
        old = member.name_sealed
        await add_version(session, here.id, now=utc_now())
    await _age(database, here, by=SETTLED)
    await reseal_outdated(database.transaction, now=utc_now())
    async with database.transaction(EVERYTHING) as session:
        keys = await keys_of(session, here.id)
        assert keys.newest == 2
        with pytest.raises(Sealed, match="gone"):
            keys.open(Place("members", "name", here.members[0].id), old)


async def test_a_fresh_master_key_wraps_everything(scratch: Scratch) -> None:
    here = await make_street(scratch.database, members=2)
    folder = scratch.settings.vault_dir
    before = await opened(scratch.database, here)
    async with scratch.database.transaction(EVERYTHING) as session:
        assert await rewrap(session) == (2, 2)
    assert Masters(folder).versions() == [1, 2]
    assert (folder / "2.master").stat().st_mode & 0o777 == 0o600
    (folder / "1.master").unlink()
    fresh = Database(str(scratch.settings.database_url), pool_size=2, carried={"vault": Vault(folder)})
    assert await opened(fresh, here) == before, "the old master key is needed no more"
    await fresh.close()
    finding = await check_vault(scratch.settings, scratch.database)
    assert (finding.level, finding.detail) == (Level.OK, "the keys of 1 street unions open")


async def test_a_lost_master_key_says_so_and_changes_nothing(scratch: Scratch) -> None:
    here = await make_street(scratch.database, members=1)
    folder = scratch.settings.vault_dir
    kept = (folder / "1.master").rename(folder / "elsewhere")
    fresh = Database(str(scratch.settings.database_url), pool_size=2, carried={"vault": Vault(folder)})
    with pytest.raises(Unavailable):
        await opened(fresh, here)
    finding = await check_vault(scratch.settings, fresh)
    assert finding.level is Level.FAIL
    assert f"{folder / '1.master'} does not exist" in finding.detail
    with pytest.raises(MasterKeyMissing, match=r"1\.master does not exist"):
        async with fresh.transaction(EVERYTHING) as session:
            await rewrap(session)
    assert list(folder.glob("*.master")) == [], "none is made in its place"
    Masters(folder).make(1)
    finding = await check_vault(scratch.settings, fresh)
    assert "is not the one of this database" in finding.detail
    kept.replace(folder / "1.master")
    assert (await check_vault(scratch.settings, fresh)).level is Level.OK
    (folder / "1.master").chmod(0o644)
    finding = await check_vault(scratch.settings, fresh)
    assert (finding.level, finding.detail) == (
        Level.FAIL,
        f"others can read {folder / '1.master'}; chmod 600",
    )
    await fresh.close()


@pytest.mark.parametrize("is_alone", [False, True])
async def test_a_lost_master_key_is_not_replaced_by_the_first_newcomer(
    scratch: Scratch, is_alone: bool
) -> None:
    here, there = (
        await make_street(scratch.database, members=1),
        await make_street(scratch.database, members=0),
    )
    folder = scratch.settings.vault_dir
    (folder / "1.master").unlink()
    fresh = Database(str(scratch.settings.database_url), pool_size=2, carried={"vault": Vault(folder)})
    # Who sees no union but its own does not see the keys that the lost one has wrapped.
    with pytest.raises(Unavailable):
        async with fresh.transaction(one_union(there.id) if is_alone else EVERYTHING) as session:
            await keys_of(session, there.id)
    assert list(folder.glob("*.master")) == []
    await fresh.close()
    assert len(await opened(scratch.database, here)) == 1, "who had it open goes on for a while"


async def test_processes_that_make_the_first_keys_at_once_end_with_one(scratch: Scratch) -> None:
    here = await make_street(scratch.database, members=0)
    folder = scratch.settings.vault_dir
    url = str(scratch.settings.database_url)
    processes = [Database(url, pool_size=2, carried={"vault": Vault(folder)}) for _ in range(6)]
    ids = [new_id() for _ in processes]

    async def join(database: Database, member_id: UUID) -> None:
        async with database.transaction(one_union(here.id)) as session:
            keys = await keys_of(session, here.id)
            session.add(
                Member(
                    id=member_id, union_id=here.id, unit_id=here.unit_id, number=f"P{member_id.hex}",
                    status="active", created_at=utc_now(),
                    **seal_particulars(keys, member_id, particulars=Particulars("张三", "13800138000")),
                )
            )  # fmt: skip

    await asyncio.gather(*(join(*each) for each in zip(processes, ids, strict=True)))
    assert Masters(folder).versions() == [1]
    assert await versions(scratch.database, here) == {1: False}
    for database in processes:
        assert await opened(database, here) == [Particulars("张三", "13800138000")] * 6
        await database.close()


async def test_keys_of_a_transaction_that_was_rolled_back_are_forgotten(scratch: Scratch) -> None:
    here = await make_street(scratch.database, members=0)
    with pytest.raises(ConnectionError):  # noqa: PT012
        async with scratch.database.transaction(one_union(here.id)) as session:
            given_up = (await keys_of(session, here.id)).index("mobile", "13800138000")
            raise ConnectionError
    async with scratch.database.transaction(one_union(here.id)) as session:
        assert (await keys_of(session, here.id)).index("mobile", "13800138000") != given_up


def test_a_master_file_of_another_size_is_refused(tmp_path: Path) -> None:
    (tmp_path / "1.master").write_bytes(b"short")
    with pytest.raises(MasterKeyMissing, match="32 bytes"):
        Masters(tmp_path).newest()


async def test_nobody_reads_the_keys_of_another_union(street: MakeStreet) -> None:
    here, there = await street(members=1), await street(members=1)
    async with here.database.transaction(one_union(here.id)) as session:
        seen = (await session.execute(select(DataKey.union_id).distinct())).scalars().all()
        past_the_first_wall = (
            await session.execute(text("SELECT DISTINCT union_id FROM data_keys"))
        ).scalars()
        assert seen == list(past_the_first_wall) == [here.id]
    assert there.id != here.id
