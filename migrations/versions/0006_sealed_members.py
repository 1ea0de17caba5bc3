"""Personal data of members is sealed; keys of unions, wrapped.

What is there is sealed on the way up and opened on the way down, with the keys in the folder that Alembic's
configuration names (`keys_dir`), else in that of the settings.

Revision ID: 0006
Revises: 0005
"""

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from alembic import context, op

from app.access.vault import DataKey, Place, UnionKeys, Vault
from app.platform.clock import utc_now
from app.platform.ids import new_id
from app.platform.sealing import KEY_BYTES, SealingKey
from app.platform.settings import get_settings
from app.platform.walls import tear_down, wall
from app.unions.rules.names import folded_name
from app.unions.rules.order import syllables

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

BATCH = 1_000
GAP = 1 << 32
SEALED = {"name_sealed": "name", "mobile_sealed": "mobile", "id_last4_sealed": "id_last4"}
PLAIN_CHECKS = {
    "name_length": "char_length(name) BETWEEN 1 AND 50",
    "mobile_form": "mobile ~ '^1[3-9][0-9]{9}$'",
    "id_last4_form": "id_last4 ~ '^[0-9]{3}[0-9X]$'",
}
SEALED_CHECKS = {
    "name_is_sealed": "octet_length(name_sealed) BETWEEN 31 AND 230",
    "mobile_is_sealed": "octet_length(mobile_sealed) = 41",
    "id_last4_is_sealed": "octet_length(id_last4_sealed) = 34",
    "name_index_length": "octet_length(name_index) = 16",
    "mobile_index_length": "octet_length(mobile_index) = 16",
    "mobile_is_indexed": "(mobile_sealed IS NULL) = (mobile_index IS NULL)",
}


def upgrade() -> None:
    _make_data_keys()
    op.execute("ALTER TABLE members NO FORCE ROW LEVEL SECURITY")
    for column in ("name_sealed", "name_index", "mobile_sealed", "mobile_index", "id_last4_sealed"):
        op.add_column("members", sa.Column(column, sa.LargeBinary(), nullable=True))
    op.add_column(
        "members", sa.Column("name_rank", sa.BigInteger(), server_default=sa.text("0"), nullable=False)
    )
    if not context.is_offline_mode():
        _seal_all(op.get_bind())
    for column in ("name_sealed", "name_index"):
        op.alter_column("members", column, nullable=False)
    for name in PLAIN_CHECKS:
        op.drop_constraint(op.f(f"ck_members_{name}"), "members")
    for column in ("name", "name_key", "mobile", "id_last4"):
        op.drop_column("members", column)
    for name, condition in SEALED_CHECKS.items():
        op.create_check_constraint(op.f(f"ck_members_{name}"), "members", condition)
    op.create_index("ix_members_mobile_index", "members", ["mobile_index"])
    op.create_index("ix_members_union_id_name_index", "members", ["union_id", "name_index"])
    op.create_index("ix_members_union_id_name_rank_id", "members", ["union_id", "name_rank", "id"])
    op.execute("ALTER TABLE members FORCE ROW LEVEL SECURITY")
    for statement in wall("data_keys"):
        op.execute(statement)
    _rewrite()


def downgrade() -> None:
    for statement in tear_down("data_keys"):
        op.execute(statement)
    op.execute("ALTER TABLE members NO FORCE ROW LEVEL SECURITY")
    for name in ("mobile_index", "union_id_name_index", "union_id_name_rank_id"):
        op.drop_index(f"ix_members_{name}", "members")
    for name in SEALED_CHECKS:
        op.drop_constraint(op.f(f"ck_members_{name}"), "members")
    for column in ("name", "name_key", "mobile", "id_last4"):
        op.add_column("members", sa.Column(column, sa.String(), nullable=True))
    if not context.is_offline_mode():
        _open_all(op.get_bind())
    for column in ("name", "name_key"):
        op.alter_column("members", column, nullable=False)
    for column in (
        "name_sealed",
        "name_index",
        "mobile_sealed",
        "mobile_index",
        "id_last4_sealed",
        "name_rank",
    ):
        op.drop_column("members", column)
    for name, condition in PLAIN_CHECKS.items():
        op.create_check_constraint(op.f(f"ck_members_{name}"), "members", condition)
    op.execute("ALTER TABLE members FORCE ROW LEVEL SECURITY")
    op.drop_table("data_keys")


