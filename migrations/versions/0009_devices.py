"""Pickup devices with keys of their own.

Revision ID: 0009
Revises: 0008
"""

from alembic import op

from app.platform.walls import tear_down, wall

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

TABLES = (
    """
    CREATE TABLE devices (
        id UUID NOT NULL,
        name VARCHAR NOT NULL,
        pickup_point_id UUID NOT NULL,
        algorithm VARCHAR NOT NULL,
        public_key BYTEA NOT NULL,
        valid_from TIMESTAMP WITH TIME ZONE NOT NULL,
        valid_until TIMESTAMP WITH TIME ZONE NOT NULL,
        created_by UUID NOT NULL,
        paired_at TIMESTAMP WITH TIME ZONE NOT NULL,
        last_seen_at TIMESTAMP WITH TIME ZONE,
        clock_skew_seconds INTEGER,
        revoked_at TIMESTAMP WITH TIME ZONE,
        revoked_by UUID,
        revoke_reason VARCHAR,
        version INTEGER NOT NULL,
        union_id UUID NOT NULL,
        CONSTRAINT pk_devices PRIMARY KEY (id),
        CONSTRAINT ck_devices_name_length CHECK (char_length(name) BETWEEN 1 AND 80),
        CONSTRAINT ck_devices_algorithm_known CHECK (algorithm IN ('ed25519','p256')),
        CONSTRAINT ck_devices_public_key_length
            CHECK (octet_length(public_key) = CASE algorithm WHEN 'ed25519' THEN 32 ELSE 65 END),
        CONSTRAINT ck_devices_ends_later CHECK (valid_until > valid_from),
        CONSTRAINT ck_devices_somebody_revoked_it CHECK ((revoked_at IS NULL) = (revoked_by IS NULL)),
        CONSTRAINT ck_devices_revoked_for_a_reason
            CHECK ((revoked_at IS NULL) = (revoke_reason IS NULL)),
        CONSTRAINT uq_devices_union_id_id UNIQUE (union_id, id),
        CONSTRAINT uq_devices_public_key UNIQUE (public_key),
        CONSTRAINT fk_devices_union_id_pickup_point_id FOREIGN KEY(union_id, pickup_point_id)
            REFERENCES pickup_points (union_id, id),
        CONSTRAINT fk_devices_union_id_created_by FOREIGN KEY(union_id, created_by)
            REFERENCES staff_accounts (union_id, id),
        CONSTRAINT fk_devices_union_id_revoked_by FOREIGN KEY(union_id, revoked_by)
            REFERENCES staff_accounts (union_id, id),
        CONSTRAINT fk_devices_union_id FOREIGN KEY(union_id) REFERENCES unions (id)
    )
    """,
    "CREATE INDEX ix_devices_union_id_paired_at ON devices (union_id, paired_at, id)",
    """
    CREATE TABLE device_pairings (
        id UUID NOT NULL,
        name VARCHAR NOT NULL,
        pickup_point_id UUID NOT NULL,
        valid_from TIMESTAMP WITH TIME ZONE NOT NULL,
        valid_until TIMESTAMP WITH TIME ZONE NOT NULL,
        code_digest BYTEA NOT NULL,
        created_by UUID NOT NULL,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
        used_at TIMESTAMP WITH TIME ZONE,
        union_id UUID NOT NULL,
        CONSTRAINT pk_device_pairings PRIMARY KEY (id),
        CONSTRAINT ck_device_pairings_digest_is_sha256 CHECK (octet_length(code_digest) = 32),
        CONSTRAINT ck_device_pairings_name_length CHECK (char_length(name) BETWEEN 1 AND 80),
        CONSTRAINT ck_device_pairings_ends_later CHECK (valid_until > valid_from),
        CONSTRAINT ck_device_pairings_expires_later CHECK (expires_at > created_at),
        CONSTRAINT ck_device_pairings_used_in_time CHECK (used_at < expires_at),
        CONSTRAINT uq_device_pairings_code_digest UNIQUE (code_digest),
        CONSTRAINT fk_device_pairings_union_id_pickup_point_id FOREIGN KEY(union_id, pickup_point_id)
            REFERENCES pickup_points (union_id, id),
        CONSTRAINT fk_device_pairings_union_id_created_by FOREIGN KEY(union_id, created_by)
            REFERENCES staff_accounts (union_id, id),
        CONSTRAINT fk_device_pairings_union_id FOREIGN KEY(union_id) REFERENCES unions (id)
    )
    """,
    "CREATE INDEX ix_device_pairings_expires_at ON device_pairings (expires_at)",
    """
    CREATE TABLE device_nonces (
        device_id UUID NOT NULL,
        nonce BYTEA NOT NULL,
        used_at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT pk_device_nonces PRIMARY KEY (device_id, nonce),
        CONSTRAINT ck_device_nonces_nonce_is_16_bytes CHECK (octet_length(nonce) = 16)
    )
    """,
    "CREATE INDEX ix_device_nonces_used_at ON device_nonces USING brin (used_at)",
    """
    CREATE TABLE device_clerks (
        device_id UUID NOT NULL,
        staff_id UUID NOT NULL,
        first_at TIMESTAMP WITH TIME ZONE NOT NULL,
        last_at TIMESTAMP WITH TIME ZONE NOT NULL,
        union_id UUID NOT NULL,
        CONSTRAINT pk_device_clerks PRIMARY KEY (device_id, staff_id),
        CONSTRAINT fk_device_clerks_union_id_device_id FOREIGN KEY(union_id, device_id)
            REFERENCES devices (union_id, id),
        CONSTRAINT fk_device_clerks_union_id_staff_id FOREIGN KEY(union_id, staff_id)
            REFERENCES staff_accounts (union_id, id),
        CONSTRAINT fk_device_clerks_union_id FOREIGN KEY(union_id) REFERENCES unions (id)
    )
    """,
    """
    CREATE TABLE clerk_pins (
        staff_id UUID NOT NULL,
        pin_hash VARCHAR,
        code_digest BYTEA,
        code_expires_at TIMESTAMP WITH TIME ZONE,
        changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
        union_id UUID NOT NULL,
        CONSTRAINT pk_clerk_pins PRIMARY KEY (staff_id),
        CONSTRAINT ck_clerk_pins_digest_is_sha256 CHECK (octet_length(code_digest) = 32),
        CONSTRAINT ck_clerk_pins_code_expires CHECK ((code_digest IS NULL) = (code_expires_at IS NULL)),
        CONSTRAINT fk_clerk_pins_union_id_staff_id FOREIGN KEY(union_id, staff_id)
            REFERENCES staff_accounts (union_id, id),
        CONSTRAINT fk_clerk_pins_union_id FOREIGN KEY(union_id) REFERENCES unions (id)
    )
    """,
)
OWNED = ("devices", "device_pairings", "device_clerks", "clerk_pins")


