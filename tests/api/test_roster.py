"""The way of a file through the API: sent, compared, looked at, committed once, or abandoned."""

import io
import zipfile
from datetime import datetime
from typing import Any
from uuid import uuid4

import httpx
import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy import func, select, update

from app.access.audit import AuditEntry
from app.access.policy import Role
from app.access.scope import every_union
from app.access.tokens import AccessToken
from app.orders.tables import Order
from app.roster.jobs.imports import carry_out_imports
from app.roster.tables import RosterFile, RosterImport, RosterRow
from app.unions.tables import Member, Union
from tests.conftest import MakeStreet
from tests.factories.answers import API, refused
from tests.factories.rosters import (
    HEADINGS,
    UGLY_REFUSED,
    XLSX,
    bomb,
    csv_of,
    people,
    person,
    ugly_rows,
    xlsx_of,
)
from tests.factories.street import Person, Street

PATH = f"{API}/members/imports"


async def send(
    client: httpx.AsyncClient, who: Person, content: bytes, *, filename: str = "名单.csv", **query: Any
) -> httpx.Response:
    headers = who.headers(query.pop("key", None)) | {
        "Content-Type": XLSX if filename.endswith("xlsx") else "text/csv"
    }
    return await client.post(PATH, params={"filename": filename} | query, content=content, headers=headers)


async def compared(
    client: httpx.AsyncClient, here: Street, content: bytes, *, who: Person | None = None, **query: Any
) -> dict[str, Any]:
    """Send a file, let the background process work, and return the import."""
    who = who or here.officer
    sent = await send(client, who, content, **query)
    assert sent.status_code == 202, sent.text
    assert sent.json()["status"] == "received"
    await carry_out_imports(here.database)
    return await look(client, who, sent.json()["id"])


async def look(client: httpx.AsyncClient, who: Person, import_id: str) -> dict[str, Any]:
    found = await client.get(f"{PATH}/{import_id}", headers=who.headers())
    assert found.status_code == 200, found.text
    view: dict[str, Any] = found.json()
    return view


async def commit(
    client: httpx.AsyncClient, who: Person, one: dict[str, Any], *, key: str = "new", **body: Any
) -> httpx.Response:
    body = {"comparison_hash": one["comparison_hash"]} | body
    return await client.post(f"{PATH}/{one['id']}/commit", json=body, headers=who.headers(key))


async def committed(
    client: httpx.AsyncClient, here: Street, content: bytes, *, who: Person | None = None, **query: Any
) -> dict[str, Any]:
    body = {"confirm_removals": query.pop("confirm_removals")} if "confirm_removals" in query else {}
    one = await compared(client, here, content, who=who, **query)
    answer = await commit(client, who or here.officer, one, **body)
    assert answer.status_code == 202, answer.text
    await carry_out_imports(here.database)
    return await look(client, who or here.officer, one["id"])


async def rows(
    client: httpx.AsyncClient, who: Person, one: dict[str, Any], **query: Any
) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    query = {"limit": 200} | query
    while True:
        answer = await client.get(f"{PATH}/{one['id']}/rows", params=query, headers=who.headers())
        assert answer.status_code == 200, answer.text
        found += answer.json()["items"]
        if answer.json()["next"] is None:
            return found
        query["cursor"] = answer.json()["next"]


async def members(here: Street) -> dict[str, tuple[Any, str]]:
    wanted = select(Member.number, Member.unit_id, Member.status).where(Member.union_id == here.id)
    return {row.number: (row.unit_id, row.status) for row in await here.read(wanted)}


async def unit_name(here: Street) -> str:
    return str((await here.read(select(Union.name).where(Union.id == here.unit_id)))[0][0])


