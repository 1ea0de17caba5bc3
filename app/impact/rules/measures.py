"""What results count, in which units, how they are known, and the forms that a figure has."""

from collections.abc import Mapping
from enum import StrEnum


class ProjectKind(StrEnum):
    """What a union did: water and land, produce, work, knowledge, health, a visit, help to people."""

    INFRASTRUCTURE = "infrastructure"
    INDUSTRY = "industry"
    EMPLOYMENT = "employment"
    EXPERTISE = "expertise"
    HEALTH = "health"
    EXCHANGE_VISIT = "exchange_visit"
    OTHER = "other"


class ProjectStatus(StrEnum):
    """A project is drafted by one person, and public once another has published it."""

    DRAFT = "draft"
    PUBLISHED = "published"


class Basis(StrEnum):
    """How a figure is known: measured by somebody, reported in a document, or estimated."""

    MEASURED = "measured"
    REPORTED = "reported"
    ESTIMATED = "estimated"


class EvidenceKind(StrEnum):
    """What a figure is proven by."""

    ARTICLE = "article"
    REPORT = "report"
    AGREEMENT = "agreement"
    ACCEPTANCE = "acceptance"
    PHOTO = "photo"
    STATISTICS = "statistics"
    OTHER = "other"


class Role(StrEnum):
    """What a result says: what was put in, what came of it, or how things were before (no result of ours)."""

    INPUT = "input"
    OUTCOME = "outcome"
    BACKGROUND = "background"


class Form(StrEnum):
    """How a figure was stated: exactly, from-to, below, at least, or in words without a figure."""

    EXACT = "exact"
    RANGE = "range"
    BELOW = "below"
    AT_LEAST = "at_least"
    WORDS = "words"


class Measure(StrEnum):
    """What is counted."""

    MONEY = "money"
    WELLS = "wells"
    LAND_RESTORED = "land_restored"
    LAND_IRRIGATED = "land_irrigated"
    GREENHOUSES = "greenhouses"
    CROP_VARIETIES = "crop_varieties"
    EXPERTS = "experts"
    HOUSEHOLDS = "households"
    PEOPLE = "people"
    POOR_HOUSEHOLDS = "poor_households"
    POOR_PEOPLE = "poor_people"
    TEMPORARY_WORK = "temporary_work"
    DAILY_WAGE = "daily_wage"
    YEARLY_INCOME = "yearly_income"
    PARTICIPANTS = "participants"
    OUTCOME = "outcome"


UNITS: Mapping[Measure, frozenset[str]] = {
    Measure.MONEY: frozenset({"元"}),
    Measure.WELLS: frozenset({"口", "眼"}),
    Measure.LAND_RESTORED: frozenset({"亩"}),
    Measure.LAND_IRRIGATED: frozenset({"亩"}),
    Measure.GREENHOUSES: frozenset({"个", "座"}),
    Measure.CROP_VARIETIES: frozenset({"种"}),
    Measure.EXPERTS: frozenset({"位"}),
    Measure.HOUSEHOLDS: frozenset({"户"}),
    Measure.PEOPLE: frozenset({"人"}),
    Measure.POOR_HOUSEHOLDS: frozenset({"户"}),
    Measure.POOR_PEOPLE: frozenset({"人"}),
    Measure.TEMPORARY_WORK: frozenset({"人次"}),
    Measure.DAILY_WAGE: frozenset({"元/日"}),
    Measure.YEARLY_INCOME: frozenset({"元/年"}),
    Measure.PARTICIPANTS: frozenset({"人"}),
    Measure.OUTCOME: frozenset({""}),
}
"""The units each measure is stated in. 人次 (person-times) is a unit of its own: nothing turns it into 人."""

COUNTED_AS = {"眼": "口", "座": "个"}
"""Words for the same unit: wells are counted by 眼 or 口, greenhouses by 座 or 个."""

RATES = frozenset({Measure.DAILY_WAGE, Measure.YEARLY_INCOME})
"""So much for each day, household or head: a sum of them means nothing."""

MAY_REPEAT = frozenset({Measure.CROP_VARIETIES})
"""Kinds: two projects may grow the same ones, so their numbers do not add up."""


def form_of(value: int | None, minimum: int | None, *, maximum: int | None) -> Form:
    """Return the form of a figure; raises ValueError when the numbers contradict each other.

    A maximum alone is one that is not reached (不足…), a minimum alone one that is (上…, 以上).
    """
    if value is not None and (minimum is not None or maximum is not None):
        raise ValueError("either a value or a range")
    if minimum is not None and maximum is not None and minimum >= maximum:
        raise ValueError("a range goes up")
    if value is not None:
        return Form.EXACT
    if minimum is not None:
        return Form.AT_LEAST if maximum is None else Form.RANGE
    return Form.WORDS if maximum is None else Form.BELOW


def may_stand(basis: Basis, *, has_evidence: bool) -> bool:
    """Return whether a figure of this basis may be kept: without evidence it is an estimate, nothing more."""
    return has_evidence or basis is Basis.ESTIMATED
