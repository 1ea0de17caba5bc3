"""Members come from a host app or an identity provider; whoever cannot prove it does not (A13 included)."""

import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import select

from app.access.audit import AuditEntry
from app.platform.clock import utc_now
from app.platform.settings import Settings
from app.sign_in.errors import HostRefused
from app.sign_in.rules.host_ticket import sign_ticket
from app.sign_in.tables.member import HostIdentityLink
from app.unions.tables import Member
from tests.conftest import MakeStreet
from tests.factories.answers import API, refused, without_ids
from tests.factories.provider import CLIENT_ID, CLIENT_SECRET, Provider, run_provider
from tests.factories.sign_in import Entrance, give, new_mobile, open_entrance
from tests.factories.street import Street
from tests.unit.test_linking import ELSEWHERE

SECRET = "0123456789abcdef0123456789abcdef"


@pytest.fixture(scope="module")
async def mock(settings: Settings, database: Any, folder: Path) -> AsyncIterator[Entrance]:
    async with open_entrance(settings, folder / "texts-of-mock.jsonl", host_adapter="mock") as entrance:
        yield entrance


@pytest.fixture(scope="module")
async def provider() -> AsyncIterator[Provider]:
    async with run_provider() as provider:
        yield provider


@pytest.fixture(scope="module")
async def oidc(
    settings: Settings, database: Any, folder: Path, provider: Provider
) -> AsyncIterator[Entrance]:
    secret = folder / "oidc-secret"
    secret.write_text(CLIENT_SECRET + "\n")
    chosen = {
        "host_adapter": "oidc", "oidc_issuer": provider.issuer, "oidc_client_id": CLIENT_ID,
        "oidc_client_secret_file": secret, "public_url": "http://grainline.test",
    }  # fmt: skip
    async with open_entrance(settings, folder / "texts-of-oidc.jsonl", **chosen) as entrance:
        yield entrance


@pytest.fixture
async def here(street: MakeStreet) -> Street:
    made = await street(members=2)
    for person in made.members:
        number = f"N{uuid4().hex[:10]}"
        await made.set(Member, person.id, number=number)
    return made


async def _number(here: Street, member_id: UUID) -> str:
    [row] = await here.read(select(Member.number).where(Member.id == member_id))
    return str(row.number)


async def _links(here: Street) -> list[Any]:
    wanted = select(HostIdentityLink.member_id, HostIdentityLink.issuer, HostIdentityLink.subject)
    return await here.read(wanted.where(HostIdentityLink.union_id == here.id))


async def _traces(entrance: Entrance, here: Street, member_id: UUID) -> list[str]:
    await entrance.app.state.errands.settle()
    wanted = select(AuditEntry.action).where(AuditEntry.subject_id == member_id).order_by(AuditEntry.id)
    return [row.action for row in await here.read(wanted)]


async def test_a_member_number_that_the_host_vouches_for_links_once(mock: Entrance, here: Street) -> None:
    person, number = here.members[0], await _number(here, here.members[0].id)
    for _ in range(2):
        answer = await mock.arrive(member_number=number, sub="u-" + number)
        assert (answer.status_code, answer.json()["outcome"]) == (200, "signed_in")
        assert await mock.who(answer.json()["session"]["token"]) == str(person.id)
    [link] = await _links(here)
    assert (link.member_id, link.issuer, len(link.subject)) == (person.id, "mock", 32)
    traces = await _traces(mock, here, person.id)
    assert sorted(traces) == ["sign_in.host_linked", "sign_in.member", "sign_in.member"]


async def test_a_second_identity_of_the_same_host_does_not_take_a_member_over(
    mock: Entrance, here: Street
) -> None:
    number = await _number(here, here.members[0].id)
    await mock.arrive(member_number=number, sub="first-" + number)
    answer = await mock.arrive(member_number=number, sub="second-" + number)
    assert answer.json()["outcome"] == "link_required"
    assert len(await _links(here)) == 1


async def test_below_the_vouching_level_the_hosts_word_links_nobody(mock: Entrance, here: Street) -> None:
    number = await _number(here, here.members[0].id)
    answer = await mock.arrive(member_number=number, real_name_level="1")
    assert (answer.json()["outcome"], answer.json()["session"]) == ("link_required", None)
    assert await _links(here) == []


