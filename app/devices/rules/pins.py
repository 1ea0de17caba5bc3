"""The PIN of a clerk on a shared device: which ones everybody tries first.

A PIN counts together with the device's own key only (NIST SP 800-63B-4 section 3.1.1: a short secret is
tried against a limit, never alone).
"""

from itertools import pairwise

from app.access.policy import Role

WHO_STANDS_AT_A_DEVICE = (Role.STATION_CLERK, Role.UNION_OFFICER)
"""Whose accounts hand boxes over. At a device each of them is a station clerk and no more: a PIN is short."""
SHORTEST, LONGEST = 6, 8
_STEPS = (1, -1)
_POPULAR = frozenset({"112233", "147258", "147369", "159753", "159357", "520131", "5201314", "11223344"})


def is_simple_pin(pin: str) -> bool:
    """Say whether a PIN is one digit, a short group that repeats, digits in a row, or a well-known one."""
    if pin in _POPULAR:
        return True
    if any(len(pin) % size == 0 and pin[:size] * (len(pin) // size) == pin for size in (1, 2, 3, 4)):
        return True
    digits = [int(digit) for digit in pin]
    pairs = list(pairwise(digits))
    return any(all((after - before) % 10 == step % 10 for before, after in pairs) for step in _STEPS)
