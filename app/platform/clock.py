"""Time: instants are UTC inside, Asia/Shanghai outside; a day begins at midnight in Shanghai."""

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    Field,
    PlainSerializer,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

FIRST_YEAR, LAST_YEAR = 2000, 2100
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_TIME = r"^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$"
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


def _day_text(given: Any) -> Any:
    # Pydantic alone would take numbers for seconds since 1970.
    if isinstance(given, str) and not _DAY.fullmatch(given):
        raise PydanticCustomError("date_form", "not YYYY-MM-DD")
    return _no_number(given)


def _instant_text(given: Any) -> Any:
    if isinstance(given, str) and not _INSTANT.fullmatch(given):
        raise PydanticCustomError("instant_form", "not RFC 3339 with an offset")
    return _no_number(given)


def _time_text(given: Any) -> Any:
    if isinstance(given, str) and not re.fullmatch(_TIME, given, re.ASCII):
        raise PydanticCustomError("time_form", "not HH:MM")
    return _no_number(given)


def _no_number(given: Any) -> Any:
    if given is not None and not isinstance(given, str | date | time):
        raise PydanticCustomError("invalid", "not text")
    return given


def is_sensible(given: date) -> bool:
    """Return whether a day or instant is in a year that can be meant: the code and the calendar hold it."""
    return FIRST_YEAR <= given.year <= LAST_YEAR


def _sensible_day(given: date) -> date:
    if not is_sensible(given):
        raise PydanticCustomError("year_range", "not in 2000 to 2100")
    return given


def _sensible_instant(given: datetime) -> datetime:
    _sensible_day(given)
    return given


_SHOWN = PlainSerializer(shown, return_type=str, when_used="json-unless-none")
Instant = Annotated[AwareDatetime, _SHOWN]
"""An instant in an answer: RFC 3339 with +08:00."""

GivenInstant = Annotated[
    AwareDatetime,
    BeforeValidator(_instant_text),
    AfterValidator(_sensible_instant),
    _SHOWN,
    Field(description="RFC 3339 with an offset, years 2000 to 2100"),
]
"""An instant in a request; a naive time, a number or a year that cannot be meant is refused."""

GivenDay = Annotated[
    date,
    BeforeValidator(_day_text),
    AfterValidator(_sensible_day),
    Field(description="YYYY-MM-DD in Asia/Shanghai, years 2000 to 2100"),
]
"""A Shanghai day in a request."""

GivenTime = Annotated[
    time,
    BeforeValidator(_time_text),
    WithJsonSchema({"type": "string", "pattern": _TIME, "description": "HH:MM or HH:MM:SS in Asia/Shanghai"}),
]
"""A time of a Shanghai day in a request."""
