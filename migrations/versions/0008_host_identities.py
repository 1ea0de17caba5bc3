"""Members who sign in through a host app, an identity provider or a text message.

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

from app.platform.walls import wall

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
CHECKS = {
    "sign_in_codes": {
        "number_is_hashed": "octet_length(number_digest) = 32",
        "code_is_hashed": "octet_length(code_digest) = 32",
        "tries_are_few": "try_count BETWEEN 0 AND 5",
        "expires_later": "expires_at > created_at",
        "proved_before_chosen": "chosen_at IS NULL OR proved_at IS NOT NULL",
    },
    "host_identities": {
        "subject_is_hashed": "octet_length(subject) = 32",
        "issuer_length": "char_length(issuer) BETWEEN 1 AND 300",
    },
    "link_tickets": {
        "digest_is_sha256": "octet_length(digest) = 32",
        "subject_is_hashed": "octet_length(subject) = 32",
        "expires_later": "expires_at > created_at",
    },
    "used_nonces": {"digest_is_sha256": "octet_length(digest) = 32"},
}


def upgrade() -> None:
    op.create_table(
        "sign_in_codes",
        sa.Column("number_digest", sa.LargeBinary(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code_digest", sa.LargeBinary(), nullable=False),
        sa.Column("member_ids", ARRAY(sa.Uuid()), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("try_count", sa.Integer(), nullable=False),
        sa.Column("proved_at", INSTANT),
        sa.Column("chosen_at", INSTANT),
        sa.PrimaryKeyConstraint("number_digest", name="pk_sign_in_codes"),
        sa.UniqueConstraint("id", name="uq_sign_in_codes_id"),
    )
    op.create_index("ix_sign_in_codes_created_at", "sign_in_codes", ["created_at"])
    op.create_table(
        "host_identities",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("union_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("issuer", sa.String(), nullable=False),
        sa.Column("subject", sa.LargeBinary(), nullable=False),
        sa.Column("linked_at", INSTANT, nullable=False),
        sa.Column("last_used_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_host_identities"),
        sa.UniqueConstraint("issuer", "subject", name="uq_host_identities_issuer_subject"),
        sa.UniqueConstraint("member_id", "issuer", name="uq_host_identities_member_id_issuer"),
        sa.ForeignKeyConstraint(["union_id"], ["unions.id"], name="fk_host_identities_union_id"),
        sa.ForeignKeyConstraint(
            ["union_id", "member_id"],
            ["members.union_id", "members.id"],
            name="fk_host_identities_union_id_member_id",
        ),
    )
    op.create_table(
        "link_tickets",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("issuer", sa.String(), nullable=False),
        sa.Column("subject", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("used_at", INSTANT),
        sa.PrimaryKeyConstraint("digest", name="pk_link_tickets"),
    )
    op.create_index("ix_link_tickets_expires_at", "link_tickets", ["expires_at"])
    op.create_table(
        "used_nonces",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("forgotten_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_used_nonces"),
    )
    op.create_index("ix_used_nonces_forgotten_at", "used_nonces", ["forgotten_at"])
    for table, checks in CHECKS.items():
        for name, condition in checks.items():
            op.execute(f"ALTER TABLE {table} ADD CONSTRAINT ck_{table}_{name} CHECK ({condition})")
    for statement in wall("host_identities"):
        op.execute(statement)


def downgrade() -> None:
    for table in ("used_nonces", "link_tickets", "host_identities", "sign_in_codes"):
        op.drop_table(table)
