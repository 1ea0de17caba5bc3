"""The members of the demo: the personas of `demo.yaml`, and invented people up to three thousand."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

from app.demo.names import invent_name
from app.demo.source import Persona, Source
from app.unions.rules import MemberStatus

MEMBER_COUNT = 3_000
# Enough active members at Xinjiekou for 2,000 boxes and at Niujie for 380; Desheng has the rest.
STREET_COUNTS = {"xjk": 2_100, "nj": 440}

# Personas whose key the source leaves out.
_PINYIN_KEYS = {"王秀英": "wang xiu ying", "刘建国": "liu jian guo", "赵敏": "zhao min"}
_SEED = "people of the demo"
_FIRST_JOINED = datetime(2016, 1, 4, 1, tzinfo=UTC)
_JOINING_DAYS = 1_600  # until May 2020, before the campaigns of the article
_NOT_ACTIVE_EVERY = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A member: `street` and `unit` are ids of organisations in the source."""

    number: str
    name: str
    name_key: str
    street: str
    unit: str
    mobile: str | None
    id_last4: str | None
    status: MemberStatus
    is_senior_mode: bool
    joined_at: datetime


def make_people(source: Source, units: dict[str, list[str]]) -> list[Person]:
    """Return all members by number, the same ones each time; `units` are the units of each street union."""
    dice = Random(_SEED)  # noqa: S311 - the same people in every demo
    streets = {unit: street for street, held in units.items() for unit in held}
    people = [_persona(one, streets[one.org], dice=dice) for one in source.members]
    wanted = STREET_COUNTS | {"ds": MEMBER_COUNT - sum(STREET_COUNTS.values())}
    for person in people:
        wanted[person.street] -= 1
    places = [street for street, count in wanted.items() for _ in range(count)]
    dice.shuffle(places)
    return people + list(_invent_people(places, units, dice=dice))


def _persona(one: Persona, street: str, *, dice: Random) -> Person:
    return Person(
        number=one.no,
        name=one.name,
        name_key=one.pinyin_key or _PINYIN_KEYS[one.name],
        street=street,
        unit=one.org,
        mobile=one.mobile,
        id_last4=one.id_last4,
        status=one.status,
        is_senior_mode=one.senior_mode,
        joined_at=_joined_at(dice),
    )


def _invent_people(places: list[str], units: dict[str, list[str]], *, dice: Random) -> Iterator[Person]:
    for position, street in enumerate(places, start=MEMBER_COUNT - len(places) + 1):
        name, name_key = invent_name(dice)
        is_senior = dice.random() < 0.04
        has_mobile = dice.random() > (0.3 if is_senior else 0.02)
        yield Person(
            number=f"M{position:07d}",
            name=name,
            name_key=name_key,
            street=street,
            unit=dice.choice(units[street]),
            mobile=f"1380000{position:04d}" if has_mobile else None,
            id_last4=_last_four(dice) if dice.random() > 0.03 else None,
            status=_status(position),
            is_senior_mode=is_senior,
            joined_at=_joined_at(dice),
        )


def _status(position: int) -> MemberStatus:
    if position % _NOT_ACTIVE_EVERY:
        return MemberStatus.ACTIVE
    is_even = position // _NOT_ACTIVE_EVERY % 2 == 0
    return MemberStatus.RETAINED if is_even else MemberStatus.TRANSFERRED_OUT


def _last_four(dice: Random) -> str:
    """Return three digits and a check symbol; the fourteen digits before them do not exist."""
    return f"{dice.randrange(1_000):03d}{dice.choice('0123456789X')}"


def _joined_at(dice: Random) -> datetime:
    return _FIRST_JOINED + timedelta(days=dice.randrange(_JOINING_DAYS), minutes=dice.randrange(480))
