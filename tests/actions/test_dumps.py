"""Whoever gets hold of a dump of the database learns no name and no number of a member (backup theft)."""

import asyncio
import os
import re
import subprocess
from dataclasses import dataclass

import pytest
from sqlalchemy import text

from app.access.scope import every_union
from app.demo.directory import units_of_streets
from app.demo.load import load_demo
from app.demo.people import Person, make_people
from app.demo.source import read_source
from app.platform.clock import utc_now
from app.platform.postgres_files import binary, environment
from tests.factories.databases import Scratch

SOURCE = read_source()
PEOPLE = make_people(SOURCE, units_of_streets(SOURCE))


@dataclass(frozen=True)
class Found:
    """What of the members stands in a dump."""

    names: list[str]
    mobiles: list[str]
    tails: int


def dump(server: str, name: str) -> bytes:
    """Return a dump of a database, in plain text, as its owner makes it."""
    command = [binary("pg_dump"), "--dbname", server, "--inserts"]
    assert server.rpartition("/")[2].partition("?")[0] == name
    return subprocess.run(command, env=environment(), capture_output=True, check=True, timeout=120).stdout


def search(content: bytes, people: list[Person]) -> Found:
    """Look for names and numbers as text, and for every twentieth also in UTF-16 and as hex bytes."""
    lower = content.lower()
    runs = re.findall(r"[^\x00-\x7f]{2,}", content.decode())
    written = {
        run[start:end]
        for run in set(runs)
        for start in range(len(run))
        for end in range(start + 2, len(run) + 1)
    }
    digits = {match[1] for match in re.finditer(r"(?=(1[3-9][0-9]{9}))", content.decode())}

    def is_there(secret: str) -> bool:
        raw = secret.encode()
        forms = (raw.hex().encode(), secret.encode("utf-16-le"), secret.encode("utf-16-be").hex().encode())
        return any(form.lower() in lower for form in forms)

    sample = people[::20]
    names = {one.name for one in people} & written | {one.name for one in sample if is_there(one.name)}
    mobiles = {one.mobile for one in people if one.mobile in digits}
    mobiles |= {one.mobile for one in sample if one.mobile is not None and is_there(one.mobile)}
    rows = b"\n".join(
        line for line in content.splitlines() if line.startswith(b"INSERT INTO public.members ")
    )
    tails = sum(f"'{one.id_last4}'".encode() in rows for one in people[::20] if one.id_last4 is not None)
    return Found(sorted(names), sorted(one for one in mobiles if one), tails)


@pytest.fixture
async def filled(scratch: Scratch) -> Scratch:
    """The demo in a database of its own."""
    assert await load_demo(scratch.database, now=utc_now())
    return scratch


async def test_a_dump_holds_no_member(filled: Scratch) -> None:
    content = await asyncio.to_thread(dump, url_of(filled), filled.name)
    assert content.count(b"INSERT INTO public.members ") == 3_000, "the dump has the members"
    assert "示例·新街口".encode() in content, "the dump can be searched"
    assert search(content, PEOPLE) == Found([], [], 0)


async def test_control_a_plain_name_in_a_dump_is_found(filled: Scratch) -> None:
    person = PEOPLE[200]
    async with filled.database.transaction(every_union("a test forgets to seal")) as session:
        member = await session.scalar(text("SELECT id FROM members WHERE number = :n"), {"n": person.number})
        await session.execute(text("UPDATE unions SET hotline = :m WHERE code = 'XC'"), {"m": person.mobile})
        await session.execute(
            text("UPDATE members SET name_sealed = repeat('x', 31)::bytea || :name WHERE id = :id"),
            {"name": person.name.encode(), "id": member},
        )
    content = await asyncio.to_thread(dump, url_of(filled), filled.name)
    found = search(content, PEOPLE)
    assert found.mobiles == [person.mobile]
    assert person.name in found.names


def url_of(filled: Scratch) -> str:
    """Return the URL as the programs of PostgreSQL take it."""
    url = os.fspath(str(filled.settings.owner_database_url or filled.settings.database_url))
    return url.replace("postgresql+asyncpg://", "postgresql://", 1)
