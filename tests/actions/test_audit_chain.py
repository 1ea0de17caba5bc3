"""The audit log as a chain: sealed by the worker, signed, and whatever is done to it afterwards is found."""

import asyncio
import json
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from app.access.audit import SEALED, AuditEntry, AuditSeal, Trace, hash_after, record
from app.access.chain import Fault, Report, examine
from app.access.scope import every_union, one_union
from app.access.sealer import BATCH, Head, Sealer, read_head
from app.platform.clock import utc_now
from app.platform.ids import new_id
from app.platform.signing import KeyStore
from tests.factories.databases import Scratch
from tests.factories.street import Street, make_street

NOW = datetime(2026, 10, 12, 1, 0, tzinfo=UTC)
ROWS = 2_000
BAD = 1_234


@dataclass
class Log:
    """A log of its own, sealed; `tamper` is what its enemy can do: a superuser, with the triggers off."""

    scratch: Scratch
    here: Street
    sealer: Sealer
    store: KeyStore
    heads_file: Path

    async def write(self, count: int) -> list[UUID]:
        """Add entries as deeds do; return their ids in order."""
        async with self.scratch.database.transaction(one_union(self.here.id)) as session:
            subject = ("member", new_id())
            traces = [
                Trace("test.done", self.here.id, subject=subject, reason="核对", details={"n": n})
                for n in range(count)
            ]
            return [record(session, trace, now=NOW) for trace in traces]

    async def ids(self) -> list[UUID]:
        """Return the ids of the entries in the order of their seals."""
        async with self.scratch.database.transaction(every_union("a test looks")) as session:
            return list(await session.scalars(select(AuditSeal.entry_id).order_by(AuditSeal.seq)))

    async def tamper(self, *statements: str) -> None:
        """Change rows behind every safeguard of the database."""
        await self.scratch.execute("SET session_replication_role = replica", *statements)

    async def verify(self, *, heads: bool = True, trusted: set[bytes] | None = None) -> Report:
        """Look the log over, with the heads that left the machine."""
        lines = self.heads_file.read_text().splitlines() if heads and self.heads_file.exists() else []
        own = {self.store.load(1).public_key.raw} if self.store.last_id() else set()
        keys = own if trusted is None else trusted
        async with self.scratch.database.transaction(every_union("a test verifies")) as session:
            return await examine(session, [read_head(line) for line in lines], trusted=keys)

    async def found(self, **wanted: Any) -> tuple[Fault, int | None, UUID | None]:
        """Return what is found first."""
        finding = (await self.verify(**wanted)).finding
        assert finding is not None
        return finding.fault, finding.seq, finding.entry_id


@pytest.fixture
async def log(scratch: Scratch, tmp_path: Path) -> Log:
    """An empty log."""
    here = await make_street(scratch.database, members=0)
    store = KeyStore(tmp_path / "audit")
    heads_file = tmp_path / "out" / "heads.jsonl"
    return Log(scratch, here, Sealer(scratch.database, store, heads_file=heads_file), store, heads_file)


@pytest.fixture
async def full(log: Log) -> Log:
    """A log of 2,000 sealed entries whose end is signed; a few hundred more came after the head."""
    ids = await log.write(ROWS)
    assert await log.sealer.seal() == ROWS
    head = await log.sealer.sign_head()
    assert head is not None
    assert head.seq == ROWS
    assert len(await log.ids()) == len(ids)
    return log


async def test_the_chain_can_be_made_again_by_hand(log: Log) -> None:
    await log.write(3)
    assert await log.sealer.seal() == 3
    async with log.scratch.database.transaction(every_union("a test looks")) as session:
        entries = (await session.execute(select(*SEALED).order_by(AuditEntry.id))).all()
        seals = list(await session.scalars(select(AuditSeal).order_by(AuditSeal.seq)))
    before = bytes(32)
    for seq, (entry, seal) in enumerate(zip(entries, seals, strict=True), 1):
        before = hash_after(before, entry)
        assert (seal.seq, seal.entry_id, seal.hash) == (seq, entry.id, before)
    assert await log.verify() == Report(sealed=3, waiting=0, heads=0, finding=None)


