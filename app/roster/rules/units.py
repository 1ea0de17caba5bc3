"""Finding the unit that a cell names: exact once spaces, brackets and the usual endings are off."""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from uuid import UUID

_MOST_HINTS = 3
_NEAR = 0.5
_MOST_REMEMBERED = 2_000
_HINTED_LENGTH = 60


@dataclass(frozen=True, slots=True)
class Unit:
    """A grassroots union or a group of a street union."""

    id: UUID
    name: str
    parent_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Hints:
    """No unit has the name; these have one like it."""

    names: tuple[str, ...]
    is_ambiguous: bool = False


@dataclass(slots=True)
class UnitTree:
    """The units of a street union by their names."""

    units: dict[UUID, Unit]
    _by_key: dict[str, list[Unit]] = field(init=False)
    _asked: dict[tuple[str, str], UUID | Hints] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Index the names."""
        self._by_key = {}
        for unit in self.units.values():
            self._by_key.setdefault(unit_key(unit.name), []).append(unit)

    def find(self, name: str, group: str = "") -> UUID | Hints:
        """Return the unit with this name, or of its groups the one named; else names like it."""
        asked = (name, group)
        known = self._asked.get(asked)
        if known is None:
            known = self._find(name, group)
            if len(self._asked) < _MOST_REMEMBERED:
                self._asked[asked] = known
        return known

    def _find(self, name: str, group: str) -> UUID | Hints:
        if not name:
            return self._one(group, self._by_key.get(unit_key(group), []))
        above = self._one(name, self._by_key.get(unit_key(name), []))
        if isinstance(above, Hints) or not group:
            return above
        below = [unit for unit in self._by_key.get(unit_key(group), []) if unit.parent_id == above]
        is_itself = unit_key(group) == unit_key(self.units[above].name)
        return above if is_itself and not below else self._one(group, below)

    def _one(self, name: str, found: list[Unit]) -> UUID | Hints:
        exact = [unit for unit in found if unit.name == name.strip()] if len(found) > 1 else found
        if len(exact) == 1:
            return exact[0].id
        if found:
            return Hints(tuple(unit.name for unit in found[:_MOST_HINTS]), is_ambiguous=True)
        near = get_close_matches(unit_key(name)[:_HINTED_LENGTH], self._by_key, n=_MOST_HINTS, cutoff=_NEAR)
        return Hints(tuple(self._by_key[key][0].name for key in near))

    def find_group(self, group: str, *, unit_id: UUID) -> UUID | Hints:
        """Return the group with this name, or the unit itself, of one unit; else as `find`."""
        inside = self.below(unit_id)
        found = [unit for unit in self._by_key.get(unit_key(group), []) if unit.id in inside]
        return found[0].id if len(found) == 1 else self.find("", group)

    def below(self, unit_id: UUID) -> frozenset[UUID]:
        """Return a unit and the groups below it."""
        found = {unit_id}
        while more := {unit.id for unit in self.units.values() if unit.parent_id in found} - found:
            found |= more
        return frozenset(found)


def unit_tree(units: Iterable[Unit]) -> UnitTree:
    """Return the tree of these units."""
    return UnitTree({unit.id: unit for unit in units})


def unit_key(name: str) -> str:
    """Return what two spellings of a unit's name have in common.

    Forms, case, spaces and brackets fold; 甲工会委员会, 甲工会 and 甲 are one, 甲联合工会 is another.
    """
    folded = unicodedata.normalize("NFKC", name).casefold()
    bare = "".join(character for character in folded if character.isalnum())
    return bare.removesuffix("委员会").removesuffix("工会") or bare
