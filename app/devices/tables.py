"""Devices, the codes that pair them, the nonces of their calls, the clerks at them and their PINs."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.access.scope import UnionOwned
from app.devices.rules.signature import Algorithm
from app.platform.database import Base
from app.unions.tables import one_of


class Device(UnionOwned, Base):
    """A paired device: its public key, where and when it may be used; revoked, never deleted."""

    __tablename__ = "devices"
    __table_args__ = (
        CheckConstraint("char_length(name) BETWEEN 1 AND 80", name="name_length"),
        CheckConstraint(one_of("algorithm", Algorithm), name="algorithm_known"),
        CheckConstraint(
            "octet_length(public_key) = CASE algorithm WHEN 'ed25519' THEN 32 ELSE 65 END",
            name="public_key_length",
        ),
        CheckConstraint("valid_until > valid_from", name="ends_later"),
        CheckConstraint("(revoked_at IS NULL) = (revoked_by IS NULL)", name="somebody_revoked_it"),
        CheckConstraint("(revoked_at IS NULL) = (revoke_reason IS NULL)", name="revoked_for_a_reason"),
        UniqueConstraint("union_id", "id"),
        UniqueConstraint("public_key"),
        Index("ix_devices_union_id_paired_at", "union_id", "paired_at", "id"),
        ForeignKeyConstraint(["union_id", "pickup_point_id"], ["pickup_points.union_id", "pickup_points.id"]),
        ForeignKeyConstraint(["union_id", "created_by"], ["staff_accounts.union_id", "staff_accounts.id"]),
        ForeignKeyConstraint(["union_id", "revoked_by"], ["staff_accounts.union_id", "staff_accounts.id"]),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    pickup_point_id: Mapped[UUID]
    algorithm: Mapped[str]
    public_key: Mapped[bytes]
    valid_from: Mapped[datetime]
    valid_until: Mapped[datetime]
    created_by: Mapped[UUID]
    paired_at: Mapped[datetime]
    last_seen_at: Mapped[datetime | None]
    clock_skew_seconds: Mapped[int | None]
    revoked_at: Mapped[datetime | None]
    revoked_by: Mapped[UUID | None]
    revoke_reason: Mapped[str | None]
    version: Mapped[int] = mapped_column(default=1)


class DevicePairing(UnionOwned, Base):
    """A pairing code that was given out: its digest, and what its device will be."""

    __tablename__ = "device_pairings"
    __table_args__ = (
        CheckConstraint("octet_length(code_digest) = 32", name="digest_is_sha256"),
        CheckConstraint("char_length(name) BETWEEN 1 AND 80", name="name_length"),
        CheckConstraint("valid_until > valid_from", name="ends_later"),
        CheckConstraint("expires_at > created_at", name="expires_later"),
        CheckConstraint("used_at < expires_at", name="used_in_time"),
        UniqueConstraint("code_digest"),
        Index("ix_device_pairings_expires_at", "expires_at"),
        ForeignKeyConstraint(["union_id", "pickup_point_id"], ["pickup_points.union_id", "pickup_points.id"]),
        ForeignKeyConstraint(["union_id", "created_by"], ["staff_accounts.union_id", "staff_accounts.id"]),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    pickup_point_id: Mapped[UUID]
    valid_from: Mapped[datetime]
    valid_until: Mapped[datetime]
    code_digest: Mapped[bytes]
    created_by: Mapped[UUID]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class DeviceNonce(Base):
    """A nonce that a device has used; kept for longer than a call with it could be believed."""

    __tablename__ = "device_nonces"
    __table_args__ = (
        CheckConstraint("octet_length(nonce) = 16", name="nonce_is_16_bytes"),
        Index("ix_device_nonces_used_at", "used_at", postgresql_using="brin"),
    )

    device_id: Mapped[UUID] = mapped_column(primary_key=True)
    nonce: Mapped[bytes] = mapped_column(primary_key=True)
    used_at: Mapped[datetime]


class DeviceClerk(UnionOwned, Base):
    """Who has ever signed in on a device: a scan that it recorded may name one of them."""

    __tablename__ = "device_clerks"
    __table_args__ = (
        ForeignKeyConstraint(["union_id", "device_id"], ["devices.union_id", "devices.id"]),
        ForeignKeyConstraint(["union_id", "staff_id"], ["staff_accounts.union_id", "staff_accounts.id"]),
    )

    device_id: Mapped[UUID] = mapped_column(primary_key=True)
    staff_id: Mapped[UUID] = mapped_column(primary_key=True)
    first_at: Mapped[datetime]
    last_at: Mapped[datetime]


class ClerkPin(UnionOwned, Base):
    """The PIN of an account on shared devices (argon2id), and the code with which a fresh one may be set."""

    __tablename__ = "clerk_pins"
    __table_args__ = (
        CheckConstraint("octet_length(code_digest) = 32", name="digest_is_sha256"),
        CheckConstraint("(code_digest IS NULL) = (code_expires_at IS NULL)", name="code_expires"),
        ForeignKeyConstraint(["union_id", "staff_id"], ["staff_accounts.union_id", "staff_accounts.id"]),
    )

    staff_id: Mapped[UUID] = mapped_column(primary_key=True)
    pin_hash: Mapped[str | None]
    code_digest: Mapped[bytes | None]
    code_expires_at: Mapped[datetime | None]
    changed_at: Mapped[datetime]