async def test_name_mobile_and_last_four_link_together_and_no_two_of_them(
    mock: Entrance, here: Street
) -> None:
    person, mobile = here.members[0], new_mobile()
    await give(here, person.id, name="阿依古丽·买买提", mobile=mobile, last4="002X")
    arrived = (await mock.arrive(sub="s-" + mobile, name="阿依古丽·买买提")).json()
    assert arrived["outcome"] == "link_required", "a name alone links nobody"
    ticket, said = arrived["link"]["ticket"], {"name": "阿依古丽•买买提", "mobile": mobile, "last4": "002x"}
    for wrong in ({"name": "李四"}, {"mobile": new_mobile()}, {"last4": "0021"}):
        answer = await mock.link(ticket, **(said | wrong))
        refused(answer, 403, "sign_in.link_refused")
    assert await _links(here) == []
    linked = await mock.link(ticket, **said)
    assert await mock.who(linked.json()["token"]) == str(person.id)
    again = await mock.arrive(sub="s-" + mobile)
    assert await mock.who(again.json()["session"]["token"]) == str(person.id)
    traces = await _traces(mock, here, person.id)
    assert traces.count("sign_in.link_refused") == 2, "the wrong number was somebody else's"
    assert traces.count("sign_in.host_linked") == 1


async def test_every_mismatch_is_refused_alike(mock: Entrance, here: Street) -> None:
    mobile, number = new_mobile(), await _number(here, here.members[0].id)
    await give(here, here.members[0].id, name="王小明", mobile=mobile)
    ticket = (await mock.arrive(sub="m-" + mobile)).json()["link"]["ticket"]
    said = {"name": "王小明", "mobile": mobile, "last4": "002X"}
    answers = [
        await mock.link(ticket, **(said | {"mobile": new_mobile()})),
        await mock.link(ticket, **(said | {"last4": "1111"})),
        await mock.link(ticket, **(said | {"member_number": "N0"})),
        await mock.link("t" * 43, **said),
    ]
    assert len({repr(sorted(without_ids(answer).items(), key=str)) for answer in answers}) == 1
    answer = await mock.link(ticket, member_number=number, mobile=mobile, last4="002X")
    assert answer.status_code == 200
    refused(await mock.link(ticket, **said), 429, "sign_in.tries_too_often")


async def test_a_ticket_links_once(mock: Entrance, here: Street) -> None:
    mobile = new_mobile()
    await give(here, here.members[0].id, name="王小明", mobile=mobile)
    ticket = (await mock.arrive(sub="o-" + mobile)).json()["link"]["ticket"]
    said = {"name": "王小明", "mobile": mobile, "last4": "002X"}
    assert (await mock.link(ticket, **said)).status_code == 200
    refused(await mock.link(ticket, **said), 403, "sign_in.link_refused")
    assert len(await _links(here)) == 1


async def test_an_identity_tries_five_times_an_hour(mock: Entrance, here: Street) -> None:
    ticket = (await mock.arrive(sub=uuid4().hex)).json()["link"]["ticket"]
    codes = [
        (await mock.link(ticket, name="王", mobile=new_mobile(), last4="0000")).status_code for _ in range(8)
    ]
    assert codes == [403] * 4 + [429] * 4, "the fifth comes after an hour"


async def test_two_members_who_fit_are_nobody(mock: Entrance, street: MakeStreet) -> None:
    mobile, streets = new_mobile(), [await street(members=1), await street(members=1)]
    for one in streets:
        await give(one, one.members[0].id, name="王小明", mobile=mobile)
    arrived = await mock.arrive(sub=uuid4().hex, name="王小明", phone_number=mobile, id_last4="002X")
    assert arrived.json()["outcome"] == "link_required"
    assert [await _links(one) for one in streets] == [[], []]


async def test_who_has_left_is_not_let_in_by_a_link(mock: Entrance, here: Street) -> None:
    number = await _number(here, here.members[0].id)
    await mock.arrive(member_number=number, sub=number)
    await here.set(Member, here.members[0].id, status="left")
    assert (await mock.arrive(sub=number)).json()["outcome"] == "link_required"


async def test_a_member_sees_and_takes_away_their_identities_and_no_others(
    mock: Entrance, here: Street
) -> None:
    mine, other = here.members
    for person in here.members:
        number = await _number(here, person.id)
        await mock.arrive(member_number=number, sub=number)
    client, path = await mock.caller(), f"{API}/me/host-identities"
    [item] = (await client.get(path, headers=mine.headers())).json()["items"]
    assert (sorted(item), item["issuer"]) == (["id", "issuer", "last_used_at", "linked_at"], "mock")
    foreign = await client.delete(f"{path}/{item['id']}", headers=other.headers())
    missing = await client.delete(f"{path}/{uuid4()}", headers=other.headers())
    refused(foreign, 404, "sign_in.identity_not_found")
    assert without_ids(foreign) == without_ids(missing)
    assert (await client.get(path, headers=here.officer.headers())).json() == {"items": [], "next": None}
    assert (await client.delete(f"{path}/{item['id']}", headers=mine.headers())).status_code == 204
    assert [link.member_id for link in await _links(here)] == [other.id]