async def test_control_an_untouched_log_is_in_order(full: Log) -> None:
    await full.write(20)
    assert await full.verify() == Report(sealed=ROWS, waiting=20, heads=2, finding=None)
    assert await full.sealer.seal() == 20
    assert await full.sealer.seal() == 0
    assert await full.verify() == Report(sealed=ROWS + 20, waiting=0, heads=2, finding=None)


FIELDS = {
    "occurred_at": "occurred_at - interval '1 day'",
    "actor_id": "gen_random_uuid()",
    "role": "'chair'",
    "device_id": "gen_random_uuid()",
    "action": "action || '.'",
    "subject_kind": "'order'",
    "subject_id": "gen_random_uuid()",
    "reason": "NULL",
    "details": "details || '{\"more\": 1}'",
    "request_id": "'x'",
    "union_id": "(SELECT id FROM unions WHERE level = 'national' LIMIT 1)",
}


def test_a_seal_is_over_every_column() -> None:
    assert {column.key for column in SEALED} == {"id", *FIELDS} == set(AuditEntry.__table__.c.keys())


async def test_a_changed_column_is_found_and_the_row_is_named(full: Log) -> None:
    ids = await full.ids()
    for position, (name, changed) in enumerate(FIELDS.items()):
        bad = ids[BAD - position]
        await full.tamper(f"UPDATE audit_entries SET {name} = {changed} WHERE id = '{bad}'")
        assert await full.found() == (Fault.CHANGED, BAD - position + 1, bad), name


async def test_a_changed_hash_is_found(full: Log) -> None:
    bad = (await full.ids())[BAD - 1]
    await full.tamper(f"UPDATE audit_seals SET hash = sha256('x') WHERE seq = {BAD}")
    assert await full.found() == (Fault.CHANGED, BAD, bad)


async def test_a_removed_row_is_found(full: Log) -> None:
    bad = (await full.ids())[BAD - 1]
    await full.tamper(f"DELETE FROM audit_entries WHERE id = '{bad}'")
    assert await full.found() == (Fault.MISSING, BAD, bad)
    await full.tamper(f"DELETE FROM audit_seals WHERE seq = {BAD}")
    assert await full.found() == (Fault.MISSING, BAD, None)


async def test_swapped_rows_are_found(full: Log) -> None:
    one, other = (await full.ids())[BAD - 1], (await full.ids())[BAD + 499]
    hole = "00000000-0000-0000-0000-000000000000"
    await full.tamper(
        f"UPDATE audit_seals SET entry_id = '{hole}' WHERE seq = {BAD}",
        f"UPDATE audit_seals SET entry_id = '{one}' WHERE seq = {BAD + 500}",
        f"UPDATE audit_seals SET entry_id = '{other}' WHERE seq = {BAD}",
    )
    assert await full.found() == (Fault.OUT_OF_ORDER, BAD, other)


async def test_seals_that_changed_places_are_found(full: Log) -> None:
    other = (await full.ids())[BAD + 499]
    await full.tamper(
        f"UPDATE audit_seals SET seq = 999999 WHERE seq = {BAD}",
        f"UPDATE audit_seals SET seq = {BAD} WHERE seq = {BAD + 500}",
        f"UPDATE audit_seals SET seq = {BAD + 500} WHERE seq = 999999",
    )
    assert await full.found() == (Fault.OUT_OF_ORDER, BAD, other)


async def test_an_inserted_row_is_found(full: Log) -> None:
    made_then = UUID(int=new_id().int - (3_600_000 << 80))
    await full.tamper(
        "INSERT INTO audit_entries (id, union_id, occurred_at, action, details)"
        f" VALUES ('{made_then}', '{full.here.id}', now() - interval '1 hour', 'test.forged', '{{}}')"
    )
    assert await full.sealer.seal() == 0
    assert await full.found() == (Fault.INSERTED, None, made_then)


