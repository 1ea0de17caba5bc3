"""The journey of a keeper: bought, received, moved, counted, disposed of; two people wherever boxes go."""

from datetime import timedelta
from typing import Any

from app.platform.clock import local_date, utc_now
from tests.journeys.book import Book, Caller
from tests.journeys.people import said_nothing, script, staff
from tests.journeys.place import Place

TITLE = "The journey of a keeper"
BATCH = "ZB-K-01"
_MADE = "id number status"


async def tell(place: Place) -> Book:
    """Carry the journey out on a fresh demo and return it."""
    book = Book(place, TITLE)
    book.say(
        "The keeper (保管员) of Xinjiekou signs in like any manager ([manager.md](manager.md)); `$KEEPER` is "
        "the token, `$OFFICER`, `$CHAIR` and `$CLERK` are those of the others. Boxes change places only when "
        "two people have to do with it, and each place is an account in a ledger that is only added to.",
    )
    keeper = (await staff(book, "keeper-xjk", token="KEEPER")).caller
    others = {
        name: await script(book, "staff", f"{name}-xjk", token=name.upper())
        for name in ("officer", "chair", "clerk")
    }
    for name, who in (others | {"keeper": keeper}).items():
        book.name(**{f"{name.upper()}_ID": (await said_nothing(book, "GET /me", who=who))["id"]})
    await _buy(book, others["officer"], chair=others["chair"])
    await _receive(book, keeper)
    await _move(book, keeper, officer=others["officer"])
    await _count(book, keeper, others)
    await _dispose(book, keeper, chair=others["chair"])
    await _watch(book, keeper)
    return book


async def _told(
    book: Book, said: str, request: str, *, who: Caller, body: Any, shows: str, **names: str
) -> Any:
    """Write a step down whose answer gives names to what later steps need: `NAME="key of the answer"`."""
    answer = await book.send(request, who=who, body=body)
    found = answer.json()
    assert answer.is_success, f"{request}: {answer.text}"
    for name, key in names.items():
        book.name(**{name: found[key]})
    book.write(said, request, who=who, body=body, answer=answer, shows=shows)
    return found


async def _buy(book: Book, officer: Caller, *, chair: Caller) -> None:
    book.say("## Bought")
    campaigns = await said_nothing(book, "GET /campaigns?status=open", who=officer)
    offer = next(one for one in campaigns["items"] if "当日领取" in one["title"])["offers"][0]
    book.name(POINT=offer["pickup_point"]["id"], BOX=offer["gift_box"]["id"])
    suppliers = await said_nothing(book, "GET /suppliers", who=officer)
    book.name(SUPPLIER=suppliers["items"][0]["id"])
    today = local_date(utc_now())
    line = {"gift_box_id": book.known["BOX"], "boxes": 200, "unit_price_fen": 8_800}
    body = {
        "channel": "direct", "purchased_on": today.isoformat(), "supplier_id": book.known["SUPPLIER"],
        "lines": [line],
    }  # fmt: skip
    bought = await _told(
        book, "The officer drafts a purchase: 200 boxes at 88.00 yuan, money in fen.", "POST /procurements",
        who=officer, body=body, shows="id number status total_fen lines boxes unit_price_fen amount_fen",
        PURCHASE="id",
    )  # fmt: skip
    book.name(LINE=bought["lines"][0]["id"])
    path = f"POST /procurements/{book.known['PURCHASE']}"
    await book.call("It is handed in,", f"{path}/submit", who=officer, shows="status")
    await book.call("and who drafts does not approve.", f"{path}/approve", who=officer, expect=403, shows="")
    said = "The chair does; from now on nothing of it changes."
    await book.call(said, f"{path}/approve", who=chair, shows="status drafted_by approved_by")


async def _receive(book: Book, keeper: Caller) -> None:
    book.say("## Received")
    path, today = f"/procurements/{book.known['PURCHASE']}/receipts", local_date(utc_now())
    line = {
        "purchase_line_id": book.known["LINE"], "batch": BATCH,
        "produced_on": (today - timedelta(days=20)).isoformat(),
        "best_before_on": (today + timedelta(days=90)).isoformat(),
        "expected": 200, "good": 190, "damaged": 6, "missing": 4,
    }  # fmt: skip
    body = {
        "pickup_point_id": book.known["POINT"], "received_on": today.isoformat(),
        "delivered_by": "示例·冀A00000 货车", "inspected_by": book.known["CLERK_ID"],
        "kept_by": book.known["KEEPER_ID"], "lines": [line],
    }  # fmt: skip
    wrong = body | {"inspected_by": book.known["KEEPER_ID"]}
    await book.call(
        "The truck brings 200 boxes, 6 of them crushed, and 4 are not there. Nobody inspects what they keep,",
        f"POST {path}", who=keeper, body=wrong, expect=403, shows="",
    )  # fmt: skip
    found = await _told(
        book, "so the clerk inspects, and the keeper keeps and records. Good boxes are on hand at once, "
        "damaged ones in quarantine, missing ones stay the supplier's.",
        f"POST {path}", who=keeper, body=body, RECEIPT="id",
        shows="id number lines batch expected good damaged missing",
    )  # fmt: skip
    book.name(LOT=found["lines"][0]["lot_id"])
    lot = f"/lots/{book.known['LOT']}"
    answer = await book.send(f"GET {lot}/origin", who=keeper)
    book.name(REFERENCE=answer.json()["reference"])
    said = "Each lot has an origin card; its address is in the QR picture of the label."
    book.write(said, f"GET {lot}/origin", who=keeper, answer=answer)
    await book.call("The label.", f"GET {lot}/label.svg", who=keeper)
    await book.call(
        "What anybody reads who scans it: where the boxes come from, nothing about the union's stock.",
        f"GET /origin/{book.known['REFERENCE']}", who=Caller(keeper.client),
        shows="gift_box lot_number origin names contents name recalled_on",
    )  # fmt: skip


