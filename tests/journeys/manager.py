"""The journey of a manager: first password, reading with care, the roster, and deeds that take two people."""

import asyncio
import time
from typing import Any

from tests.factories.rosters import csv_of
from tests.journeys.book import Book, Caller, File
from tests.journeys.people import Authenticator, Staff, said_nothing, script, staff
from tests.journeys.place import Place

TITLE = "The journey of a manager"
LOGIN, PASSWORD = "officer-xjk", "quiet rivers carry boxes"
ACCOUNT = "clerk-new-xjk"
UNIT = "示例·官园物业服务公司工会委员会"
ROSTER = (
    ("示例·新街口街道会员名册", "", "", "", ""),
    ("会员\n编号", "姓 名", "手机号码", "证件后四位", "所在单位"),
    ("M0000003", "欧阳静怡", "1390000 0003", "004X", UNIT),
    ("M9000001", "示例·新会员", "１３９００００９００１", "0011", UNIT),
    ("M9000002", "示例·旧电话", "1.38E+10", "0022", UNIT),
    ("M9000001", "示例·新会员", "13900009001", "0011", UNIT),
)
"""As unions send it: a title, a heading over two lines, spaces, full-width digits, a number that a table "
"ate."""


async def tell(place: Place) -> Book:
    """Carry the journey out on a fresh demo and return it."""
    book = Book(place, TITLE)
    book.say(
        "The union officer of Xinjiekou has an account and no password: nobody has one that was not chosen "
        "by its "
        "owner. The officer meets the chair and the two administrators where one person alone must not "
        "decide.",
    )
    officer = await _activate(book)
    await _look_at_members(book, officer)
    await _import(book, officer)
    await _exception(book, officer)
    await _export_and_erase(book, officer)
    await _accounts(book)
    return book


async def _activate(book: Book) -> Staff:
    book.say("## The first password")
    await book.place.command(
        "staff", "invite", LOGIN, "--reset"
    )  # whoever was here before: as on the first day
    said = "The operator of the machine makes an activation code. It counts once, for 24 hours."
    await book.command(said, "staff", "invite", LOGIN, "--reset", last="ACTIVATION_CODE")
    nobody = Caller(await book.place.caller())
    given = {"login": LOGIN, "activation_code": book.known["ACTIVATION_CODE"]}
    await book.call(
        "A password that would be guessed is refused.",
        "POST /sign-in/staff/activate",
        who=nobody,
        body=given | {"password": "password1234"},
        expect=422,
        shows="reason",
    )
    book.name(PASSWORD=PASSWORD)
    request, body = "POST /sign-in/staff/activate", given | {"password": PASSWORD}
    answer = await book.send(request, who=nobody, body=body)
    begun = answer.json()
    authenticator = Authenticator.read(begun["provisioning_uri"])
    book.name(CHALLENGE=begun["challenge"], SECRET=authenticator.secret)
    said = "A good one leads to the second factor: an authenticator reads `provisioning_uri`."
    book.write(said, request, who=nobody, body=body, answer=answer)
    await _second_step(
        book,
        nobody,
        "Its first code opens the session, and brings ten recovery codes, to be printed and locked away.",
        authenticator=authenticator,
    )
    request, body = "POST /sign-in/staff", {"login": LOGIN, "password": PASSWORD}
    answer = await book.send(request, who=nobody, body=body)
    book.name(CHALLENGE=answer.json()["challenge"])
    book.write("From now on signing in is two steps.", request, who=nobody, body=body, answer=answer)
    await _second_step(
        book,
        nobody,
        "The code; or `recovery_code` in its place, once each. A session ends after 30 minutes without "
        "use, after "
        "12 hours in any case.",
        authenticator=authenticator,
    )
    return Staff(LOGIN, PASSWORD, authenticator, Caller(nobody.client, "OFFICER"))


async def _second_step(book: Book, nobody: Caller, said: str, *, authenticator: Authenticator) -> None:
    code = await asyncio.to_thread(authenticator.code)
    request, body = "POST /sign-in/staff/totp", {"challenge": book.known["CHALLENGE"], "code": code}
    answer = await book.send(request, who=nobody, body=body)
    found = answer.json()
    book.name(OFFICER=found["token"], TOTP=code)
    for position, recovery in enumerate(found["recovery_codes"] or [], start=1):
        book.name(**{f"RECOVERY_{position}": recovery})
    book.write(said, request, who=nobody, body=body, answer=answer)