async def test_a_tail_that_was_cut_off_is_found_by_the_heads_that_left(full: Log) -> None:
    for table, column in (("audit_seals", "seq"), ("audit_heads", "seq")):
        await full.tamper(f"DELETE FROM {table} WHERE {column} > {BAD - 1}")
    await full.tamper("DELETE FROM audit_entries WHERE id NOT IN (SELECT entry_id FROM audit_seals)")
    assert await full.found() == (Fault.CUT_OFF, BAD, None)
    assert (await full.verify(heads=False)).finding is None, "control: the database alone cannot know"
    await full.tamper("DELETE FROM audit_seals", "DELETE FROM audit_entries")
    assert await full.found() == (Fault.CUT_OFF, 1, None)


async def test_a_chain_that_was_made_anew_does_not_fit_the_signed_head(full: Log) -> None:
    bad = (await full.ids())[BAD - 1]
    await full.tamper(
        f"UPDATE audit_entries SET reason = 'x' WHERE id = '{bad}'",
        "DELETE FROM audit_seals",
        "DELETE FROM audit_heads",
    )
    assert await full.sealer.seal() == ROWS
    assert (await full.verify(heads=False)).finding is None, "control: the chain fits by itself"
    assert (await full.found())[:2] == (Fault.CHANGED, 1)


async def test_a_head_of_another_key_or_with_other_words_is_found(full: Log) -> None:
    assert await full.found(trusted={KeyStore(full.heads_file.parent).create(1)}) == (
        Fault.BAD_SIGNATURE,
        ROWS,
        None,
    )
    head = read_head(full.heads_file.read_text())
    full.heads_file.write_text(replace(head, seq=BAD).line)
    assert await full.found() == (Fault.BAD_SIGNATURE, BAD, None)
    with pytest.raises(ValueError, match="not a line"):
        read_head('{"seq": 1}')


async def test_a_head_leaves_the_machine_and_is_signed_once(full: Log) -> None:
    assert await full.sealer.sign_head() is None
    (line,) = full.heads_file.read_text().splitlines()
    head = read_head(line)
    assert (head.seq, head.key_id, head.is_signed_by(head.public_key)) == (ROWS, 1, True)
    assert json.loads(line)["public_key"] == full.store.load(1).public_key.raw.hex()
    assert Head(**{name: getattr(head, name) for name in head.__slots__}) == head
    await full.write(1)
    await full.sealer.seal()
    again = await full.sealer.sign_head()
    assert again is not None
    assert again.seq == ROWS + 1
    assert len(full.heads_file.read_text().splitlines()) == 2


async def test_two_sealers_make_one_chain(log: Log) -> None:
    other = Sealer(log.scratch.database, log.store, heads_file=log.heads_file)
    for _ in range(5):
        await log.write(40)
        await asyncio.gather(*(sealer.seal() for sealer in (log.sealer, other, log.sealer, other)))
    await log.sealer.seal()
    assert await log.verify() == Report(sealed=200, waiting=0, heads=0, finding=None)


async def test_an_entry_that_commits_late_is_sealed_and_a_long_backlog_too(log: Log) -> None:
    async with log.scratch.database.transaction(one_union(log.here.id)) as slow:
        late = record(slow, Trace("test.late", log.here.id), now=NOW)
        await slow.flush()
        await log.write(3)
        assert await log.sealer.seal() == 3
    assert await log.sealer.seal() == 1
    assert (await log.ids())[-1] == late
    days_ago = new_id().int - (5 * 86_400_000 << 80)
    await log.tamper("DELETE FROM audit_seals", "DELETE FROM audit_entries")
    await log.tamper(
        "INSERT INTO audit_entries (id, union_id, occurred_at, action, details) SELECT overlay("
        f"'{UUID(int=days_ago)}' placing lpad(to_hex(n), 8, '0') from 29)::uuid, '{log.here.id}', now(),"
        f" 'test.old', '{{}}' FROM generate_series(1, {BATCH + 10}) n"
    )
    await log.write(1)
    assert await log.sealer.seal() == BATCH + 11
    assert (await log.verify()).finding is None


