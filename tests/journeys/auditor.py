"""The journey of an auditor: everything is to be read, little is to be seen, nothing is to be changed."""

import re

from tests.journeys.book import Book, Caller
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
    book.say("## Nothing is changed")
    for said, request, body in (
        ("No export,", "POST /members/exports", {"reason": "audit"}),
        ("no staff account,", "POST /staff", None),
        ("no device.", "POST /devices/pairings", None),
    ):
        await book.call(said, request, who=auditor, body=body, expect=403, shows="")
