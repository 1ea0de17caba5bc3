"""What a staff account proves itself with: a hashed password, a sealed TOTP secret, codes as hashes."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.access.rotation import declare_sealed
from app.access.scope import UnionOwned
from app.platform.database import Base

MOST_TRIES = 5


def _of_an_account() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["union_id", "staff_id"], ["staff_accounts.union_id", "staff_accounts.id"], onupdate="CASCADE"
    )


class StaffCredential(UnionOwned, Base):
    """Password and second factor of one account; `totp` is there only once a code of it has been shown."""

    __tablename__ = "staff_credentials"
    __table_args__ = (
        _of_an_account(),
        CheckConstraint("password_hash LIKE '$argon2id$%'", name="password_is_hashed"),
        CheckConstraint(
            "(password_hash IS NULL) = (password_changed_at IS NULL)", name="password_has_a_time"
        ),
        CheckConstraint("(totp IS NULL) = (totp_last_step IS NULL)", name="totp_was_confirmed"),
        CheckConstraint("octet_length(activation_digest) = 32", name="activation_is_sha256"),
        CheckConstraint(
            "(activation_digest IS NULL) = (activation_expires_at IS NULL)", name="activation_ends"
        ),
    )

    staff_id: Mapped[UUID] = mapped_column(primary_key=True)
    password_hash: Mapped[str | None]
    password_changed_at: Mapped[datetime | None]
    totp: Mapped[bytes | None]
    totp_last_step: Mapped[int | None]
    activation_digest: Mapped[bytes | None]
    activation_expires_at: Mapped[datetime | None]


class StaffRecoveryCode(UnionOwned, Base):
    """A code that stands in for the authenticator once; the digest is keyed with the union's index key."""

    __tablename__ = "staff_recovery_codes"
    __table_args__ = (
        _of_an_account(),
        CheckConstraint("octet_length(digest) = 16", name="digest_length"),
        UniqueConstraint("staff_id", "digest"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    staff_id: Mapped[UUID]
    digest: Mapped[bytes]
    used_at: Mapped[datetime | None]


class StaffChallenge(UnionOwned, Base):
    """Somebody gave the right password; the second factor is still to come.

    `totp` is the sealed secret of an authenticator that is about to be set up.
    """

    __tablename__ = "staff_challenges"
    __table_args__ = (
        _of_an_account(),
        CheckConstraint("octet_length(digest) = 32", name="digest_is_sha256"),
        CheckConstraint(f"tried_count BETWEEN 0 AND {MOST_TRIES}", name="tries_are_few"),
        CheckConstraint("expires_at > created_at", name="expires_later"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    staff_id: Mapped[UUID] = mapped_column(index=True)
    digest: Mapped[bytes] = mapped_column(unique=True)
    totp: Mapped[bytes | None]
    tried_count: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


declare_sealed(StaffCredential, {"totp": "totp"}, row_id="staff_id")
declare_sealed(StaffChallenge, {"totp": "totp"})
