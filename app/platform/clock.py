"""Time: instants are UTC inside, Asia/Shanghai outside; a day begins at midnight in Shanghai."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime, PlainSerializer

SHANGHAI = ZoneInfo("Asia/Shanghai")


def utc_now() -> datetime:
    """Return the present instant. Only routes, jobs and the roots call this."""
    return datetime.now(UTC)


def shown(instant: datetime) -> str:
    """Return the instant as RFC 3339 text with the offset of Asia/Shanghai."""
    return instant.astimezone(SHANGHAI).isoformat()


def local_date(instant: datetime) -> date:
    """Return the day in Asia/Shanghai on which the instant falls."""
    return instant.astimezone(SHANGHAI).date()


def day_start(day: date) -> datetime:
    """Return the instant at which a Shanghai day begins, in UTC."""
    return datetime.combine(day, time(), tzinfo=SHANGHAI).astimezone(UTC)


def day_end(day: date) -> datetime:
    """Return the instant at which a Shanghai day ends (the next one begins), in UTC."""
    return day_start(day + timedelta(days=1))


Instant = Annotated[AwareDatetime, PlainSerializer(shown, return_type=str, when_used="json-unless-none")]
"""An instant in a request or response body; a naive time is refused, answers are +08:00."""
