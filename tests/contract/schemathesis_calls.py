"""Calls that are meant well: for each operation something real to work on, made with calls of its own.

Most operations take a thing once: a code, a request, a draft. So there is one made for the call.
"""

import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count, cycle
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import httpx
import pyotp

from tests.factories.managers import PASSWORD
from tests.factories.rosters import HEADINGS, csv_of
from tests.factories.tablets import Tablet, make_key, pairing_body

API = "/api/v1"
PIN = "482915"
DRAFT = {
    "title": "示例·草稿",
    "order_opens_at": "2026-10-01T09:00:00+08:00",
    "order_closes_at": "2026-10-03T09:00:00+08:00",
    "pickup_from": "2026-10-12",
    "pickup_until": "2026-10-14",
}
TURN = count()


@dataclass
class Wanted:
    """What a call should carry instead of what was made up; None leaves that as it is."""

    path: dict[str, str] = field(default_factory=dict)
    body: Any = None
    token: str | None = None
    query: dict[str, str] = field(default_factory=dict)
    version: int | None = None


class Backstage:
    """Somebody who prepares things through the API itself."""

    def __init__(self, world: dict[str, Any]) -> None:
        """Know who is who in the world of the test."""
        self.world, self.staff = world, world["staff"]
        self._client = httpx.Client(base_url=world["address"] + API, timeout=30)
        half = len(world["fresh"]) // 2
        self.fresh: Iterator[dict[str, str]] = cycle(world["fresh"][:half])
        self.leaving: Iterator[dict[str, str]] = cycle(world["fresh"][half:])
        self.invited: Iterator[list[str]] = iter(world["invited"])
        self.ended: Iterator[str] = iter(world["ended"])
        self.imports: Iterator[str] = iter(world["imports"][3:])
        self.keys: Iterator[str] = iter(world["keys"])
        self.passwords = [PASSWORD, PASSWORD + " home"]
        self.tablet = self.pair()

    def do(self, method: str, path: str, token: str | None = None, **more: Any) -> Any:
        """Make a call that must succeed and return what it answers."""
        headers = more.pop("headers", {}) | ({"Authorization": f"Bearer {token}"} if token else {})
        answer = self._client.request(method, path, headers=headers, **more)
        assert answer.status_code < 300, (method, path, answer.text)
        return answer.json() if answer.content else None

    def pairing(self) -> str:
        """Return a code that pairs a device."""
        now = datetime.now(UTC)
        body = {
            "name": f"示例·平板{uuid4().hex[:8]}", "pickup_point_id": self.world["ids"]["pickup_point_id"][0],
            "valid_from": now.isoformat(), "valid_until": (now + timedelta(days=5)).isoformat(),
        }  # fmt: skip
        return str(
            self.do("POST", "/devices/pairings", self.staff["union_officer"], json=body)["pairing_code"]
        )

    def pair(self) -> Tablet:
        """Return a device that was just paired."""
        key = make_key("ed25519")
        paired = self.do("POST", "/devices/pair", json=pairing_body(self.pairing(), key))
        return Tablet(key, paired["device_id"], paired["token"])

    def account(self) -> dict[str, str]:
        """Return an account that could be drafted."""
        who = {"login": f"t-{uuid4().hex[:12]}", "display_name": "示例·新人"}
        return who | {"role": "finance", "union_id": self.world["union_id"]}

    def draft(self) -> str:
        """Return the id of an account that waits for approval."""
        return str(self.do("POST", "/staff", self.staff["sys_admin"], json=self.account())["id"])

    def challenge(self, mobile: str) -> dict[str, str]:
        """Return a challenge with the code that was sent for it."""
        begun = self.do("POST", "/sign-in/code", json={"mobile": mobile})["challenge_id"]
        for _ in range(200):
            file = Path(self.world["texts"])
            for line in file.read_text().splitlines() if file.exists() else []:
                sent = json.loads(line)
                if sent["out_id"] == begun:
                    found = re.search("[0-9]{6}", sent["text"])
                    assert found is not None
                    return {"challenge_id": begun, "code": found[0], "transport": "bearer"}
            time.sleep(0.02)
        raise AssertionError("no text was sent")

    def ticket(self) -> str:
        """Return the ticket of an identity that belongs to nobody yet."""
        body = {"params": {"sub": uuid4().hex}, "transport": "bearer"}
        return str(self.do("POST", "/sign-in/host/ticket", json=body)["link"]["ticket"])

    def claim(self, who: dict[str, str]) -> dict[str, str]:
        """Return the body that links a new identity to somebody."""
        said = {"member_number": who["number"], "mobile": who["mobile"], "last4": "002X"}
        return {"ticket": self.ticket(), "transport": "bearer"} | said

    def exception(self) -> str:
        """Return the id of an exception that was just asked for; some members have one already."""
        campaign = self.world["drafts"][next(TURN) % len(self.world["drafts"])]
        terms = {"rules": ["on_list"], "reason": "示例·名单更新晚"}
        for _ in range(len(self.world["fresh"])):
            body = terms | {"member_id": next(self.fresh)["id"]}
            id = self._made(f"/campaigns/{campaign}/exceptions", body, self.staff["union_officer"])
            if id is not None:
                return id
        raise AssertionError("everybody has an exception")

    def filed(self, path: str, body: Any) -> tuple[str, dict[str, str]]:
        """Return the id of what one of the members has just asked for, and who; some cannot ask any more."""
        people = self.leaving if path == "/me/erasure" else self.fresh
        for _ in range(len(self.world["fresh"])):
            who = next(people)
            if (id := self._made(path, body, who["token"])) is not None:
                return id, who
        raise AssertionError("nobody can ask any more")

    def campaign(self) -> str:
        """Return the id of a campaign that was just drafted and offers nothing yet."""
        return str(self.do("POST", "/campaigns", self.staff["union_officer"], json=DRAFT)["id"])

    def offer(self) -> dict[str, Any]:
        """Return what a campaign may offer."""
        (box, *_), (point, *_) = (self.world["ids"][name] for name in ("gift_box_id", "pickup_point_id"))
        return {"gift_box_id": box, "pickup_point_id": point, "quota": 5}

    def slots(self) -> dict[str, Any]:
        """Return slots of a campaign."""
        days = {"from_on": "2026-10-12", "until_on": "2026-10-12", "opens": "09:00", "closes": "11:00"}
        return days | {"pickup_point_id": self.world["ids"]["pickup_point_id"][0], "capacity": 5}

    def complete(self) -> str:
        """Return the id of a campaign that can be published."""
        id, officer = self.campaign(), self.staff["union_officer"]
        self.do("POST", f"/campaigns/{id}/offers", officer, json=self.offer())
        self.do("POST", f"/campaigns/{id}/slots", officer, json=self.slots())
        return id

    def handed_over(self) -> str:
        """Return a hand-over that stands, and makes one if there is none."""
        clerk, point = self.staff["station_clerk"], self.world["ids"]["pickup_point_id"][0]
        for code in self.world["kept_codes"]:
            body = {"event_id": str(uuid4()), "code": code, "pickup_point_id": point}
            said = self.do("POST", "/redemptions", clerk, json=body)
            event_id = body["event_id"] if said["result"] == "handed_over" else said["first_event_id"]
            if event_id is not None:
                return str(event_id)
        raise AssertionError("no box can be handed over")

    def _made(self, path: str, body: Any, token: str) -> str | None:
        answer = self._client.post(path, json=body, headers={"Authorization": f"Bearer {token}"})
        return str(answer.json()["id"]) if answer.status_code < 300 else None


