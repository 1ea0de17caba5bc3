"""The partition of members is exact, whatever they ordered: everybody once, in one unit, with one outcome."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from app.closing.rules.partition import OrderFacts, Outcome, Shade, count_members, figures_by_unit, total_of
from app.orders.rules.states import NEVER_SERVED, OrderStatus

MEMBERS = [UUID(int=number) for number in range(1, 13)]
UNITS = [UUID(int=number) for number in range(101, 104)]


@st.composite
def orders(draw: st.DrawFn) -> list[OrderFacts]:
    found = []
    for place in range(draw(st.integers(0, 30))):
        status = draw(st.sampled_from(sorted(OrderStatus)))
        quantity = draw(st.integers(1, 3))
        part = draw(st.integers(0, quantity))
        found.append(
            OrderFacts(
                id=UUID(int=1_000 + place),
                number=f"T{place}",
                member_id=draw(st.sampled_from(MEMBERS)),
                unit_id=draw(st.sampled_from(UNITS)),
                offer_id=UUID(int=9),
                slot_id=None,
                status=status,
                quantity=quantity,
                collected_count=quantity if status == "collected" else part,
                given_up_count=draw(st.integers(0, 2)),
                cancel_reason=draw(st.sampled_from([None, NEVER_SERVED, "member"])),
                is_by_proxy=draw(st.booleans()),
            )
        )
    return found


@given(orders(), st.dictionaries(st.sampled_from(MEMBERS), st.sampled_from(UNITS)))
def test_everybody_is_counted_once(placed: list[OrderFacts], eligible: dict[UUID, UUID]) -> None:
    counted = count_members(eligible, placed)
    everybody = eligible.keys() | {order.member_id for order in placed}
    assert sorted(one.member_id for one in counted) == sorted(everybody)
    figures = figures_by_unit(eligible, counted)
    assert all(one.adds_up for one in figures.values())
    total = total_of(figures.values())
    assert total.eligible == len(everybody) == sum(total.outcomes.values())
    assert total.boxes == sum(order.collected_count for order in placed)
    not_collected = (Shade.NEVER_ORDERED, Shade.UNSELECTED, Shade.NEVER_SERVED)
    assert total.outcomes[Outcome.NOT_COLLECTED] == sum(total.shades[shade] for shade in not_collected)