async def _move(book: Book, keeper: Caller, *, officer: Caller) -> None:
    book.say("## Moved")
    point = {"name": "示例·社区临时领取点", "address": "示例地址"}
    made = await said_nothing(book, "POST /pickup-points", who=officer, body=point)
    book.name(STORE=made["id"])
    body: dict[str, Any] = {
        "from_point_id": book.known["POINT"], "to_point_id": book.known["STORE"], "reason": "示例·分站配货",
        "lines": [{"lot_id": book.known["LOT"], "boxes": 191}],
    }  # fmt: skip
    said = "More than there is cannot be sent, nor what members were promised there:"
    await book.call(said, "POST /stock/transfers", who=keeper, body=body, expect=409, shows="")
    body["lines"] = [{"lot_id": book.known["LOT"], "boxes": 50}]
    await _told(
        book, "Fifty go to a second pickup point.", "POST /stock/transfers", who=keeper, body=body,
        shows=f"{_MADE} lines boxes good", TRANSFER="id",
    )  # fmt: skip
    path = f"POST /stock/transfers/{book.known['TRANSFER']}/arrive"
    arrived = {"lines": [{"lot_id": book.known["LOT"], "good": 49, "damaged": 1}]}
    said = "They are in transit until somebody else takes them in."
    await book.call(said, path, who=keeper, body=arrived, expect=403, shows="")
    said = "The officer does: 49 good, one damaged on the way."
    shows = "number status lines boxes good damaged missing"
    await book.call(said, path, who=officer, body=arrived, shows=shows)


async def _count(book: Book, keeper: Caller, others: dict[str, Caller]) -> None:
    book.say("## Counted")
    body = {"pickup_point_id": book.known["STORE"], "note": "示例·月末盘点"}
    await _told(
        book, "The second point is counted: by two people, blind. The sheet says what, not how many.",
        "POST /stock/stocktakes", who=keeper, body=body, STOCKTAKE="id",
        shows="id number status round to_count lot_number gift_box findings",
    )  # fmt: skip
    path = f"/stock/stocktakes/{book.known['STOCKTAKE']}"

    def sheet(good: int) -> dict[str, Any]:
        return {"lines": [{"lot_id": book.known["LOT"], "good": good, "damaged": 1}]}

    shows = "status round findings counted_good book_good short over"
    said = "The keeper counts 48 good ones; nobody is told whether that is right."
    await book.call(said, f"POST {path}/counts", who=keeper, body=sheet(48), expect=201, shows=shows)
    said = "The clerk counts 49. The two differ, so a second round begins."
    clerk = others["clerk"]
    await book.call(said, f"POST {path}/counts", who=clerk, body=sheet(49), expect=201, shows=shows)
    said = "The clerk counts once more, and agrees now: one box is missing, and somebody has to decide."
    await book.call(said, f"POST {path}/counts", who=clerk, body=sheet(48), expect=201, shows=shows)
    approval = {"short": 1, "over": 0, "reason": "示例·已核对"}
    said = "Who counted does not decide."
    await book.call(said, f"POST {path}/approve", who=keeper, body=approval, expect=403, shows="")
    said = "The chair approves the difference as seen; it is posted as variance, no number is overwritten."
    shows = "status short over findings counted_good posted_good decided_by"
    await book.call(said, f"POST {path}/approve", who=others["chair"], body=approval, shows=shows)


async def _dispose(book: Book, keeper: Caller, *, chair: Caller) -> None:
    book.say("## Disposed of")
    line = {
        "lot_id": book.known["LOT"], "pickup_point_id": book.known["POINT"], "place": "quarantine",
        "boxes": 6,
    }  # fmt: skip
    body = {"kind": "return", "reason": "示例·运输破损", "party": "示例·供应商", "lines": [line]}
    await _told(
        book, "The six crushed boxes are to go back to the supplier (others are written off, donated, or "
        "released). Asking moves nothing.",
        "POST /stock/disposals", who=keeper, body=body, DISPOSAL="id",
        shows=f"{_MADE} kind lines boxes place",
    )  # fmt: skip
    path = f"POST /stock/disposals/{book.known['DISPOSAL']}/approve"
    said = "The keeper cannot approve it,"
    await book.call(said, path, who=keeper, body={}, expect=403, shows="")
    said, shows = "the chair can.", "number status requested_by decided_by decision_reason"
    await book.call(said, path, who=chair, body={"reason": "示例·同意"}, shows=shows)


async def _watch(book: Book, keeper: Caller) -> None:
    book.say("## Watched")
    await book.call(
        "What should somebody look at? Alerts are worked out when they are asked for: shortages of booked "
        "slots, recalled or expired boxes, here what goes off within 120 days at the second point.",
        f"GET /stock/alerts?days=120&pickup_point_id={book.known['STORE']}",
        who=keeper,
        shows="items code text gift_box name boxes lot_number best_before_on",
    )
    await book.call(
        "Where is the lot? Every box of the 200 is somewhere: `supplier` holds the missing ones.",
        f"GET /lots/{book.known['LOT']}",
        who=keeper,
    )
    said = "And is every balance what the movements add up to?"
    await book.call(said, "GET /stock/proof", who=keeper)
