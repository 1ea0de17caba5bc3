"""The journey of a member: from the notices to the last session that ends."""

from typing import Any

from tests.journeys.book import Book, Caller
from tests.journeys.people import said_nothing, script, staff, text_of
from tests.journeys.place import Place

TITLE = "The journey of a member"
NUMBER, MOBILE, NOBODYS = "M0000001", "13800000001", "13999999999"
RETIRED_MOBILE = "13800000010"


async def tell(place: Place) -> Book:
    """Carry the journey out on a fresh demo and return it."""
    book = Book(place, TITLE)
    nobody = Caller(await place.caller())
    book.say(
        "Zhang Wei is an invented member of the demo. What she needs is her mobile number, and nothing to "
        "remember.",
        "## Before signing in",
    )
    await book.call("Which ways to sign in are there?", "GET /sign-in/methods", who=nobody)
    await book.call(
        "What is my data used for? Anybody may read that first; the texts are shortened here.",
        "GET /privacy/notices",
        who=nobody,
        shows="items purpose version is_optional title",
    )
    await _sign_in(book, nobody)
    me = Caller(nobody.client, "MEMBER")
    campaign = await _order(book, me)
    await _ask_why_not(book, campaign)
    await _own_data(book, me)
    await _sessions(book, me)
    return book


async def _sign_in(book: Book, nobody: Caller) -> None:
    book.say("## Signing in with a code by text message")
    begun = await book.send("POST /sign-in/code", who=nobody, body={"mobile": NOBODYS})
    book.name(OTHER_CHALLENGE=begun.json()["challenge_id"])
    asked = await book.send("POST /sign-in/code", who=nobody, body={"mobile": MOBILE})
    challenge = asked.json()["challenge_id"]
    book.name(CHALLENGE=challenge)
    for said, mobile, answer in (
        ("She asks for a code.", MOBILE, asked),
        ("A number that is nobody's is answered the same, and no text is sent.", NOBODYS, begun),
    ):
        book.write(said, "POST /sign-in/code", who=nobody, body={"mobile": mobile}, answer=answer)
    text, code = await text_of(book.place, challenge)
    book.name(CODE=code)
    book.say(
        "The text message (the demo prints it where `make run` runs; with `GRAINLINE_TEXT_SENDER=file` it "
        "lies in "
        "`.grainline/texts.jsonl`):",
        "> " + text.replace(code, "$CODE"),
    )
    wrong = "000000" if code != "000000" else "111111"
    body = {"challenge_id": challenge, "code": wrong, "transport": "bearer"}
    await book.call(
        "A wrong code is refused; after five of them, or five minutes, the right one is refused as well.",
        "POST /sign-in/code/verify",
        who=nobody,
        body=body,
        expect=401,
    )
    opened = await book.send("POST /sign-in/code/verify", who=nobody, body=body | {"code": code})
    book.name(MEMBER=opened.json()["session"]["token"])
    book.write(
        "The right one opens a session. `bearer` puts the token into the answer, this once; `cookie` is "
        "for browsers "
        "and puts it where scripts cannot read it. Where several members share a number, `choices` are to "
        "choose "
        "from with `POST /sign-in/code/choose`.",
        "POST /sign-in/code/verify",
        who=nobody,
        body=body | {"code": code},
        answer=opened,
    )
    await book.call(
        "Who am I? Only the member reads the whole name; the number is masked even here.",
        "GET /me",
        who=Caller(nobody.client, "MEMBER"),
    )