def _gesture(stage: Backstage) -> Wanted:
    body = {"event_id": str(uuid4()), "reason": "示例·拿错了"}
    return Wanted({"event_id": stage.handed_over()}, body)


def _verify(stage: Backstage) -> Wanted:
    return Wanted(body=stage.challenge(next(stage.fresh)["mobile"]))


def _choose(stage: Backstage) -> Wanted:
    proof = stage.challenge(stage.world["shared_mobile"])
    choices = stage.do("POST", "/sign-in/code/verify", json=proof)["choices"]
    return Wanted(body={
        "challenge_id": proof["challenge_id"], "choice_id": choices[0]["choice_id"], "transport": "bearer",
    })  # fmt: skip


def _unlink(stage: Backstage) -> Wanted:
    who = next(stage.fresh)
    stage.do("POST", "/sign-in/link", json=stage.claim(who))
    linked = stage.do("GET", "/me/host-identities", who["token"])["items"]
    return Wanted({"identity_id": linked[0]["id"]}, token=who["token"])


def _enrolled(stage: Backstage) -> Wanted:
    login, code = next(stage.invited)
    body = {"login": login, "activation_code": code, "password": PASSWORD}
    step = stage.do("POST", "/sign-in/staff/activate", json=body)
    (secret,) = parse_qs(urlsplit(step["provisioning_uri"]).query)["secret"]
    return Wanted(body={"challenge": step["challenge"], "code": pyotp.TOTP(secret).now()})


