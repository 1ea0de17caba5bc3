"""The audit log over HTTP: what leaves an entry, who reads it, and that reading leaves one too."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
from fastapi import FastAPI
from sqlalchemy import select

from app.access.audit import AuditEntry
from app.access.policy import Role
from app.access.sealer import Sealer
from app.campaigns.tables import Campaign, Offer
from app.platform.clock import utc_now
from app.platform.database import Database
from app.platform.signing import KeyStore
from tests.conftest import MakeStreet
from tests.factories.answers import API, refused, walk
from tests.factories.street import Street

_NAMED = ("action", "role", "subject_kind", "subject_id", "reason")


async def _entries(here: Street) -> list[Any]:
    columns = [getattr(AuditEntry, name) for name in (*_NAMED, "details", "actor_id", "request_id")]
    return await here.read(select(*columns).where(AuditEntry.union_id == here.id).order_by(AuditEntry.id))


async def test_changes_leave_an_entry_each_and_refusals_none(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    officer, chair = here.officer, here.staff[Role.CHAIR]
    draft = {
        "title": "示例·中秋",
        "order_opens_at": "2026-10-01T01:00:00Z",
        "order_closes_at": "2026-10-02T01:00:00Z",
        "pickup_from": "2026-10-12",
        "pickup_until": "2026-10-14",
    }
    made = await client.post(
        f"{API}/campaigns", json=draft, headers=officer.headers("k1") | {"X-Request-ID": "request-1234"}
    )
    assert made.status_code == 201
    campaign_id = made.json()["id"]
    again = await client.post(f"{API}/campaigns", json=draft, headers=officer.headers("k1"))
    assert again.headers["idempotency-replayed"] == "true"
    changed = await client.patch(
        f"{API}/campaigns/{campaign_id}", json={"title": "示例·国庆"},
        headers=officer.headers() | {"If-Match": made.headers.get("etag", '"1"')},
    )  # fmt: skip
    assert changed.status_code == 200, changed.text
    slot = await client.put(
        f"{API}/slots/{here.slots[0]}/capacity", json={"capacity": 9}, headers=officer.headers()
    )
    assert slot.status_code == 200
    quota = await client.put(
        f"{API}/offers/{here.offers[0]}/quota",
        json={"quota": 12},
        headers=officer.headers() | {"If-Match": '"1"'},
    )
    assert quota.status_code == 200, quota.text
    refused(
        await client.post(f"{API}/campaigns/{campaign_id}/publish", headers=chair.headers("new")),
        409,
        "campaigns.incomplete",
    )
    assert (await client.get(f"{API}/campaigns/{campaign_id}", headers=officer.headers())).status_code == 200
    entries = await _entries(here)
    assert [tuple(str(getattr(entry, name)) for name in _NAMED) for entry in entries] == [
        ("draft_campaign", "union_officer", "campaign", campaign_id, "None"),
        ("change_campaign", "union_officer", "campaign", campaign_id, "None"),
        ("change_capacity", "union_officer", "slot", str(here.slots[0]), "None"),
        ("change_quota", "union_officer", "offer", str(here.offers[0]), "None"),
    ]
    assert {entry.actor_id for entry in entries} == {officer.id}
    assert entries[0].request_id == "request-1234"
    assert await here.count(Campaign) == 2


async def test_what_a_call_made_is_named_beside_where(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street()
    await here.set(Campaign, here.campaign_id, stage="draft", published_at=None, published_by=None)
    point = await client.post(
        f"{API}/pickup-points",
        json={"name": "示例·二号", "address": "示例地址"},
        headers=here.officer.headers("new"),
    )
    (box,) = await here.read(select(Offer.gift_box_id).where(Offer.id == here.offers[0]))
    body = {"gift_box_id": str(box[0]), "pickup_point_id": point.json()["id"], "quota": 1}
    path = f"{API}/campaigns/{here.campaign_id}/offers"
    offer = await client.post(path, json=body, headers=here.officer.headers("new"))
    assert offer.status_code == 201, offer.text
    made, added = await _entries(here)
    assert (made.subject_kind, str(made.subject_id), made.details) == ("pickup_point", point.json()["id"], {})
    assert (added.subject_kind, added.subject_id) == ("campaign", here.campaign_id)
    assert added.details == {"made": offer.json()["id"]}


async def test_the_auditor_reads_and_that_is_recorded(
    client: httpx.AsyncClient, street: MakeStreet, database: Database, tmp_path: Any, app: FastAPI
) -> None:
    here, elsewhere = await street(), await street()
    before = utc_now()
    for who in (here, elsewhere):
        for capacity in (7, 8):
            path = f"{API}/slots/{who.slots[0]}/capacity"
            await client.put(path, json={"capacity": capacity}, headers=who.officer.headers())
    sealer = Sealer(database, KeyStore(tmp_path / "audit"), heads_file=tmp_path / "heads.jsonl")
    await sealer.seal()
    auditor = here.staff[Role.AUDITOR]
    answer = await client.get(f"{API}/audit/entries", headers=auditor.headers())
    assert answer.status_code == 200, answer.text
    newest, first = answer.json()["items"]
    assert newest["occurred_at"] > first["occurred_at"]
    assert newest["seq"] > first["seq"] >= 1
    assert len(newest["hash"]) == 64
    for name, value in {"actor_id": here.officer.id, "subject_id": here.slots[0], "action": "change_capacity",
                        "union_id": here.id, "from": before.isoformat()}.items():  # fmt: skip
        found = await client.get(f"{API}/audit/entries", params={name: str(value)}, headers=auditor.headers())
        assert [item["id"] for item in found.json()["items"] if item["action"] == "change_capacity"] == [
            newest["id"], first["id"],
        ], name  # fmt: skip
    yesterday = (before - timedelta(days=1)).isoformat()
    for name, value in {"actor_id": uuid4(), "union_id": elsewhere.id, "until": yesterday}.items():
        found = await client.get(f"{API}/audit/entries", params={name: str(value)}, headers=auditor.headers())
        assert found.json()["items"] == [], name
    reads = [entry for entry in await _entries(here) if entry.action == "audit.read"]
    assert len(reads) == 9
    assert reads[0].actor_id == auditor.id
    assert reads[0].details == {"count": 2}
    assert reads[1].details == {"count": 2, "actor_id": str(here.officer.id)}
    admin = here.staff[Role.AUDIT_ADMIN]
    everything = await walk(client, "/audit/entries", admin, action="change_capacity")
    assert [item["id"] for item in everything] == [newest["id"], first["id"]]
    refused(
        await client.get(f"{API}/audit/entries?from=1999-01-01T00:00:00Z", headers=admin.headers()),
        422,
        "platform.malformed",
    )


async def test_the_newest_head_is_shown(
    client: httpx.AsyncClient, street: MakeStreet, database: Database, tmp_path: Any
) -> None:
    here = await street()
    admin = here.staff[Role.AUDIT_ADMIN]
    path = f"{API}/slots/{here.slots[0]}/capacity"
    await client.put(path, json={"capacity": 7}, headers=here.officer.headers())
    sealer = Sealer(database, KeyStore(tmp_path / "audit"), heads_file=tmp_path / "heads.jsonl")
    await sealer.seal()
    head = await sealer.sign_head()
    assert head is not None
    shown = await client.get(f"{API}/audit/head", headers=admin.headers())
    assert shown.status_code == 200, shown.text
    assert (shown.json()["seq"], shown.json()["hash"], shown.json()["signature"]) == (
        head.seq, head.hash.hex(), head.signature.hex(),
    )  # fmt: skip


async def test_nobody_else_reads_it(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street()
    for role, person in here.staff.items():
        for path in ("/audit/entries", "/audit/head"):
            answer = await client.get(f"{API}{path}", headers=person.headers())
            allowed = role in {Role.AUDITOR, Role.AUDIT_ADMIN}
            assert answer.status_code in ({200, 404} if allowed else {403}), (role, path)