async def _look_at_members(book: Book, officer: Staff) -> None:
    book.say("## Members")
    # By the operator's shell: the book names the member by a number that the list shows.
    member = await script(book, "member", "M0000003", token="OUYANG")
    book.name(MEMBER_ID=(await said_nothing(book, "GET /me", who=member))["id"])
    await book.call(
        "The list is masked; the ends of identity numbers are shown where two people have one name.",
        "GET /members?limit=2",
        who=officer.caller,
        shows="items number name_masked mobile_masked same_name id_last4_masked status",
    )
    request = f"POST /members/{book.known['MEMBER_ID']}/reveal"
    await book.call(
        "Whoever wants to see a number says why; without a reason nothing is shown.",
        request,
        who=officer.caller,
        body={"fields": ["mobile"]},
        expect=422,
        shows="errors pointer",
    )
    await book.call(
        "With a reason it is, thirty times an hour at most, and the member reads who looked "
        "([member.md](member.md)).",
        request,
        who=officer.caller,
        body={"fields": ["mobile"], "reason": "contact_member", "note": "示例·电话核对"},
    )


async def _import(book: Book, officer: Staff) -> None:
    book.say("## The roster")
    await book.call("A workbook to fill in.", "GET /members/imports/template.xlsx", who=officer.caller)
    book.say(
        "What comes back is `roster.csv`, in GB18030:",
        "```\n" + csv_of(ROSTER).decode().replace("\r", "") + "\n```",
    )
    file = File("roster.csv", csv_of(ROSTER, encoding="gb18030"), "text/csv")
    request = "POST /members/imports?filename=roster.csv&mode=partial"
    answer = await book.send(request, who=officer.caller, body=file)
    book.name(IMPORT=answer.json()["id"])
    said = "It is sent as it is; `mode=full` would mean that who is missing has left."
    book.write(said, request, who=officer.caller, body=file, answer=answer)
    path = f"/members/imports/{book.known['IMPORT']}"
    await _until(book, officer, "compared")
    shown = (
        "status progress done total counts added changed moved removed protected refused unchanged repeated "
    )
    found = await book.call(
        "In the background it is read and compared; nothing is written yet.",
        f"GET {path}",
        who=officer.caller,
        shows=shown + "comparison_hash roster_changed",
    )
    book.name(COMPARISON=found["comparison_hash"])
    await book.call(
        "Line by line: before and after, masked.",
        f"GET {path}/rows?kind=changed",
        who=officer.caller,
        shows="items row kind old new number name_masked mobile_masked fields",
    )
    await book.call(
        "What could not be read is named, with its row and why.",
        f"GET {path}/rows?kind=refused",
        who=officer.caller,
        shows="items row kind reasons code detail",
    )
    await book.call(
        "The refused rows as a workbook, to be mended by whoever sent them.",
        f"GET {path}/errors.xlsx",
        who=officer.caller,
    )
    await _commit(book, officer, path)


async def _commit(book: Book, officer: Staff, path: str) -> None:
    body = {"comparison_hash": book.known["COMPARISON"]}
    await book.call(
        "Writing it is a mass change, and asks for both proofs once more.",
        f"POST {path}/commit",
        who=officer.caller,
        body=body,
        expect=403,
    )
    code = await asyncio.to_thread(officer.authenticator.code)
    book.name(TOTP=code)
    await book.call(
        "For ten minutes, for this session.",
        "POST /sign-in/staff/step-up",
        who=officer.caller,
        body={"password": PASSWORD, "code": code},
    )
    await book.call(
        "Now what was looked at is written, once, in the background.",
        f"POST {path}/commit",
        who=officer.caller,
        body=body,
        expect=202,
    )
    await _until(book, officer, "committed")
    shows = "status progress done total committed_at"
    await book.call("Done.", f"GET {path}", who=officer.caller, shows=shows)


async def _until(book: Book, officer: Staff, status: str) -> None:
    end = time.monotonic() + 60
    found: dict[str, Any] = {}
    while found.get("status") != status and time.monotonic() < end:
        await book.place.pause()
        found = await said_nothing(book, f"GET /members/imports/{book.known['IMPORT']}", who=officer.caller)


