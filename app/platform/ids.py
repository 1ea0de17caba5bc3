"""Identifiers: UUIDv7 (RFC 9562 section 5.7), so that ids rise with time and index well."""

import os
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def new_id() -> UUID:
    """Return a UUIDv7: 48 bits of Unix milliseconds, then 74 random bits."""
    milliseconds = time.time_ns() // 1_000_000
    random_bits = int.from_bytes(os.urandom(10), "big")
    value = (milliseconds & 0xFFFF_FFFF_FFFF) << 80 | random_bits
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return UUID(int=value)


def made_at(id: UUID) -> datetime:
    """Return the instant in a UUIDv7, to the millisecond."""
    return _EPOCH + timedelta(milliseconds=id.int >> 80)


def first_id_at(instant: datetime) -> UUID:
    """Return an id below which are all ids made before `instant`, and none made since."""
    return UUID(int=(instant - _EPOCH) // timedelta(milliseconds=1) << 80)