# --- Signed tickets --------------------------------------------------------------------------------


async def test_a_signed_ticket_counts_once_in_all_workers(
    settings: Settings, database: Any, folder: Path, here: Street
) -> None:
    secret = folder / "ticket-secret"
    secret.write_text(SECRET)
    chosen = {
        "host_adapter": "ticket_hmac", "host_ticket_secret_file": secret, "host_issuer": "city-app",
        "host_real_name_level": 2, "host_claims": {"subject": "uid", "member_number": "no"},
    }  # fmt: skip
    number = await _number(here, here.members[0].id)
    params = {"uid": "u-" + number, "no": number, "nonce": uuid4().hex, "timestamp": str(int(time.time()))}
    params["sign"] = sign_ticket(params, SECRET.encode())
    async with (
        open_entrance(settings, folder / "t1.jsonl", **chosen) as one,
        open_entrance(settings, folder / "t2.jsonl", **chosen) as two,
    ):
        for spoiled in (params | {"no": "N1"}, params | {"sign": "0" * 64}, params | {"more": "1"}):
            refused(await one.arrive(**spoiled), 401, "sign_in.host_refused")
        old = {**params, "timestamp": str(int(time.time()) - 302), "nonce": uuid4().hex}
        old["sign"] = sign_ticket({n: v for n, v in old.items() if n != "sign"}, SECRET.encode())
        refused(await one.arrive(**old), 401, "sign_in.host_refused")
        assert await _links(here) == []
        good = await one.arrive(**params)
        assert await one.who(good.json()["session"]["token"]) == str(here.members[0].id)
        refused(await one.arrive(**params), 401, "sign_in.host_refused")
        refused(await two.arrive(**params), 401, "sign_in.host_refused")
        methods = (await (await one.caller()).get(f"{API}/sign-in/methods")).json()
        assert methods["host"] == {"is_open": True, "name": "ticket_hmac", "kind": "ticket"}
        start = await (await one.caller()).get(f"{API}/sign-in/host/start")
        refused(start, 409, "sign_in.method_off")


# --- OpenID Connect --------------------------------------------------------------------------------


async def _start(oidc: Entrance, **query: str) -> tuple[httpx.AsyncClient, str, dict[str, str]]:
    client = await oidc.caller()
    answer = await client.get(f"{API}/sign-in/host/start", params=query)
    assert answer.status_code == 302, answer.text
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-grainline-sso=")
    assert {"HttpOnly", "Secure", "Path=/", "SameSite=lax", "Max-Age=600"} <= set(cookie.split("; "))
    client.cookies.clear()
    return client, answer.headers["location"], {"Cookie": cookie.partition(";")[0]}


def _session_in(answer: httpx.Response) -> str:
    cookies = [v for v in answer.headers.get_list("set-cookie") if v.startswith("__Host-grainline=")]
    return cookies[0].partition(";")[0] if cookies else ""


async def test_the_provider_sends_members_in_once(oidc: Entrance, provider: Provider, here: Street) -> None:
    number = await _number(here, here.members[0].id)
    provider.people["li"] = {"member_number": number, "real_name_level": 2}
    client, away, cookie = await _start(oidc, next="/member/orders")
    back = provider.sign_in(away, "li")
    answer = await client.get(back, headers=cookie)
    assert (answer.status_code, answer.headers["location"]) == (303, "/member/orders")
    assert answer.headers["cache-control"] == "no-store"
    me = await client.get(f"{API}/me", headers={"Cookie": _session_in(answer)})
    assert me.json()["id"] == str(here.members[0].id)
    assert [link.issuer for link in await _links(here)] == [provider.issuer]
    again = await client.get(back, headers=cookie)
    refused(again, 401, "sign_in.host_refused")
    assert _session_in(again) == ""


async def test_who_is_not_linked_goes_to_the_page_for_it(oidc: Entrance, provider: Provider) -> None:
    client, away, cookie = await _start(oidc)
    answer = await client.get(provider.sign_in(away, uuid4().hex), headers=cookie)
    path, _, ticket = answer.headers["location"].partition("#ticket=")
    assert (answer.status_code, path, len(ticket), _session_in(answer)) == (303, "/member/link", 43, "")


