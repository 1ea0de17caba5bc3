"""Logs: one JSON line for each event, made of keys from an allow-list; no bodies, no query strings."""

import logging

import structlog
from structlog.typing import EventDict, WrappedLogger

_ALLOWED = frozenset(
    {
        "event", "level", "timestamp", "error", "exception", "size", "count", "kind", "name", "request_id",
        "revision", "port", "seconds", "topic", "exc_info", "head",
    }
)  # fmt: skip


def _only_allowed(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return {key: value for key, value in event.items() if key in _ALLOWED}


def configure_logging(level: str) -> None:
    """Configure the logs of this process; `level` is debug, info, warning or error."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _only_allowed,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        cache_logger_on_first_use=True,
    )