def upgrade() -> None:
    for statement in TABLES:
        op.execute(statement)
    for table in OWNED:
        for statement in wall(table):
            op.execute(statement)
    op.execute("ALTER TABLE staff_accounts ADD COLUMN member_id UUID")
    op.execute(
        "ALTER TABLE staff_accounts ADD CONSTRAINT fk_staff_accounts_union_id_member_id"
        " FOREIGN KEY (union_id, member_id) REFERENCES members (union_id, id)"
    )
    op.execute("ALTER TABLE quarantined_events ALTER COLUMN staff_id DROP NOT NULL")


def downgrade() -> None:
    # What a device handed in by itself names no clerk; the older form wants somebody, so: who paired it.
    op.execute(
        "UPDATE quarantined_events SET staff_id = (SELECT created_by FROM devices"
        " WHERE devices.id::text = quarantined_events.device_id) WHERE staff_id IS NULL"
    )
    op.execute("ALTER TABLE quarantined_events ALTER COLUMN staff_id SET NOT NULL")
    op.execute("ALTER TABLE staff_accounts DROP COLUMN member_id")
    for table in OWNED:
        for statement in tear_down(table):
            op.execute(statement)
    for table in (*reversed(OWNED), "device_nonces"):
        op.execute(f"DROP TABLE {table}")
