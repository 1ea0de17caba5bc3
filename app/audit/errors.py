"""What reading the audit log can refuse."""

from app.platform.errors import DomainError


class NoHead(DomainError, code="audit.no_head", status=404):
    """The end of the log has not been signed yet."""
