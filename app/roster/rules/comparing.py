"""What would change: the people of a file against the roster. Nobody who holds an order vanishes."""

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from enum import StrEnum
from uuid import UUID

from app.roster.rules.judging import Complaint, Judged, Named, Person, Reason, person_key
from app.unions.rules import MemberStatus
from app.unions.rules.names import folded_name

PRESENT = frozenset({MemberStatus.ACTIVE, MemberStatus.RETAINED})
_BRAKE_SHARE = 0.2


class Mode(StrEnum):
    """Whether who is missing from the file has gone: no (partial), or yes (full)."""

    PARTIAL = "partial"
    FULL = "full"


class Kind(StrEnum):
    """What an import does with a member, or with a row."""

    ADDED = "added"
    CHANGED = "changed"
    MOVED = "moved"
    REMOVED = "removed"
    PROTECTED = "protected"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Known:
    """A member of the roster, open."""

    id: UUID
    number: str
    name: str
    mobile: str | None
    last4: str | None
    unit_id: UUID
    status: MemberStatus


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a member would be after the import."""

    number: str
    name: str
    mobile: str | None
    last4: str | None
    unit_id: UUID
    status: MemberStatus


@dataclass(frozen=True, slots=True)
class Change:
    """One line of the comparison; `row` is None for members who are missing from the file."""

    kind: Kind
    row: int | None
    old: Known | None = None
    new: Wanted | None = None
    complaints: tuple[Complaint, ...] = ()


@dataclass(frozen=True, slots=True)
class Terms:
    """What an import may touch.

    `unit_ids` are the units that the file is about (None: all), `own_unit_ids` those that the caller looks
    after (None: all), `default_unit_id` is that of rows without one; `parents` maps groups to their units.
    """

    mode: Mode = Mode.PARTIAL
    unit_ids: frozenset[UUID] | None = None
    own_unit_ids: frozenset[UUID] | None = None
    default_unit_id: UUID | None = None
    parents: Mapping[UUID, UUID | None] = field(default_factory=dict)


@dataclass(slots=True)
class Comparison:
    """Every change, how many rows or members change nothing, and how many members the file is about."""

    changes: list[Change] = field(default_factory=list)
    unchanged: int = 0
    repeated: int = 0
    members: int = 0

    @property
    def counts(self) -> dict[str, int]:
        """How many of each kind."""
        found = Counter(change.kind for change in self.changes)
        counts = {kind.value: found[kind] for kind in Kind}
        return counts | {"unchanged": self.unchanged, "repeated": self.repeated, "members": self.members}


def compare(judged: Judged, roster: Sequence[Known], *, terms: Terms, holding: Set[UUID]) -> Comparison:
    """Return what the people of a file would change in the roster.

    `holding` are the members with an order to be collected: they may change unit, but stay members.
    """
    comparison = Comparison(repeated=judged.repeated)
    met: set[UUID] = set()
    finder = _Finder(roster)
    for person in judged.people:
        change = _change(person, finder, terms=terms)
        if change.old is not None and change.kind is not Kind.REFUSED and change.old.id in met:
            change = _refuse(person, Reason.PERSON_AMBIGUOUS)
        if change.old is not None:
            met.add(change.old.id)
        if change.kind is Kind.REFUSED:
            judged.named.add(person.name, person.number)
        if change.kind is Kind.CHANGED and change.old is not None and change.new == wanted_of(change.old):
            comparison.unchanged += 1
        else:
            comparison.changes.append(_protect(change, holding))
    comparison.changes += [
        Change(Kind.REFUSED, row, complaints=tuple(complaints)) for row, complaints in judged.refused.items()
    ]
    covered = [known for known in roster if _is_about(terms, known) and known.status in PRESENT]
    comparison.members = len(covered)
    if terms.mode is Mode.FULL:
        missing = [known for known in covered if known.id not in met and not _is_named(known, judged.named)]
        comparison.changes += [_gone(known, holding) for known in missing]
    comparison.changes.sort(key=_place)
    return comparison


def _place(change: Change) -> tuple[bool, int, str]:
    return change.row is None, change.row or 0, str(change.old.id) if change.old else ""


def wanted_of(known: Known) -> Wanted:
    """Return a member as they are."""
    return Wanted(known.number, known.name, known.mobile, known.last4, known.unit_id, known.status)


def needs_confirmation(removed: int, members: int) -> bool:
    """Tell whether so many removals must be confirmed by their number: more than a fifth of the members."""
    return removed > _BRAKE_SHARE * members


def _is_about(terms: Terms, known: Known) -> bool:
    return terms.unit_ids is None or known.unit_id in terms.unit_ids


def _is_named(known: Known, named: Named) -> bool:
    return known.number in named.numbers or folded_name(known.name) in named.names


def _gone(known: Known, holding: Set[UUID]) -> Change:
    gone = replace(wanted_of(known), status=MemberStatus.LEFT)
    return _protect(Change(Kind.REMOVED, None, old=known, new=gone), holding)


def _protect(change: Change, holding: Set[UUID]) -> Change:
    is_held = change.old is not None and change.old.id in holding
    return replace(change, kind=Kind.PROTECTED) if change.kind is Kind.REMOVED and is_held else change


class _Finder:
    """Finds whom a row means: by number, else by name, mobile and last four; never by name alone."""

    def __init__(self, roster: Sequence[Known]) -> None:
        self._by_number = {known.number: known for known in roster}
        self._by_person: dict[tuple[str, ...], list[Known]] = {}
        # What is left of a number when a spreadsheet has taken its zeros, with the name.
        self._short = {
            (known.number.lstrip("0"), folded_name(known.name))
            for known in roster
            if known.status in PRESENT and known.number.startswith("0")
        }
        for known in roster:
            if key := person_key(known.name, known.mobile, last4=known.last4):
                self._by_person.setdefault(key, []).append(known)

    def find(self, person: Person) -> Known | Reason | None:
        if person.number is not None:
            known = self._by_number.get(person.number)
            if known is None and self._is_there_already(person):
                return Reason.NUMBER_DIFFERS
            return Reason.NUMBER_OF_ANOTHER if known is not None and _is_another(person, known) else known
        key = person_key(person.name, person.mobile, last4=person.last4)
        found = self._by_person.get(key, []) if key is not None else []
        if len(found) > 1:
            return Reason.PERSON_AMBIGUOUS
        return found[0] if found else Reason.NUMBER_MISSING

    def _is_there_already(self, person: Person) -> bool:
        """Tell whether somebody whose number nobody has is a member of the roster: one person, one claim."""
        key = person_key(person.name, person.mobile, last4=person.last4)
        same = self._by_person.get(key, []) if key is not None else []
        return (person.number, folded_name(person.name)) in self._short or any(
            known.status in PRESENT for known in same
        )


def _is_another(person: Person, known: Known) -> bool:
    """Tell whether a number is somebody else's: another name, and nothing that says it is the same person."""
    if folded_name(person.name) == folded_name(known.name):
        return False
    pairs = ((person.mobile, known.mobile), (person.last4, known.last4))
    both = [(said, has) for said, has in pairs if said is not None and has is not None]
    return bool(both) and all(said != has for said, has in both)


