"""What impact can refuse."""

from app.platform.errors import DomainError


class ProjectNotFound(DomainError, code="impact.not_found", status=404):
    """No such aid project, or not yours, or not public."""


class ResultNotFound(DomainError, code="impact.result_not_found", status=404):
    """The project has no such result."""


class NotSponsor(DomainError, code="impact.not_sponsor", status=403):
    """A union writes and publishes its own projects; whoever is above it only looks."""


class EvidenceMissing(DomainError, code="impact.evidence_missing", status=409):
    """A figure without evidence is an estimate, and cannot be called measured or reported."""


class UnitMismatch(DomainError, code="impact.unit_mismatch", status=422, shown=("units",)):
    """The measure is not stated in this unit; `units` are those it is stated in."""


class FigureInvalid(DomainError, code="impact.figure_invalid", status=422):
    """The numbers of a result contradict each other, or an outcome in words has numbers."""


class ProjectIncomplete(DomainError, code="impact.incomplete", status=409, shown=("missing",)):
    """The project cannot be published yet; `missing` says what it lacks."""


class ProjectPublished(DomainError, code="impact.already_published", status=409):
    """The project is published already."""


class OwnProject(DomainError, code="impact.own_draft", status=403):
    """Who drafted or last changed a project does not publish it."""


class CardNotFound(DomainError, code="impact.card_not_found", status=404):
    """No origin card has this reference."""
