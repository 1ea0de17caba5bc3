"""A clock that a test sets: the app reads the test's time wherever it asks for the present instant."""

import sys
from datetime import datetime, time, timedelta

import pytest

from app.platform.clock import SHANGHAI, local_date, utc_now


class Clock:
    """Time that goes on from where it was put; day 0 is today in Shanghai."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._ahead = timedelta()
        self._today = local_date(utc_now())
        for name, module in list(sys.modules.items()):
            if name.startswith("app.") and getattr(module, "utc_now", None) is utc_now:
                patch.setattr(module, "utc_now", self.now)

    def now(self) -> datetime:
        """Return the present instant of the story."""
        return utc_now() + self._ahead

    def at(self, day: int, hour: str) -> datetime:
        """Return an hour of a day of the story, `08:30` in Shanghai."""
        on = self._today + timedelta(days=day)
        return datetime.combine(on, time.fromisoformat(hour), tzinfo=SHANGHAI)

    def on(self, day: int) -> str:
        """Return a day of the story as requests have it."""
        return self.at(day, "00:00").date().isoformat()

    def set(self, day: int, hour: str) -> None:
        """Put the clock to an hour of a day, never back."""
        ahead = self.at(day, hour) - utc_now()
        assert ahead >= self._ahead, "time does not go back"
        self._ahead = ahead
