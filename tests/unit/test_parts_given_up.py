"""An order of which a part is collected ends as collected, however it ends; only the rest is free again."""

from collections.abc import Callable
from copy import deepcopy

import pytest

from app.orders.rules.commands import CancelOrder, Command, ExpireOrder, ReleaseOrder
from app.orders.rules.desk import OrderState
from tests.factories.desk import NOW, OVER, Desk

END: dict[str, Callable[[OrderState], Command]] = {
    "cancelled": lambda order: CancelOrder(at=NOW, claim=None, order_id=order.id, member_id=order.member_id),
    "expired": lambda order: ExpireOrder(at=OVER, order_id=order.id),
    "released": lambda order: ReleaseOrder(at=NOW, order_id=order.id),
}


@pytest.mark.parametrize("way", END)
def test_the_rest_is_given_up_and_what_was_collected_stays(way: str) -> None:
    desk = Desk()
    offer, slot = desk.offer(quota=2, keeps_orders_of_leavers=way != "released"), desk.slot()
    order = desk.holding(offer, quantity=2, slot_id=slot.id)
    order.collected_count, order.collected_at = 1, NOW
    member = desk.state.members[order.member_id]
    desk.state.members[order.member_id] = type(member)(member.id, member.unit_id, "left")
    desk.do(desk.place(offer, join_waitlist=True))
    waiting = desk.state.placed[-1]
    assert desk.do(END[way](order)) == "collected"
    assert (order.quantity, order.collected_count, order.given_up_count) == (1, 1, 1)
    assert (order.slot_id, slot.booked_count, order.cancelled_at) == (slot.id, 1, None)
    assert (order.campaign_id, order.member_id) in desk.state.live
    assert desk.state.freed_offers == {offer.id}
    kinds = [event.kind for event in desk.state.events if event.order is order]
    assert kinds == ["order.placed", "order.rest_given_up"]
    # What has expired is not served again: its pickup days are over.
    assert waiting.status == ("waitlisted" if way == "expired" else "to_book")
    assert offer.promised_count == (1 if way == "expired" else 2)
    before = deepcopy(desk.state)
    desk.do(END[way](order))
    assert desk.state == before, "an end ends once"


def test_an_order_of_which_nothing_is_collected_ends_as_before() -> None:
    desk = Desk()
    order = desk.holding(desk.offer(), quantity=2)
    assert desk.do(END["cancelled"](order)) == "cancelled"
    assert (order.quantity, order.given_up_count) == (2, 0)