async def test_a_code_of_another_browser_is_refused(oidc: Entrance, provider: Provider, here: Street) -> None:
    number = await _number(here, here.members[0].id)
    provider.people["wang"] = {"member_number": number, "real_name_level": 2}
    client, away, cookie = await _start(oidc)
    _, other_away, other_cookie = await _start(oidc)
    back = provider.sign_in(away, "wang")
    _, _, state = provider.sign_in(other_away, "wang").partition("state=")
    code = back.partition("code=")[2].partition("&")[0]
    path = back.partition("?")[0]
    for address, headers in (
        (back, {}),
        (back, other_cookie),
        (back, {"Cookie": "__Host-grainline-sso=AAAA"}),
        (back, {"Cookie": cookie["Cookie"][:-4] + "AAAA"}),
        (f"{path}?code={code}&state={'x' * 43}", cookie),
        (f"{path}?code={code}&state={state}", cookie),
        (f"{path}?state={state}", other_cookie),
    ):
        answer = await client.get(address, headers=headers)
        refused(answer, 401, "sign_in.host_refused")
        assert _session_in(answer) == ""
    assert await _links(here) == []
    assert (await client.get(back, headers=cookie)).status_code == 303


async def test_a_browser_comes_back_once_and_within_ten_minutes(oidc: Entrance) -> None:
    now = utc_now()
    for after, is_taken in (
        (timedelta(), True),
        (timedelta(minutes=9), True),
        (timedelta(minutes=10), False),
    ):
        address, cookie = await oidc.door.send_away("/member", now=now)
        state = parse_qs(urlsplit(address).query)["state"][0]
        if is_taken:
            assert (await oidc.door.take_back(cookie, state, now=now + after)).next == "/member"
        with pytest.raises(HostRefused):
            await oidc.door.take_back(cookie, state, now=now + after)


async def test_an_answer_of_another_issuer_or_an_error_is_refused(oidc: Entrance, provider: Provider) -> None:
    for change in ("&iss=https://evil.example", "&error=access_denied"):
        client, away, cookie = await _start(oidc)
        back = provider.sign_in(away, "li").partition("&iss=")[0]
        if "error" in change:
            back = back.partition("?")[0] + "?state=" + back.partition("state=")[2]
        refused(await client.get(back + change, headers=cookie), 401, "sign_in.host_refused")


async def test_a_token_that_lies_opens_nothing(oidc: Entrance, provider: Provider, here: Street) -> None:
    number = await _number(here, here.members[0].id)
    provider.people["liar"] = {"member_number": number, "real_name_level": 2}
    lies = [
        lambda claims: claims | {"aud": "other"},
        lambda claims: claims | {"nonce": "x" * 43},
        lambda claims: claims | {"exp": int(time.time()) - 61},
        lambda claims: claims | {"iss": "https://evil.example"},
    ]
    kept = provider.spoil, provider.sign
    try:
        for lie in lies:
            provider.spoil = lie
            client, away, cookie = await _start(oidc)
            answer = await client.get(provider.sign_in(away, "liar"), headers=cookie)
            refused(answer, 401, "sign_in.host_refused")
        provider.spoil = kept[0]
        for forge in (provider.unsigned, provider.signed_with_public_key):
            provider.sign = forge
            client, away, cookie = await _start(oidc)
            answer = await client.get(provider.sign_in(away, "liar"), headers=cookie)
            refused(answer, 401, "sign_in.host_refused")
    finally:
        provider.spoil, provider.sign = kept
    assert await _links(here) == []


@pytest.mark.parametrize("path", ELSEWHERE)
async def test_a13_next_leads_nowhere_else(oidc: Entrance, path: str) -> None:
    answer = await (await oidc.caller()).get(f"{API}/sign-in/host/start", params={"next": path})
    refused(answer, 422, "platform.malformed")
    assert "location" not in answer.headers
    assert "set-cookie" not in answer.headers


async def test_a13_double_encoding_leads_nowhere_else(oidc: Entrance) -> None:
    client = await oidc.caller()
    for raw in ("%2f%2fevil", "%252f%252fevil", "/%5Cevil", "/&next=//evil"):
        answer = await client.get(f"{API}/sign-in/host/start?next={raw}")
        refused(answer, 422, "platform.malformed")


async def test_tickets_are_not_taken_where_a_redirect_is_due(oidc: Entrance) -> None:
    refused(await oidc.arrive(member_number="M0000001"), 409, "sign_in.method_off")
    methods = (await (await oidc.caller()).get(f"{API}/sign-in/methods")).json()
    assert methods["host"] == {"is_open": True, "name": "oidc", "kind": "redirect"}