async def second_unit(here: Street) -> tuple[Any, str]:
    """Add another grassroots union to the street."""
    id, name = uuid4(), f"示例·第二{uuid4().hex[:6]}"
    async with here.database.transaction(every_union("a test arranges")) as session:
        session.add(
            Union(id=id, code=f"T-{id.hex[:12]}", name=name, level="grassroots", parent_id=here.id,
                  parent_level="street", street_id=here.id, is_sample=True)
        )  # fmt: skip
    return id, name


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
async def test_the_ugly_file_of_a_union(client: httpx.AsyncClient, street: MakeStreet, kind: str) -> None:
    here = await street()
    table = ugly_rows(await unit_name(here))
    content = csv_of(table, encoding="gb18030") if kind == "csv" else xlsx_of(table)
    before = await members(here)
    one = await compared(client, here, content, filename=f"名单.{kind}")
    assert one["status"] == "compared"
    assert one["progress"] == {"done": 1_000, "total": 1_000}
    assert one["counts"] == {
        "added": 994, "changed": 0, "moved": 0, "removed": 0, "protected": 0, "refused": 6, "unchanged": 0,
        "repeated": 0, "members": 3,
    }  # fmt: skip
    listed = await rows(client, here.officer, one, kind="refused")
    assert {row["row"]: row["reasons"][0]["code"] for row in listed} == UGLY_REFUSED
    assert listed[0]["reasons"][0]["detail"] == "会员号与第 13 行相同,而内容不同"
    assert await members(here) == before, "nothing is written before the commit"
    first = await commit(client, here.officer, one, key="once")
    again = await commit(client, here.officer, one, key="once")
    assert (first.status_code, again.content) == (202, first.content)
    assert again.headers["idempotency-replayed"] == "true"
    refused(await commit(client, here.officer, one), 409, "roster.already_committed")
    await carry_out_imports(here.database)
    assert await carry_out_imports(here.database) == 0
    refused(await commit(client, here.officer, one), 409, "roster.already_committed")
    after = await members(here)
    assert len(after) == len(before) + 994
    assert after[table[702][0]] == (here.unit_id, "active"), "full-width digits were mended"
    assert (await look(client, here.officer, one["id"]))["status"] == "committed"