def _activated(stage: Backstage) -> Wanted:
    login, code = next(stage.invited)
    return Wanted(body={"login": login, "activation_code": code, "password": PASSWORD})


def _step_up(stage: Backstage) -> Wanted:
    code = pyotp.TOTP(stage.world["managers"]["finance"]["secret"]).now()
    return Wanted(body={"password": PASSWORD, "code": code}, token=stage.staff["finance"])


def _change_password(stage: Backstage) -> Wanted:
    stage.passwords.reverse()
    new, current = stage.passwords
    body = {"current_password": current, "new_password": new}
    return Wanted(body=body, token=stage.staff["warehouse_keeper"])


def _import(stage: Backstage, *, is_committed: bool) -> Wanted:
    import_id = next(stage.imports)
    found = stage.do("GET", f"/members/imports/{import_id}", stage.staff["union_officer"])
    body = {"comparison_hash": found["comparison_hash"]} if is_committed else None
    return Wanted({"import_id": import_id}, body)


def _approved(stage: Backstage) -> Wanted:
    id = stage.exception()
    stage.do("POST", f"/exceptions/{id}/approve", stage.staff["chair"])
    return Wanted({"exception_id": id})


def _correction(stage: Backstage, body: Any = None) -> Wanted:
    id, _ = stage.filed("/me/corrections", {"field": "other", "message": "示例·写错了"})
    return Wanted({"correction_id": id}, body)


def _withdrawal(stage: Backstage) -> Wanted:
    return Wanted(token=stage.filed("/me/erasure", None)[1]["token"])


def _erasure(stage: Backstage) -> Wanted:
    return Wanted({"request_id": stage.filed("/me/erasure", None)[0]})


def _disagreement(stage: Backstage) -> Wanted:
    who = next(stage.fresh)
    stage.do("PUT", "/me/consents/reminders", who["token"], json={"version": 1})
    return Wanted({"purpose": "reminders"}, token=who["token"])


def _pair(stage: Backstage) -> Wanted:
    return Wanted(body=pairing_body(stage.pairing(), make_key("ed25519")))


def _reset(stage: Backstage) -> Wanted:
    path = f"/staff/{stage.world['clerk']['id']}/pin-reset"
    code = stage.do("POST", path, stage.staff["union_officer"])["code"]
    return Wanted(body={"login": stage.world["clerk"]["login"], "code": code, "pin": PIN})


def _clerk(stage: Backstage) -> Wanted:
    stage.do("PUT", "/me/pin", stage.staff["station_clerk"], json={"pin": PIN})
    return Wanted(body={"login": stage.world["clerk"]["login"], "pin": PIN})


def _roster(_: Backstage) -> Wanted:
    return Wanted(body=csv_of([HEADINGS, ["N1", "示例", "13900139009", "7319", uuid4().hex[:8]]]).decode())