@pytest.mark.parametrize("off", [timedelta(days=1), -timedelta(days=1)])
async def test_a_clock_that_was_wrong_for_a_while_leaves_no_entry_unsealed(
    log: Log, monkeypatch: pytest.MonkeyPatch, off: timedelta
) -> None:
    await log.write(2)
    assert await log.sealer.seal() == 2
    wrong = time.time_ns() + off // timedelta(microseconds=1) * 1_000
    with monkeypatch.context() as patch:
        patch.setattr("app.platform.ids.time.time_ns", lambda: wrong)
        patch.setattr("app.access.sealer.utc_now", lambda: utc_now() + off)
        await log.write(3)
        assert await log.sealer.seal() == 3
        assert await log.verify() == Report(sealed=5, waiting=0, heads=0, finding=None)
    await log.write(4)
    assert await log.sealer.seal() == 4
    assert await log.verify() == Report(sealed=9, waiting=0, heads=0, finding=None)


async def test_one_host_whose_clock_is_ahead_leaves_the_others_entries_sealed(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    ahead = time.time_ns() + 86_400 * 10**9
    with monkeypatch.context() as patch:
        patch.setattr("app.platform.ids.time.time_ns", lambda: ahead)
        await log.write(1)
    assert await log.sealer.seal() == 1
    await log.write(2)
    assert await log.sealer.seal() == 2
    assert await log.verify() == Report(sealed=3, waiting=0, heads=0, finding=None)


async def test_odd_numbers_in_details_do_not_stop_the_sealer(log: Log) -> None:
    await log.tamper(
        "INSERT INTO audit_entries (id, union_id, occurred_at, action, details)"
        f" VALUES ('{new_id()}', '{log.here.id}', now(), 'test.odd',"
        """ '{"n": 123456789012345678901234567890}')"""
    )
    assert await log.sealer.seal() == 1
    assert (await log.verify()).finding is None


@pytest.mark.parametrize("table", ["audit_entries", "audit_seals", "audit_heads"])
@pytest.mark.parametrize("role", ["grainline_app", "grainline_jobs"])
async def test_the_roles_of_the_service_change_nothing(full: Log, table: str, role: str) -> None:
    scope = one_union(full.here.id) if role == "grainline_app" else every_union("a test tries")
    column = "reason = 'x'" if table == "audit_entries" else "hash = sha256('x')"
    for statement in (f"UPDATE {table} SET {column}", f"DELETE FROM {table}", f"TRUNCATE {table} CASCADE"):
        async with full.scratch.database.transaction(scope) as session:
            assert await session.scalar(text("SELECT current_user")) == role
            with pytest.raises(DBAPIError) as caught:
                await session.execute(text(statement))
            await session.rollback()
        assert caught.value.orig.sqlstate == "42501"  # type: ignore[union-attr]
    assert (await full.verify()).finding is None


async def test_the_role_that_serves_callers_adds_nothing_to_the_chain(full: Log) -> None:
    for model in ("audit_seals", "audit_heads"):
        async with full.scratch.database.transaction(one_union(full.here.id)) as session:
            with pytest.raises(DBAPIError, match="permission denied"):
                await session.execute(text(f"INSERT INTO {model} SELECT * FROM {model}"))
            await session.rollback()


async def test_control_the_triggers_stop_even_the_owner(full: Log) -> None:
    for statement in (
        "UPDATE audit_entries SET reason = 'x'",
        "DELETE FROM audit_seals",
        "TRUNCATE audit_heads",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="added and read, never changed"):
            await full.scratch.execute(statement)
    assert (await full.verify()).finding is None


@pytest.mark.slow
async def test_many_batches_are_sealed_and_the_last_row_is_named(log: Log) -> None:
    count = 12_000
    await log.tamper(
        "INSERT INTO audit_entries (id, union_id, occurred_at, actor_id, role, action, subject_kind,"
        " subject_id, details, request_id) SELECT overlay("
        f"'{new_id()}' placing lpad(to_hex(n), 8, '0') from 29)::uuid, '{log.here.id}', now(),"
        " gen_random_uuid(),"
        " 'union_officer', 'change_campaign', 'campaign', gen_random_uuid(), jsonb_build_object('n', n),"
        f" md5(n::text) FROM generate_series(1, {count}) n",
    )
    assert await log.sealer.seal() == count
    bad = (await log.ids())[count - 1]
    await log.tamper(f"UPDATE audit_entries SET reason = 'x' WHERE id = '{bad}'")
    assert await log.found(trusted=set()) == (Fault.CHANGED, count, bad)
