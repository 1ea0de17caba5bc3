"""What members' sign-in keeps: codes, links to outside identities, tickets for a first link, used nonces.

Codes, tickets and nonces are short-lived and belong to no union: it is not known yet.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, LargeBinary, UniqueConstraint
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import Uuid

from app.access.scope import UnionOwned
from app.platform.database import Base
from app.sign_in.rules.one_time_code import MOST_TRIES


class SignInCode(Base):
    """The latest code of a number: a new one takes the place of the one before, which then is none.

    `member_ids` are those who have the number, filled in after the answer; neither number nor code is kept.
    """

    __tablename__ = "sign_in_codes"
    __table_args__ = (
        CheckConstraint("octet_length(number_digest) = 32", name="number_is_hashed"),
        CheckConstraint("octet_length(code_digest) = 32", name="code_is_hashed"),
        CheckConstraint(f"try_count BETWEEN 0 AND {MOST_TRIES}", name="tries_are_few"),
        CheckConstraint("expires_at > created_at", name="expires_later"),
        CheckConstraint("chosen_at IS NULL OR proved_at IS NOT NULL", name="proved_before_chosen"),
        UniqueConstraint("id"),
        Index("ix_sign_in_codes_created_at", "created_at"),
    )

    number_digest: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    id: Mapped[UUID]
    code_digest: Mapped[bytes] = mapped_column(LargeBinary)
    member_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid(as_uuid=True)))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    try_count: Mapped[int]
    proved_at: Mapped[datetime | None]
    chosen_at: Mapped[datetime | None]


class HostIdentityLink(UnionOwned, Base):
    """An identity at a host app or identity provider that stands for a member; `subject` is a keyed hash."""

    __tablename__ = "host_identities"
    __table_args__ = (
        CheckConstraint("octet_length(subject) = 32", name="subject_is_hashed"),
        CheckConstraint("char_length(issuer) BETWEEN 1 AND 300", name="issuer_length"),
        UniqueConstraint("issuer", "subject"),
        UniqueConstraint("member_id", "issuer"),
        ForeignKeyConstraint(["union_id", "member_id"], ["members.union_id", "members.id"]),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    member_id: Mapped[UUID]
    issuer: Mapped[str]
    subject: Mapped[bytes] = mapped_column(LargeBinary)
    linked_at: Mapped[datetime]
    last_used_at: Mapped[datetime]


class LinkTicket(Base):
    """Says which identity waits for its first link; `digest` is the SHA-256 of the ticket's text."""

    __tablename__ = "link_tickets"
    __table_args__ = (
        CheckConstraint("octet_length(digest) = 32", name="digest_is_sha256"),
        CheckConstraint("octet_length(subject) = 32", name="subject_is_hashed"),
        CheckConstraint("expires_at > created_at", name="expires_later"),
        Index("ix_link_tickets_expires_at", "expires_at"),
    )

    digest: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    issuer: Mapped[str]
    subject: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class UsedNonce(Base):
    """A nonce of a ticket or a state of a redirect that has counted once and counts no more."""

    __tablename__ = "used_nonces"
    __table_args__ = (
        CheckConstraint("octet_length(digest) = 32", name="digest_is_sha256"),
        Index("ix_used_nonces_forgotten_at", "forgotten_at"),
    )

    digest: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    forgotten_at: Mapped[datetime]
