"""A budget of calls in the memory of one worker: the generic cell rate algorithm (ITU-T I.371)."""

from dataclasses import dataclass, field
from uuid import UUID

_MOST_SUBJECTS = 10_000


@dataclass(slots=True)
class Budget:
    """`per_second` calls for each subject, `burst` of them at once."""

    per_second: float
    burst: int
    _whole_at: dict[UUID, float] = field(default_factory=dict)

    def wait_of(self, subject: UUID, at: float) -> float:
        """Take a call at an instant in seconds; return 0, or the seconds to wait when none was left."""
        step = 1 / self.per_second
        whole_at = max(self._whole_at.get(subject, at), at) + step
        late = whole_at - at - step * self.burst
        if late > 1e-9:
            return late
        if len(self._whole_at) >= _MOST_SUBJECTS:
            self._whole_at = {one: then for one, then in self._whole_at.items() if then > at}
        self._whole_at[subject] = whole_at
        return 0.0