def _refuse(person: Person, reason: Reason, **params: str | int) -> Change:
    return Change(Kind.REFUSED, person.row, complaints=(Complaint(reason, params),))


def _change(person: Person, finder: _Finder, *, terms: Terms) -> Change:
    known = finder.find(person)
    if isinstance(known, Reason):
        return _refuse(person, known)
    if known is None:
        return _added(person, terms)
    if terms.own_unit_ids is not None and known.unit_id not in terms.own_unit_ids:
        return _refuse(person, Reason.MEMBER_ELSEWHERE)
    new = Wanted(
        number=known.number,
        name=person.name,
        mobile=person.mobile or known.mobile,
        last4=person.last4 or known.last4,
        unit_id=_unit_of(person, known, terms=terms),
        status=person.status or (known.status if known.status in PRESENT else MemberStatus.ACTIVE),
    )
    if terms.unit_ids is not None and new.unit_id not in terms.unit_ids:
        # Refused, but met: the file names them, so they are not missing from it.
        return replace(_refuse(person, Reason.UNIT_OUTSIDE), old=known)
    return Change(_kind(known, new), person.row, old=known, new=new)


def _unit_of(person: Person, known: Known, *, terms: Terms) -> UUID:
    """Who is in a group of the unit that the row names stays there, unless the row says a group."""
    if person.unit_id is None:
        return _unit_without_word(known, terms)
    is_below = not person.names_group and terms.parents.get(known.unit_id) == person.unit_id
    return known.unit_id if is_below else person.unit_id


def _unit_without_word(known: Known, terms: Terms) -> UUID:
    """Who is in the list of a unit that names no units belongs to it, or to the group they were in."""
    is_inside = terms.unit_ids is None or known.unit_id in terms.unit_ids
    return known.unit_id if is_inside else terms.default_unit_id or known.unit_id


def _kind(known: Known, new: Wanted) -> Kind:
    if known.status in PRESENT and new.status not in PRESENT:
        return Kind.REMOVED
    return Kind.MOVED if new.unit_id != known.unit_id else Kind.CHANGED


def _added(person: Person, terms: Terms) -> Change:
    unit_id = person.unit_id or terms.default_unit_id
    if unit_id is None:
        return _refuse(person, Reason.UNIT_MISSING)
    if terms.unit_ids is not None and unit_id not in terms.unit_ids:
        return _refuse(person, Reason.UNIT_OUTSIDE)
    assert person.number is not None  # noqa: S101 - the finder refuses rows without one that it does not know
    new = Wanted(
        person.number, person.name, person.mobile, person.last4, unit_id, person.status or MemberStatus.ACTIVE
    )
    return Change(Kind.ADDED, person.row, new=new)
