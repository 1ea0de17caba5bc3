"""The journey of an auditor: everything is to be read, little is to be seen, nothing is to be changed."""

import re
from typing import Any

from tests.journeys.book import Book, Caller, WentWrong
from tests.journeys.people import said_nothing, script, staff
from tests.journeys.place import Place

TITLE = "The journey of an auditor"
_ENTRY = "items occurred_at actor_id role action subject_kind subject_id reason details fields hash"


async def tell(place: Place) -> Book:
    """Carry the journey out, best after the others, and return it."""
    book = Book(place, TITLE)
    book.say(
        "The audit committee (经审) of Xinjiekou signs in like any manager ([manager.md](manager.md)); "
        "`$AUDITOR` is the "
        "token. The other journeys were carried out before.",
        "## People",
    )
    auditor = (await staff(book, "auditor-xjk", token="AUDITOR")).caller
    await book.call("Who am I?", "GET /me", who=auditor, shows="role union name")
    await book.call(
        "Members are masked for auditors as for everybody.",
        "GET /members?limit=1",
        who=auditor,
        shows="items number name_masked mobile_masked id_last4_masked status",
    )
    member = await script(book, "member", "M0000001", token="MEMBER")
    book.name(MEMBER_ID=(await said_nothing(book, "GET /me", who=member))["id"])
    look = f"POST /members/{book.known['MEMBER_ID']}/reveal"
    body = {"fields": ["name"]}
    shows = "errors pointer"
    await book.call("A look needs a reason,", look, who=auditor, body=body, expect=422, shows=shows)
    answer = await book.send(look, who=auditor, body=body | {"reason": "audit"})
    book.name(REVEAL=answer.json()["reveal_id"])
    book.write(
        "and with one it is a look as any other: limited, recorded, read by the member.",
        look,
        who=auditor,
        body=body | {"reason": "audit"},
        answer=answer,
    )
    await book.place.pause()
    await _read_the_log(book)
    await _read_the_rest(book)
    await _follow_the_boxes(book)
    await _read_the_papers(book)
    await _read_the_figures(book)
    await _change_nothing(book)
    return book


async def _read_the_log(book: Book) -> None:
    auditor = Caller(await book.place.caller(), "AUDITOR")
    book.say("## The audit log")
    await book.call(
        "Who looked at members' data? Filters are `action`, `actor_id`, `subject_id`, `union_id`, `from` "
        "and `until`; "
        "that the log was read is recorded too.",
        "GET /audit/entries?action=privacy.reveal&limit=2",
        who=auditor,
        shows=_ENTRY,
    )
    await book.call(
        "Filters go together. An entry has ids, codes and counts, no names.",
        f"GET /audit/entries?subject_id={book.known['MEMBER_ID']}&action=reveal_member&limit=1",
        who=auditor,
        shows="items action role reason subject_kind subject_id",
    )
    request = "GET /audit/head"
    book.write(
        "Where did the log end when it was last signed? The worker signs every hour (404 until the first "
        "time). Kept elsewhere, this shows what was cut off since.",
        request,
        who=auditor,
        answer=await book.send(request, who=auditor),
        shows="hash signed_at key_id public_key signature",
    )
    printed = await book.place.command("audit", "verify")
    book.note(
        "The operator checks every entry against its seal and the seals against the signed heads; the "
        "first bad row "
        "would be named, and the exit code 1.",
        asked="$ grainline audit verify",
        answered=re.sub(r"\d+", "<n>", printed.strip()),
    )
    await book.call("The log has no call that changes it.", "DELETE /audit/entries", who=auditor, expect=405)


async def _read_the_rest(book: Book) -> None:
    auditor = Caller(await book.place.caller(), "AUDITOR")
    book.say("## What people decided")
    await book.call(
        "Hand-overs that contradict each other (here the second event of [device.md](device.md)'s batch).",
        "GET /redemptions/conflicts?status=open",
        who=auditor,
        shows="items reason status first second device_id scanned_at",
    )
    await book.call(
        "Exceptions, with reasons and both people.",
        "GET /exceptions",
        who=auditor,
        shows="items member number name_masked rules reason_code reason status requested_by decided_by",
    )
    await book.call(
        "What was erased, and how much of it.",
        "GET /deletion-receipts",
        who=auditor,
        shows="items kind subject_id carried_out_at counts members sessions digest kept",
    )
    await book.call(
        "Staff accounts, with who drafted and who approved them.",
        "GET /staff?limit=1",
        who=auditor,
        shows="items login role status drafted_by approved_by",
    )