async def test_the_comparison_shows_before_and_after_masked(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    second_id, second = await second_unit(here)
    unit = await unit_name(here)
    content = xlsx_of(
        [
            HEADINGS,
            ["T0000000", "示例0", "13900139000", "0017", unit],
            ["T0000001", "示例1", "", "", second],
            ["T0000009", "阿依古丽•买买提", "13800138000", "002X", unit],
            ["T0000008", "=HYPERLINK(1)", "", "", unit],
        ]
    )
    one = await compared(client, here, content, filename="a.xlsx")
    found = {row["kind"]: row for row in await rows(client, here.officer, one)}
    assert set(found) == {"changed", "moved", "added", "refused"}
    changed = found["changed"]
    assert (changed["row"], changed["fields"]) == (2, ["mobile"])
    assert changed["old"]["mobile_masked"] == "138****0000"
    assert changed["new"]["mobile_masked"] == "139****9000"
    assert found["moved"]["fields"] == ["unit_id"]
    assert found["moved"]["new"]["unit"] == {"id": str(second_id), "name": second}
    assert found["added"]["new"]["name_masked"] == "阿**丽·***"
    assert found["added"]["new"]["id_last4_masked"] == "**************002X"
    assert [reason["code"] for reason in found["refused"]["reasons"]] == ["name_formula"]
    everything = str(found)
    assert not any(secret in everything for secret in ("13900139000", "13800138000", "买买提", "HYPERLINK"))


async def test_who_moves_keeps_the_order_and_its_unit(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street()
    member = here.members[0]
    order = await client.post(
        f"{API}/orders", json={"offer_id": str(here.offers[0])}, headers=member.headers("new")
    )
    assert order.status_code == 201, order.text
    second_id, second = await second_unit(here)
    await committed(client, here, csv_of([HEADINGS, ["T0000000", "示例0", "", "", second]]))
    assert (await members(here))["T0000000"] == (second_id, "active")
    full = csv_of([HEADINGS, *(["T000000" + n, "示例" + n, "", "", ""] for n in "12")])
    one = await committed(client, here, full, mode="full", unit_id=str(here.unit_id))
    assert (one["counts"]["removed"], one["counts"]["unchanged"]) == (0, 2)
    (held,) = await here.read(select(Order.unit_id, Order.status).where(Order.member_id == member.id))
    assert tuple(held) == (here.unit_id, "to_book")


async def test_who_holds_an_order_is_protected_and_who_does_not_leaves(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    order = {"offer_id": str(here.offers[0])}
    assert (
        await client.post(f"{API}/orders", json=order, headers=here.members[0].headers("new"))
    ).status_code == 201
    content = csv_of([HEADINGS, ["T0000002", "示例2", "", "", ""]])
    one = await compared(client, here, content, mode="full")
    assert {kind: one["counts"][kind] for kind in ("removed", "protected", "members")} == {
        "removed": 1, "protected": 1, "members": 3,
    }  # fmt: skip
    problem = refused(await commit(client, here.officer, one), 409, "roster.removals_unconfirmed")
    assert (problem["removed"], problem["members"]) == (1, 3)
    refused(await commit(client, here.officer, one, confirm_removals=2), 409, "roster.removals_unconfirmed")
    assert (await commit(client, here.officer, one, confirm_removals=1)).status_code == 202
    # She orders after the comparison was looked at: she stays too.
    assert (
        await client.post(f"{API}/orders", json=order, headers=here.members[1].headers("new"))
    ).status_code == 201
    await carry_out_imports(here.database)
    done = await look(client, here.officer, one["id"])
    assert (done["status"], done["counts"]["removed"], done["counts"]["protected"]) == ("committed", 0, 2)
    assert {status for _, status in (await members(here)).values()} == {"active"}
    assert len(await rows(client, here.officer, one, kind="protected")) == 2


async def test_a_roster_that_changed_since_is_compared_anew(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    content = csv_of([HEADINGS, ["T0000000", "示例0", "13900139000", "", ""]])
    one = await compared(client, here, content)
    await here.set(Member, here.members[1].id, status="retained")
    refused(await commit(client, here.officer, one), 409, "roster.roster_changed")
    assert (await look(client, here.officer, one["id"]))["status"] == "reading"
    await carry_out_imports(here.database)
    fresh = await look(client, here.officer, one["id"])
    assert fresh["status"] == "compared"
    assert fresh["comparison_hash"] != one["comparison_hash"]
    refused(await commit(client, here.officer, one), 409, "roster.comparison_stale")
    assert (await commit(client, here.officer, fresh)).status_code == 202
    # Changed between the commit and its writing: nothing is written, it is compared once more.
    await here.set(Member, here.members[1].id, status="active")
    await carry_out_imports(here.database)
    last = await look(client, here.officer, one["id"])
    assert (last["status"], last["roster_changed"]) == ("compared", True)
    sealed = select(Member.mobile_index).where(Member.id.in_([here.members[0].id, here.members[2].id]))
    before = await here.read(sealed.order_by(Member.id))
    assert (await commit(client, here.officer, last)).status_code == 202
    await carry_out_imports(here.database)
    assert await here.read(sealed.order_by(Member.id)) != before


async def test_who_looks_after_a_unit_sends_and_sees_that_unit_only(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    admin = here.staff[Role.GRASSROOTS_ADMIN]
    await here_narrow(here, admin)
    _, second = await second_unit(here)
    content = csv_of([HEADINGS, ["T0000050", "王五", "", "", ""], ["T0000051", "赵六", "", "", second]])
    one = await compared(client, here, content, who=admin)
    assert (one["counts"]["added"], one["counts"]["refused"]) == (1, 1)
    (row,) = await rows(client, admin, one, kind="refused")
    assert row["reasons"][0]["code"] == "unit_outside"
    mine = await compared(client, here, content)
    refused(await client.get(f"{PATH}/{mine['id']}", headers=admin.headers()), 404, "roster.import_not_found")
    listed = await client.get(PATH, headers=admin.headers())
    assert [item["id"] for item in listed.json()["items"]] == [one["id"]]
    other = await second_unit(here)
    answer = await send(client, admin, content, unit_id=str(other[0]))
    refused(answer, 404, "roster.unit_not_yours")


async def here_narrow(here: Street, who: Person) -> None:
    """Let the tokens of somebody see the street's first unit only."""
    async with here.database.transaction(every_union("a test arranges")) as session:
        wanted = update(AccessToken).where(AccessToken.staff_id == who.id)
        await session.execute(wanted.values(scope_unit_ids=[here.unit_id]))


async def test_other_unions_imports_are_not_there(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here, there = await street(), await street()
    one = await compared(client, here, csv_of([HEADINGS, person(1, await unit_name(here))]))
    foreign, missing = one["id"], str(uuid4())
    for method, path, body in (
        ("GET", "", None), ("GET", "/rows", None), ("GET", "/errors.xlsx", None), ("POST", "/abandon", None),
        ("POST", "/commit", {"comparison_hash": one["comparison_hash"]}),
    ):  # fmt: skip
        answers = [
            await client.request(method, f"{PATH}/{id}{path}", json=body, headers=there.officer.headers())
            for id in (foreign, missing)
        ]
        for answer in answers:
            refused(answer, 404, "roster.import_not_found")
    assert (await look(client, here.officer, one["id"]))["status"] == "compared"


async def test_an_abandoned_import_leaves_no_rows(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street()
    one = await compared(client, here, csv_of([HEADINGS, *people(3, await unit_name(here))]))
    for _ in range(2):
        answer = await client.post(f"{PATH}/{one['id']}/abandon", headers=here.officer.headers())
        assert (answer.status_code, answer.json()["status"]) == (200, "abandoned")
    for model in (RosterRow, RosterFile):
        wanted = select(func.count()).select_from(model).where(model.union_id == here.id)
        assert (await here.read(wanted))[0][0] == 0
    view = await look(client, here.officer, one["id"])
    assert (view["filename"], view["counts"]["added"]) == (None, 3)
    refused(await commit(client, here.officer, one), 409, "roster.import_ended")
    gone = await client.get(f"{PATH}/{one['id']}/errors.xlsx", headers=here.officer.headers())
    refused(gone, 409, "roster.import_ended")
    assert len(await members(here)) == 3


_LOST = (
    "The spreadsheet turned the mobile number into a power of ten and lost digits; please enter it as text"
)


async def test_the_error_workbook_can_be_mended_and_sent_again(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    unit = await unit_name(here)
    number = "11010519491231002"
    table = [
        ["会员号", "姓名", "手机", "身份证号", "所在单位"], person(1, unit),
        ["0010000002", "=1+1", "13800138000", number, unit],
        ["0010000003", "王五", "1.38E+10", "11010519491231002X", unit],
    ]  # fmt: skip
    one = await compared(client, here, csv_of(table))
    path, headers = f"{PATH}/{one['id']}/errors.xlsx", here.officer.headers()
    english = await client.get(path, headers=headers | {"Accept-Language": "en"})
    assert english.headers["content-disposition"] == 'attachment; filename="grainline-roster-errors.xlsx"'
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(english.content)).get_sheet_by_index(0).to_python()
    assert sheet == [
        ["row", "why it was not imported",
            "会员号", "姓名", "手机", "证件后四位", "所在工会", "工会小组", "会籍状态"],
        [
            "3", "A name does not begin with = + - @\nThe identity number has lost its last character, X",
            "0010000002", "=1+1", "13800138000", "?????????????1002", unit, "", "",
        ],
        [
            "4",
            _LOST,
            "0010000003", "王五", "1.38E+10", "**************002X", unit, "", "",
        ],
    ]  # fmt: skip
    assert b"<f>" not in b"".join(_parts(english.content)), "no cell is a formula"
    chinese = await client.get(path, headers=headers)
    again = await compared(client, here, chinese.content, filename="b.xlsx")
    assert [row["row"] for row in await rows(client, here.officer, again, kind="refused")] == [2, 3]
    taken = select(AuditEntry.action).where(
        AuditEntry.union_id == here.id, AuditEntry.action == "roster.errors_taken"
    )
    assert len(await here.read(taken)) == 2


async def test_what_was_refused_does_not_get_in_unmended(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    """What a text cannot show any more (a number, a date, a covered number) stays refused all the same."""
    here = await street()
    unit = await unit_name(here)
    table: list[list[Any]] = [["会员号", "姓名", "手机", "身份证号", "所在单位"], *people(9, unit)]
    wrong = [
        ["0010000102", "王甲", "13800139000", "11010519491231002", unit],
        ["0010000103", "王乙", "13800139001", "110105194912310021", unit],
        ["0010000104", "王丙", "13800139002", "110105491231002", unit],
        ["0010000105", "王丁", 13800000000, "002X", unit],
        [10000106, "王戊", "13800139004", "002X", unit],
        [datetime(2024, 1, 1), "王己", "13800139005", "002X", unit],
    ]
    one = await compared(client, here, xlsx_of([*table, *wrong]), filename="a.xlsx")
    assert (one["counts"]["added"], one["counts"]["refused"]) == (9, 6)
    path = f"{PATH}/{one['id']}/errors.xlsx"
    errors = await client.get(path, headers=here.officer.headers())
    again = await compared(client, here, errors.content, filename="b.xlsx")
    assert (again["counts"]["added"], again["counts"]["refused"]) == (0, 6)


def _parts(content: bytes) -> list[bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return [archive.read(name) for name in archive.namelist()]


async def test_the_template_is_read_as_it_is_and_brings_nobody(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    answer = await client.get(f"{PATH}/template.xlsx", headers=here.officer.headers())
    book = CalamineWorkbook.from_filelike(io.BytesIO(answer.content))
    assert book.sheet_names == ["会员名册", "填写说明"]
    heads, example = book.get_sheet_by_index(0).to_python()
    assert heads == ["会员号", "姓名", "手机", "证件后四位", "所在工会", "工会小组", "会籍状态"]
    assert example[:3] == ["示例00012345", "张三丰", "13800138000"]
    assert "在籍,保留会籍,会籍转出,离会".encode() in b"".join(_parts(answer.content))
    one = await compared(client, here, answer.content, filename="template.xlsx")
    assert (one["progress"]["total"], one["counts"]["added"]) == (0, 0)


async def test_a_file_is_refused_at_the_door_and_nothing_is_kept(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    officer = here.officer
    refused(await send(client, officer, b""), 422, "roster.file_empty")
    refused(
        await send(client, officer, bomb(unpacked_bytes=60_000_000), filename="a.xlsx"),
        422,
        "roster.file_unpacks_too_large",
    )
    headers = officer.headers() | {"Content-Type": "application/json"}
    refused(
        await client.post(f"{PATH}?filename=a.csv", content=b"{}", headers=headers), 415, "roster.media_type"
    )
    refused(await send(client, officer, b"x" * (5 * 1024 * 1024 + 1)), 413, "platform.body_too_large")
    wanted = select(func.count()).select_from(RosterImport).where(RosterImport.union_id == here.id)
    assert (await here.read(wanted))[0][0] == 0


async def test_what_only_reading_finds_is_said_in_the_import(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    one = await compared(client, here, csv_of(people(3)))
    assert one["status"] == "failed"
    assert one["failure"]["code"] == "roster.header_missing"
    assert "表头" in one["failure"]["title"]
    refused(
        await commit(client, here.officer, one | {"comparison_hash": "0" * 64}), 409, "roster.import_ended"
    )
    left = select(func.count()).select_from(RosterFile).where(RosterFile.union_id == here.id)
    assert (await here.read(left))[0][0] == 0


async def test_the_same_upload_with_its_key_is_one_import(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    content = csv_of([HEADINGS, *people(3)])
    first = await send(client, here.officer, content, key="k")
    again = await send(client, here.officer, content, key="k")
    assert (again.status_code, again.content) == (202, first.content)
    refused(await send(client, here.officer, content + b"\r\n", key="k"), 422, "idempotency.key_reused")
    refused(await send(client, here.officer, content, key="k", mode="full"), 422, "idempotency.key_reused")


async def test_the_eleventh_upload_in_an_hour_waits(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street()
    content = csv_of([HEADINGS, *people(1)])
    for _ in range(10):
        assert (await send(client, here.officer, content)).status_code == 202
    problem = refused(await send(client, here.officer, content), 429, "platform.too_many_requests")
    assert 0 < problem["retry_after"] <= 360
    await carry_out_imports(here.database)


async def test_a_commit_before_the_comparison_waits(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street()
    sent = (await send(client, here.officer, csv_of([HEADINGS, *people(1)]))).json()
    body = sent | {"comparison_hash": "0" * 64}
    refused(await commit(client, here.officer, body), 409, "roster.not_compared")
    errors = await client.get(f"{PATH}/{sent['id']}/errors.xlsx", headers=here.officer.headers())
    refused(errors, 409, "roster.not_compared")
    await carry_out_imports(here.database)