async def _order(book: Book, me: Caller) -> dict[str, Any]:
    book.say("## May I order, and why?")
    listed = await said_nothing(book, "GET /campaigns?status=open", who=me)
    campaign: dict[str, Any] = next(one for one in listed["items"] if "当日领取" in one["title"])
    book.name(CAMPAIGN=campaign["id"], OFFER=campaign["offers"][0]["id"])
    await book.call(
        "Which campaigns are open?",
        "GET /campaigns?status=open&limit=1",
        who=me,
        shows="items id title offers quota gift_box name",
    )
    await book.call(
        "Each rule of a campaign answers for itself, in words.",
        f"GET /me/eligibility?campaign_id={campaign['id']}",
        who=me,
    )
    await book.call(
        "She orders one box. What follows (slot, code, collecting) is in [api.md](../api.md).",
        "POST /orders",
        who=me,
        body={"offer_id": campaign["offers"][0]["id"]},
        expect=201,
        shows="id number status quantity slot",
    )
    return campaign


async def _ask_why_not(book: Book, campaign: dict[str, Any]) -> None:
    nobody = Caller(await book.place.caller())
    begun = await said_nothing(book, "POST /sign-in/code", who=nobody, body={"mobile": RETIRED_MOBILE})
    _, code = await text_of(book.place, begun["challenge_id"])
    body = {"challenge_id": begun["challenge_id"], "code": code, "transport": "bearer"}
    opened = await said_nothing(book, "POST /sign-in/code/verify", who=nobody, body=body)
    book.name(RETIRED=opened["session"]["token"])
    retired = Caller(nobody.client, "RETIRED")
    await book.call(
        "Liu Jianguo is retired. He signed in the same way, and reads what is against it, what he can do "
        "and whom "
        "to ask.",
        f"GET /me/eligibility?campaign_id={campaign['id']}",
        who=retired,
    )
    await book.call(
        "Ordering all the same is refused by the same rules.",
        "POST /orders",
        who=retired,
        body={"offer_id": campaign["offers"][0]["id"]},
        expect=403,
        shows="rules code passed",
    )


async def _own_data(book: Book, me: Caller) -> None:
    book.say("## My data")
    await book.call(
        "She agrees to reminders, to the text of version 1. `DELETE` on the same path takes it back as "
        "easily.",
        "PUT /me/consents/reminders",
        who=me,
        body={"version": 1},
        shows="items purpose state version is_optional",
    )
    officer = await staff(book, "officer-xjk", token="OFFICER")
    found = await said_nothing(book, "GET /me", who=me)
    look = {"fields": ["mobile"], "reason": "contact_member", "note": "示例·电话告知领取时间"}
    await said_nothing(book, f"POST /members/{found['id']}/reveal", who=officer.caller, body=look)
    await book.call(
        "Meanwhile the union's officer has looked at her number, to telephone. She sees who, when and why.",
        "GET /me/looks",
        who=me,
    )
    await book.call(
        "Everything that is held about her is hers to take along (the greater part is left out here).",
        "GET /me/data",
        who=me,
        shows="made_at member name number mobile status consents purpose sign_ins kind looks reason",
    )
    await book.call(
        "Something in her record is wrong: the administrator of her unit decides by the day shown.",
        "POST /me/corrections",
        who=me,
        body={"field": "mobile", "message": "示例·换了手机号", "wished": "13999999998"},
        expect=201,
    )
    await book.call(
        "To be forgotten: refused while an order is open. Carried out in [manager.md](manager.md).",
        "POST /me/erasure",
        who=me,
        expect=409,
    )


async def _sessions(book: Book, me: Caller) -> None:
    book.say("## My sessions")
    other = await script(book, "member", NUMBER, token="OTHER")
    found = await book.call(
        "Where am I signed in? The other session comes from `grainline token member M0000001`, which the "
        "operator of "
        "a demo may run.",
        "GET /sessions",
        who=me,
        shows="items id label kind created_at expires_at is_current",
    )
    one = next(item for item in found["items"] if not item["is_current"])
    book.name(OTHER_SESSION=one["id"])
    await book.call("She ends the other one.", f"DELETE /sessions/{one['id']}", who=me, expect=204)
    await book.call("Its token is refused at once, by every worker.", "GET /me", who=other, expect=401)
    await book.call("She signs out.", "POST /sign-out", who=me, expect=204)
    await book.call("Her own token is refused from now on.", "GET /me", who=me, expect=401)