def _make_data_keys() -> None:
    op.create_table(
        "data_keys",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("master_version", sa.Integer(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=True),
        sa.Column("active_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("destroyed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("union_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("purpose IN ('data','index')", name=op.f("ck_data_keys_purpose_known")),
        sa.CheckConstraint(
            "(wrapped IS NULL) = (destroyed_at IS NOT NULL)", name=op.f("ck_data_keys_destroyed_is_gone")
        ),
        sa.CheckConstraint("version BETWEEN 1 AND 65535", name=op.f("ck_data_keys_version_fits")),
        sa.ForeignKeyConstraint(["union_id"], ["unions.id"], name=op.f("fk_data_keys_union_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_data_keys")),
        sa.UniqueConstraint(
            "union_id", "purpose", "version", name=op.f("uq_data_keys_union_id_purpose_version")
        ),
    )


def _vault() -> Vault:
    folder = context.config.attributes.get("keys_dir") or get_settings().keys_dir
    return Vault(Path(folder) / "vault")


def _seal_all(bind: sa.Connection) -> None:
    vault = _vault()
    unions = bind.execute(sa.text("SELECT DISTINCT union_id FROM members ORDER BY 1")).scalars().all()
    keys = {union_id: _new_keys(bind, vault, union_id) for union_id in unions}
    changes = sa.text(
        "UPDATE members SET name_sealed = :name_sealed, name_index = :name_index, mobile_sealed = :mobile_sealed,"
        " mobile_index = :mobile_index, id_last4_sealed = :id_last4_sealed WHERE id = :id"
    )
    for rows in _batches(bind, "name, mobile, id_last4"):
        bind.execute(changes, [_sealed(keys[row.union_id], row) for row in rows])
    bind.execute(
        sa.text(
            "UPDATE members m SET name_rank = r.place * :gap FROM (SELECT id, dense_rank() OVER"
            ' (PARTITION BY union_id ORDER BY name_key COLLATE "C", name COLLATE "C") AS place FROM members) r'
            " WHERE r.id = m.id"
        ),
        {"gap": GAP},
    )


def _sealed(keys: UnionKeys, row: Any) -> dict[str, Any]:
    sealed: dict[str, Any] = {"id": row.id, "name_index": keys.index("name", folded_name(row.name))}
    sealed["mobile_index"] = row.mobile and keys.index("mobile", row.mobile)
    for column, kind in SEALED.items():
        content = getattr(row, kind)
        sealed[column] = content and keys.seal(Place("members", kind, row.id), content)
    return sealed


def _open_all(bind: sa.Connection) -> None:
    vault = _vault()
    unions = bind.execute(sa.text("SELECT DISTINCT union_id FROM members ORDER BY 1")).scalars().all()
    keys = {union_id: _keys(bind, vault, union_id) for union_id in unions}
    changes = sa.text(
        "UPDATE members SET name = :name, name_key = :name_key, mobile = :mobile, id_last4 = :id_last4 WHERE id = :id"
    )
    for rows in _batches(bind, "name_sealed, mobile_sealed, id_last4_sealed"):
        bind.execute(changes, [_opened(keys[row.union_id], row) for row in rows])


def _opened(keys: UnionKeys, row: Any) -> dict[str, Any]:
    opened: dict[str, Any] = {"id": row.id}
    for column, kind in SEALED.items():
        value = getattr(row, column)
        opened[kind] = value and keys.open(Place("members", kind, row.id), value)
    return opened | {"name_key": " ".join(syllables(opened["name"]))}


def _batches(bind: sa.Connection, columns: str) -> Iterator[list[Any]]:
    wanted = sa.text(f"SELECT id, union_id, {columns} FROM members WHERE id > :after ORDER BY id LIMIT :most")  # noqa: S608
    after = UUID(int=0)
    while rows := bind.execute(wanted, {"after": after, "most": BATCH}).all():
        yield list(rows)
        after = rows[-1].id


def _new_keys(bind: sa.Connection, vault: Vault, union_id: UUID) -> UnionKeys:
    now = utc_now()
    made = {purpose: secrets.token_bytes(KEY_BYTES) for purpose in ("data", "index")}
    for purpose, secret in made.items():
        master_version, wrapped = vault.wrap(secret, union_id=union_id, purpose=purpose)
        row = {
            "id": new_id(), "union_id": union_id, "purpose": purpose, "version": 1, "master_version": master_version,
            "wrapped": wrapped, "active_from": now, "created_at": now,
        }  # fmt: skip
        bind.execute(sa.insert(DataKey).values(row))
    return UnionKeys(union_id, {1: SealingKey(1, made["data"])}, newest=1, index=made["index"])


def _keys(bind: sa.Connection, vault: Vault, union_id: UUID) -> UnionKeys:
    wanted = sa.text("SELECT * FROM data_keys WHERE union_id = :union AND wrapped IS NOT NULL")
    rows = [DataKey(**row) for row in bind.execute(wanted, {"union": union_id}).mappings()]
    return vault.open_keys(union_id, rows)


def _rewrite() -> None:
    """Write the table anew: a dropped column's contents stay in the old file until then."""
    op.execute("CLUSTER members USING pk_members")
    op.execute("ALTER TABLE members SET WITHOUT CLUSTER")
