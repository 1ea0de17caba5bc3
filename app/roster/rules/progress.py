"""The way of an import: received → reading → compared → committing → committed; or failed, or abandoned."""

from datetime import timedelta
from enum import StrEnum

KEPT_FOR = timedelta(days=7)
"""How long rows of an ended import stay, and how long a comparison waits for its commit."""

LEASE = timedelta(seconds=120)
"""A worker that has not been heard of for so long has died; another one takes the import up."""

MOST_ATTEMPTS = 3


class ImportStatus(StrEnum):
    """Where an import is."""

    RECEIVED = "received"
    READING = "reading"
    COMPARED = "compared"
    COMMITTING = "committing"
    COMMITTED = "committed"
    FAILED = "failed"
    ABANDONED = "abandoned"


UNDER_WAY = frozenset({ImportStatus.RECEIVED, ImportStatus.READING, ImportStatus.COMMITTING})
ENDED = frozenset({ImportStatus.COMMITTED, ImportStatus.FAILED, ImportStatus.ABANDONED})
