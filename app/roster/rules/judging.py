"""Whether a row can be taken over, and as what; whatever is lost is named and never guessed."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from uuid import UUID

from app.roster.rules.cells import EMPTY, Cell, Mark
from app.roster.rules.headings import Field
from app.roster.rules.reading import ReadRow
from app.roster.rules.units import Hints, UnitTree
from app.unions.rules import ERASED_NUMBER, MemberStatus
from app.unions.rules.names import Fault, Unusable, folded_name, normalise_name
from app.unions.rules.numbers import normalise_mobile

_FORMULA = re.compile("[=+\\-@\uff1d\uff0b\uff0d\uff20]")
_NUMBER = re.compile(r"[0-9A-Za-z][0-9A-Za-z-]{0,39}")
_LANDLINE = re.compile(r"(?:0[0-9]{2,3})?[2-8][0-9]{6,7}")
_MOBILES = re.compile(r"1[3-9][0-9]{9}")
_WIDE_NUMBER, _USUAL_SHARE = 6, 0.8
_STATUSES: Mapping[str, MemberStatus] = MappingProxyType(
    dict.fromkeys(("在籍", "正常", "在会", "在册", "有效", "active"), MemberStatus.ACTIVE)
    | dict.fromkeys(("保留", "保留会籍", "会籍保留", "retained"), MemberStatus.RETAINED)
    | dict.fromkeys(
        ("转出", "会籍转出", "已转出", "转出会籍", "transferred_out"), MemberStatus.TRANSFERRED_OUT
    )
    | dict.fromkeys(("离会", "退会", "已离会", "已退会", "注销", "已注销", "left"), MemberStatus.LEFT)
)


class Reason(StrEnum):
    """Why a row is refused; texts are `message.roster_<reason>`."""

    NAME_MISSING = "name_missing"
    NAME_INVALID = "name_invalid"
    NAME_HIDDEN = "name_hidden"
    NAME_FORMULA = "name_formula"
    NAME_TOO_LONG = "name_too_long"
    NUMBER_MISSING = "number_missing"
    NUMBER_INVALID = "number_invalid"
    NUMBER_LOST_DIGITS = "number_lost_digits"
    NUMBER_SHORT = "number_short"
    NUMBER_REPEATED = "number_repeated"
    NUMBER_OF_ANOTHER = "number_of_another"
    NUMBER_DIFFERS = "number_differs"
    PERSON_REPEATED = "person_repeated"
    PERSON_AMBIGUOUS = "person_ambiguous"
    MOBILE_INVALID = "mobile_invalid"
    MOBILE_LOST_DIGITS = "mobile_lost_digits"
    MOBILE_TWO = "mobile_two"
    MOBILE_LANDLINE = "mobile_landline"
    IDENTITY_WRONG = "identity_wrong"
    IDENTITY_LOST_X = "identity_lost_x"
    IDENTITY_LOST_DIGITS = "identity_lost_digits"
    IDENTITY_OLD = "identity_old"
    LAST4_SHORT = "last4_short"
    CELL_IS_DATE = "cell_is_date"
    UNIT_MISSING = "unit_missing"
    UNIT_UNKNOWN = "unit_unknown"
    UNIT_AMBIGUOUS = "unit_ambiguous"
    UNIT_OUTSIDE = "unit_outside"
    STATUS_UNKNOWN = "status_unknown"
    MEMBER_ELSEWHERE = "member_elsewhere"


@dataclass(frozen=True, slots=True)
class Complaint:
    """A reason with what its text needs: row numbers and names of units, nothing of a person."""

    reason: Reason
    params: Mapping[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Person:
    """Whom a row means; None where the file says nothing."""

    row: int
    name: str
    number: str | None = None
    mobile: str | None = None
    last4: str | None = None
    unit_id: UUID | None = None
    status: MemberStatus | None = None
    names_group: bool = False

    @property
    def said(self) -> tuple[object, ...]:
        """Everything but the place in the file."""
        return self.name, self.number, self.mobile, self.last4, self.unit_id, self.status


@dataclass(slots=True)
class Named:
    """Whom refused rows may mean: they are in the file, so nobody of that number or name is missing."""

    numbers: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)

    def add(self, name: str, number: str | None) -> None:
        """Remember a row that was refused; either may be empty."""
        if number:
            self.numbers.add(number)
        if folded := folded_name(name):
            self.names.add(folded)


@dataclass(slots=True)
class Judged:
    """The people of a file, the rows that were refused, and how many rows only repeated another."""

    people: list[Person] = field(default_factory=list)
    refused: dict[int, list[Complaint]] = field(default_factory=dict)
    named: Named = field(default_factory=Named)
    repeated: int = 0


def judge(
    rows: Iterable[ReadRow], units: UnitTree, *, known: Mapping[str, str], unit_id: UUID | None = None
) -> Judged:
    """Return who is meant by the rows, which are gone through twice; `known` maps numbers to names.

    A number shorter than the others of its column, or of the roster, has probably lost zeros: it counts only
    where the roster has it under the same name. In the list of one unit, `unit_id`, groups are its own.
    """
    sent = usual_width(row.cells.get(Field.NUMBER, EMPTY).text for row in rows)
    judged, width = Judged(), max(sent, usual_width(known))
    for row in rows:
        complaints: list[Complaint] = []
        person = _person(row, units, complaints=complaints, unit_id=unit_id)
        if _has_lost_zeros(row, person, width=width, known=known):
            complaints.append(Complaint(Reason.NUMBER_SHORT, {"width": width}))
        if complaints:
            judged.refused[row.row] = complaints
            judged.named.add(row.cells.get(Field.NAME, EMPTY).text, person.number)
        else:
            judged.people.append(person)
    _set_repeated_apart(judged)
    return judged


def usual_width(numbers: Iterable[str]) -> int:
    """Return the length that most member numbers of digits have; 0 when there is none worth the name."""
    widths = Counter(len(number) for number in numbers if number.isdigit())
    if not widths:
        return 0
    width, count = widths.most_common(1)[0]
    return width if width >= _WIDE_NUMBER and count >= _USUAL_SHARE * widths.total() else 0


def _has_lost_zeros(row: ReadRow, person: Person, *, width: int, known: Mapping[str, str]) -> bool:
    if person.number is None or len(person.number) >= width:
        return False
    is_digits = row.cells[Field.NUMBER].mark is Mark.NUMBER
    return is_digits and folded_name(known.get(person.number, "")) != folded_name(person.name)


def _person(row: ReadRow, units: UnitTree, *, complaints: list[Complaint], unit_id: UUID | None) -> Person:
    cells = row.cells
    return Person(
        row=row.row,
        name=_name(cells.get(Field.NAME, EMPTY), complaints),
        number=_number(cells.get(Field.NUMBER, EMPTY), complaints),
        mobile=_mobile(cells.get(Field.MOBILE, EMPTY), complaints),
        last4=_last4(row, complaints),
        unit_id=_unit(cells, units, complaints=complaints, inside=unit_id),
        status=_status(cells.get(Field.STATUS, EMPTY), complaints),
        names_group=bool(cells.get(Field.GROUP, EMPTY).text),
    )


_NAME_FAULTS = MappingProxyType(
    {
        Fault.NAME_MISSING: Reason.NAME_MISSING,
        Fault.NAME_TOO_LONG: Reason.NAME_TOO_LONG,
        Fault.NAME_HIDDEN_CHARACTER: Reason.NAME_HIDDEN,
    }
)


def _name(cell: Cell, complaints: list[Complaint]) -> str:
    if _FORMULA.match(cell.text):
        complaints.append(Complaint(Reason.NAME_FORMULA))
    elif cell.mark is not Mark.PLAIN:
        complaints.append(Complaint(Reason.NAME_INVALID))
    else:
        try:
            return normalise_name(cell.text)
        except Unusable as error:
            complaints.append(Complaint(_NAME_FAULTS.get(error.fault, Reason.NAME_INVALID)))
    return ""


def _bare(text: str) -> str:
    """Return a code without what is typed around it: forms, spaces, the apostrophe before text."""
    return "".join(unicodedata.normalize("NFKC", text).split()).strip("'`\u2018\u2019")


def _number(cell: Cell, complaints: list[Complaint]) -> str | None:
    number = _bare(cell.text)
    if not number:
        return None
    if cell.mark is Mark.LOST:
        complaints.append(Complaint(Reason.NUMBER_LOST_DIGITS))
    elif cell.mark is Mark.DATE:
        complaints.append(Complaint(Reason.CELL_IS_DATE))
    elif not _NUMBER.fullmatch(number) or number.startswith(ERASED_NUMBER):
        complaints.append(Complaint(Reason.NUMBER_INVALID))
    return number


def _mobile(cell: Cell, complaints: list[Complaint]) -> str | None:
    text = _bare(cell.text)
    if not text:
        return None
    if cell.mark in {Mark.LOST, Mark.DATE}:
        reason = Reason.MOBILE_LOST_DIGITS if cell.mark is Mark.LOST else Reason.CELL_IS_DATE
        complaints.append(Complaint(reason))
        return None
    try:
        return normalise_mobile(text)
    except Unusable:
        digits = re.sub(r"[-()]", "", text)
        if len(_MOBILES.findall(digits)) > 1:
            reason = Reason.MOBILE_TWO
        else:
            reason = Reason.MOBILE_LANDLINE if _LANDLINE.fullmatch(digits) else Reason.MOBILE_INVALID
        complaints.append(Complaint(reason))
        return None


def _last4(row: ReadRow, complaints: list[Complaint]) -> str | None:
    mark = row.cells.get(Field.LAST4, EMPTY).mark
    if mark is Mark.LOST:
        complaints.append(Complaint(Reason.IDENTITY_LOST_DIGITS))
    elif mark is Mark.DATE:
        complaints.append(Complaint(Reason.CELL_IS_DATE))
    elif row.last4.startswith("!"):
        complaints.append(Complaint(Reason(row.last4[1:])))
    else:
        return row.last4 or None
    return None


def _unit(
    cells: Mapping[Field, Cell], units: UnitTree, *, complaints: list[Complaint], inside: UUID | None
) -> UUID | None:
    name, group = (cells.get(which, EMPTY).text for which in (Field.UNIT, Field.GROUP))
    if not name and not group:
        return None
    if inside is not None and not name:
        found = units.find_group(group, unit_id=inside)
    else:
        found = units.find(name, group)
    if not isinstance(found, Hints):
        return found
    reason = Reason.UNIT_AMBIGUOUS if found.is_ambiguous else Reason.UNIT_UNKNOWN
    complaints.append(Complaint(reason, {"names": "、".join(found.names) or "–"}))
    return None


def _status(cell: Cell, complaints: list[Complaint]) -> MemberStatus | None:
    text = _bare(cell.text).casefold()
    if not text:
        return None
    if text not in _STATUSES:
        complaints.append(Complaint(Reason.STATUS_UNKNOWN))
    return _STATUSES.get(text)


def _set_repeated_apart(judged: Judged) -> None:
    """Keep the first of rows that say the same, and refuse those that say something else of a person."""
    by_number: dict[str, Person] = {}
    by_person: dict[tuple[str, ...], Person] = {}
    kept = []
    for person in judged.people:
        key = person_key(person.name, person.mobile, last4=person.last4)
        first = by_number.get(person.number or "")
        reason = Reason.NUMBER_REPEATED
        if first is None and key is not None:
            first, reason = by_person.get(key), Reason.PERSON_REPEATED
        if first is None:
            kept.append(person)
            if person.number is not None:
                by_number[person.number] = person
            if key is not None:
                by_person[key] = person
        elif first.said == person.said:
            judged.repeated += 1
        else:
            judged.refused[person.row] = [Complaint(reason, {"row": first.row})]
    judged.people = kept


def person_key(name: str, mobile: str | None, *, last4: str | None) -> tuple[str, ...] | None:
    """Return what tells a person apart without a member number, or None when something of it is missing."""
    return None if mobile is None or last4 is None else (folded_name(name), mobile, last4)