GOOD: dict[str, Callable[[Backstage], Wanted]] = {
    "publish_campaign": lambda stage: Wanted({"campaign_id": stage.complete()}),
    "get_campaign": lambda stage: Wanted({"campaign_id": stage.world["drafts"][0]}),
    "list_slots": lambda stage: Wanted({"campaign_id": stage.world["drafts"][0]}),
    "add_offer": lambda stage: Wanted({"campaign_id": stage.campaign()}, stage.offer()),
    "add_slots": lambda stage: Wanted({"campaign_id": stage.campaign()}, stage.slots()),
    "get_redemption": lambda stage: Wanted({"event_id": stage.handed_over()}),
    "undo_redemption": _gesture,
    "swap_redemption": _gesture,
    "verify_sign_in_code": _verify,
    "choose_sign_in_member": _choose,
    "sign_in_with_host_ticket": lambda stage: Wanted(
        body={"params": {"member_number": next(stage.fresh)["number"]}, "transport": "bearer"}
    ),
    "link_host_identity": lambda stage: Wanted(body=stage.claim(next(stage.fresh))),
    "unlink_host_identity": _unlink,
    "begin_staff_sign_in": lambda stage: Wanted(
        body={"login": stage.world["managers"]["group_leader"]["login"], "password": PASSWORD}
    ),
    "activate_staff_account": _activated,
    "finish_staff_sign_in": _enrolled,
    "step_up": _step_up,
    "change_password": _change_password,
    "renew_recovery_codes": lambda stage: Wanted(token=stage.staff["district_viewer"]),
    "sign_out": lambda stage: Wanted(token=next(stage.ended)),
    "end_session": lambda stage: Wanted(
        {"session_id": stage.do("GET", "/sessions", (token := next(stage.ended)))["items"][0]["id"]},
        token=token,
    ),
    "end_other_sessions": lambda stage: Wanted(token=stage.world["lone"]),
    "draft_staff": lambda stage: Wanted(body=stage.account()),
    "approve_staff": lambda stage: Wanted({"staff_id": stage.draft()}),
    "change_staff_role": lambda stage: Wanted({"staff_id": stage.draft()}, {"role": "auditor"}),
    "disable_staff": lambda stage: Wanted({"staff_id": stage.draft()}),
    "reset_pin": lambda stage: Wanted({"staff_id": stage.world["clerk"]["id"]}),
    "withdraw_signing_key": lambda stage: Wanted({"key_id": next(stage.keys)}),
    "pair_device": _pair,
    "get_device": lambda stage: Wanted({"device_id": str(stage.tablet.id)}),
    "change_device": lambda stage: Wanted({"device_id": str(stage.pair().id)}),
    "revoke_device": lambda stage: Wanted({"device_id": str(stage.pair().id)}),
    "activate_pin": _reset,
    "sign_clerk_in": _clerk,
    "send_roster": _roster,
    "get_roster_errors": lambda stage: Wanted({"import_id": stage.world["imports"][0]}),
    "get_eligibility": lambda stage: Wanted(query={"campaign_id": stage.world["drafts"][0]}),
    "commit_roster": lambda stage: _import(stage, is_committed=True),
    "abandon_roster": lambda stage: _import(stage, is_committed=False),
    "approve_exception": lambda stage: Wanted({"exception_id": stage.exception()}),
    "decline_exception": lambda stage: Wanted({"exception_id": stage.exception()}),
    "withdraw_exception": _approved,
    "reveal_correction": _correction,
    "accept_correction": lambda stage: _correction(stage, {}),
    "decline_correction": _correction,
    "file_correction": lambda stage: Wanted(token=next(stage.fresh)["token"]),
    "ask_for_erasure": lambda stage: Wanted(token=next(stage.leaving)["token"]),
    "withdraw_erasure": _withdrawal,
    "carry_out_erasure": _erasure,
    "decline_erasure": _erasure,
    "give_consent": lambda stage: Wanted(body={"version": 1}),
    "withdraw_consent": _disagreement,
}
"""What makes a call of each of these succeed; a pool that is used up ends it."""