async def _exception(book: Book, officer: Staff) -> None:
    book.say("## An exception, by two people")
    listed = await said_nothing(book, "GET /campaigns?status=open", who=officer.caller)
    campaign = next(one["id"] for one in listed["items"] if "当日领取" in one["title"])
    retired = await script(book, "member", "M0000010", token="RETIRED")
    book.name(CAMPAIGN=campaign, RETIRED_ID=(await said_nothing(book, "GET /me", who=retired))["id"])
    asked = await book.send(
        request := f"POST /campaigns/{campaign}/exceptions",
        who=officer.caller,
        body=(
            body := {
                "member_id": book.known["RETIRED_ID"],
                "rules": ["membership_status"],
                "reason_code": "hardship",
                "reason": "示例·困难退休职工",
            }
        ),
    )
    book.name(EXCEPTION=asked.json()["id"])
    said = "Liu Jianguo is retired, and is to have a box all the same. The officer asks."
    book.write(said, request, who=officer.caller, body=body, answer=asked)
    path = f"POST /exceptions/{asked.json()['id']}/approve"
    await book.call("Who asks does not approve.", path, who=officer.caller, expect=403)
    chair = await staff(book, "chair-xjk", token="CHAIR")
    await book.call("The chair, who signs in like the officer, does.", path, who=chair.caller)
    await book.call(
        "Liu Jianguo may order now, and reads why.",
        f"GET /me/eligibility?campaign_id={campaign}",
        who=retired,
        shows="eligible rules code passed detail exception reason_code",
    )


async def _export_and_erase(book: Book, officer: Staff) -> None:
    book.say("## Data that goes out, and data that goes")
    await book.call(
        "The list as a workbook: masked as well, marked with who took it, ten times an hour at most. It "
        "asks for the "
        "second proof too, which still counts.",
        "POST /members/exports",
        who=officer.caller,
        body={"reason": "correct_record"},
    )
    member = await script(book, "member", "M0000004", token="SHAN")
    answer = await book.send("POST /me/erasure", who=member)
    book.name(ERASURE=answer.json()["id"], SHAN_ID=answer.json()["member_id"])
    said = "Shan Ming asks to be forgotten; there is no open order."
    book.write(said, "POST /me/erasure", who=member, answer=answer)
    await book.call("The officer finds the request.", "GET /erasure-requests?status=open", who=officer.caller)
    await book.call(
        "It is carried out at once; the answer is the deletion receipt.",
        f"POST /erasure-requests/{book.known['ERASURE']}/carry-out",
        who=officer.caller,
        shows="id kind subject_id carried_out_at counts kept digest members orders codes consents "
        "corrections exceptions identities sessions",
    )
    await book.call("Every sign-in of Shan Ming has ended.", "GET /me", who=member, expect=401)


async def _accounts(book: Book) -> None:
    book.say("## An account, by two administrators")
    system = await staff(book, "sysadmin-xjk", token="SYSADMIN")
    security = await staff(book, "secadmin-xjk", token="SECADMIN")
    await system.step_up(book)
    await security.step_up(book)
    union = (await said_nothing(book, "GET /me", who=system.caller))["union"]["id"]
    book.name(UNION=union)
    body = {"login": ACCOUNT, "display_name": "示例·新核销员", "role": "station_clerk", "union_id": union}
    answer = await book.send("POST /staff", who=system.caller, body=body)
    book.name(STAFF=answer.json()["id"])
    said = "The system administrator drafts an account (all administrators have stepped up before)."
    book.write(said, "POST /staff", who=system.caller, body=body, answer=answer)
    path = f"/staff/{book.known['STAFF']}"
    await book.call("Who drafts does not approve.", f"POST {path}/approve", who=system.caller, expect=403)
    await book.call(
        "The security administrator does.",
        f"POST {path}/approve",
        who=security.caller,
        shows="id login role status drafted_by approved_by",
    )
    clerk = await staff(book, ACCOUNT, token="CLERK")
    await book.call(
        "The clerk was invited, chose a password and signed in.",
        "GET /me",
        who=clerk.caller,
        shows="role name union",
    )
    await book.call(
        "Accounts are disabled, never deleted: who did what stays told.",
        f"POST {path}/disable",
        who=system.caller,
        body={"reason": "示例·离岗"},
        shows="id login status disabled_at",
    )
    await book.call("The clerk's session is refused at once.", "GET /me", who=clerk.caller, expect=401)
    request, given = "POST /sign-in/staff", {"login": ACCOUNT, "password": clerk.password}
    book.name(CLERK_PASSWORD=clerk.password)
    nobody = Caller(clerk.caller.client)
    said = "The password opens nothing any more; an unknown login is answered the same."
    await book.call(said, request, who=nobody, body=given, expect=401)