async def _follow_the_boxes(book: Book) -> None:
    auditor = Caller(await book.place.caller(), "AUDITOR")
    officer = await script(book, "staff", "officer-xjk", token="OFFICER")
    book.say("## Where is each box?")
    said = "Every movement is added up and held against the balances; an altered row would be named."
    await book.call(said, "GET /stock/proof", who=auditor)
    request = "GET /stock/movements?kind=handed_over&limit=1"
    answer = await book.send(request, who=auditor)
    book.name(LOT=answer.json()["items"][0]["lot_id"])
    said = "Movements, newest first: a row has both sides, and names the scan that it was made for."
    shows = "items boxes kind from_kind to_kind lot_id event_id posted_at"
    book.write(said, request, who=auditor, answer=answer, shows=shows)
    shows = "number recalled_at figures consigned received handed_over returned damaged on_hand adds_up"
    await book.call("What became of that lot?", f"GET /lots/{book.known['LOT']}", who=auditor, shows=shows)
    request = f"GET /lots/{book.known['LOT']}/recipients?limit=1"
    said = "Who received from it is for those who may recall it,"
    await book.call(said, request, who=auditor, expect=403, shows="")
    said = (
        "as the officer may (`$OFFICER`); masked, names in full only with a reason that the member can read."
    )
    shows = "totals holds gave_back possible orders boxes items state name mobile_masked order_number"
    await book.call(said, request, who=officer, shows=shows)
    book.say("## Does a campaign add up?")
    listed = await said_nothing(book, "GET /campaigns?status=closed", who=auditor)
    book.name(ENDED=next(one["id"] for one in listed["items"] if one["title"] == "助力脱贫"))
    path = f"/campaigns/{book.known['ENDED']}/closing"
    await book.call(
        "Each lot and each unit by its identity, and how many things stand in the way. Nothing is sealed "
        "here: `status` is null.",
        f"GET {path}",
        who=auditor,
        shows="status orders hand_overs boxes lots number received handed_over on_hand adds_up blockers "
        "code count",
    )
    await book.call(
        "What they are, one by one: rows that contradict each other first, with the member's name, then "
        "what somebody has to do.",
        f"GET {path}/blockers?limit=1",
        who=auditor,
        shows="items code title detail subject kind member_name_masked",
    )
    await book.call("Preparing is the officer's, sealing the chair's.", f"POST {path}/seal", who=auditor,
                    expect=403, shows="")  # fmt: skip


async def _read_the_papers(book: Book) -> None:
    account = await staff(book, "auditor-xjk", token="AUDITOR")
    auditor, officer = account.caller, Caller(await book.place.caller(), "OFFICER")
    book.say("## Papers")
    receipts = await said_nothing(book, "GET /receipts?limit=1", who=officer)
    book.name(RECEIPT=receipts["items"][0]["id"])
    body = {
        "kind": "goods_receipt", "edition": "full", "subject_id": book.known["RECEIPT"], "reason": "audit",
        "is_final": True,
    }  # fmt: skip
    answer = await book.send("POST /documents", who=officer, body=body)
    book.name(DOCUMENT=answer.json()["id"], NUMBER=answer.json()["number"])
    said = "The officer asks for a 入库单. What is final has its number at once, and no number is left out."
    book.write(said, "POST /documents", who=officer, body=body, answer=answer)
    path = f"/documents/{book.known['DOCUMENT']}"
    found = await _until_ready(book, path, who=auditor)
    book.name(HASH=found["content_hash"])
    answer = await book.send(f"GET {path}", who=auditor)
    said = "The worker has made it, in XLSX and PDF."
    shows = "kind edition number status is_final content_hash row_count amount_fen files format"
    book.write(said, f"GET {path}", who=auditor, answer=answer, shows=shows)
    said = "A full edition may name people: it asks for the second proof once more,"
    await book.call(said, f"GET {path}/files/pdf", who=auditor, expect=403, shows="")
    await account.step_up(book)
    said = "then for a reason, which is recorded;"
    await book.call(said, f"GET {path}/files/pdf", who=auditor, expect=422, shows="")
    await book.call("and then it is a file.", f"GET {path}/files/pdf?reason=audit", who=auditor)
    nobody = Caller(auditor.client)
    request = f"GET /verify?number={book.known['NUMBER']}&hash={book.known['HASH']}"
    shows = "status number kind union row_count amount_fen"
    await book.call(
        "Anybody who holds the paper can ask whether it is genuine,", request, who=nobody, shows=shows
    )
    wrong = "0" * 64
    request = f"GET /verify?number={book.known['NUMBER']}&hash={wrong}"
    await book.call("and is told nothing of one that was altered.", request, who=nobody, shows="status")


async def _until_ready(book: Book, path: str, *, who: Caller) -> Any:
    for _ in range(60):
        await book.place.pause()
        found = await said_nothing(book, f"GET {path}", who=who)
        if found["status"] in {"ready", "failed"}:
            return found
    raise WentWrong("the worker did not make the paper")


async def _read_the_figures(book: Book) -> None:
    auditor = Caller(await book.place.caller(), "AUDITOR")
    book.say("## Figures")
    await book.call(
        "What was bought in 2020, by region; what is only told of is counted, and no money.",
        "GET /figures/spending?by=region&year=2020",
        who=auditor,
        shows="items label amount_fen boxes is_lower_bound unpriced lines_count words total",
    )
    await book.call(
        "The share from partner regions, with both its sides, against the target of the year.",
        "GET /figures/aided-share?year=2020",
        who=auditor,
    )


async def _change_nothing(book: Book) -> None:
    auditor = Caller(await book.place.caller(), "AUDITOR")
    book.say("## Nothing is changed")
    for said, request, body in (
        ("No export,", "POST /members/exports", {"reason": "audit"}),
        ("no staff account,", "POST /staff", None),
        ("no device,", "POST /devices/pairings", None),
        ("no purchase,", "POST /procurements", None),
        ("no box.", "POST /stock/disposals", None),
    ):
        await book.call(said, request, who=auditor, body=body, expect=403, shows="")
