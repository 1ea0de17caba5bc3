"""Places, cooperatives, aid projects with their results and evidence, origin cards; what a campaign may offer.

A gift campaign offers boxes and a visit offers places: the database refuses the other way round, and a
campaign or a gift box keeps its kind.

Revision ID: 0018
Revises: 0017
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

from app.platform.walls import tear_down, wall

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

TABLES = ("places", "cooperatives", "aid_projects", "aid_project_sites", "aid_results", "origin_cards")
WALLED = TABLES[2:]
REGION_CHECKS = {
    "from_year_in_range": "paired_from_year BETWEEN 1949 AND 2100",
    "until_year_in_range": "paired_until_year BETWEEN 1949 AND 2100",
    "pairing_ends_later": "paired_until_year >= paired_from_year",
    "lists_are_short": "cardinality(aliases) <= 10 AND cardinality(lists) <= 10",
}
KEPT_KINDS = ("campaigns", "gift_boxes")


def upgrade() -> None:
    _partner_regions()
    for make in (_places, _cooperatives, _aid_projects, _aid_project_sites, _aid_results, _origin_cards):
        make()
    for table in WALLED:
        for statement in wall(table):
            op.execute(statement)
    _offers_of_one_kind()


def _partner_regions() -> None:
    for name in ("aliases", "lists"):
        op.add_column(
            "partner_regions", sa.Column(name, ARRAY(sa.String()), nullable=False, server_default="{}")
        )
    for name in ("paired_from_year", "paired_until_year"):
        op.add_column("partner_regions", sa.Column(name, sa.Integer(), nullable=True))
    for name, condition in REGION_CHECKS.items():
        op.create_check_constraint(name, "partner_regions", condition)


def _places() -> None:
    op.create_table(
        "places",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("region_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("township", sa.String(), nullable=True),
        sa.Column("code", sa.String(length=12), nullable=True),
        sa.Column("township_code", sa.String(length=12), nullable=True),
        sa.Column("note", sa.String(), nullable=True),
        sa.CheckConstraint("(kind = 'village') = (township IS NOT NULL)", name="villages_have_a_township"),
        sa.CheckConstraint("kind IN ('township','village')", name="kind_known"),
        sa.CheckConstraint(
            "length(code) = CASE kind WHEN 'village' THEN 12 ELSE 9 END", name="code_of_its_kind"
        ),
        sa.CheckConstraint("code IS NOT NULL OR note IS NOT NULL", name="without_code_has_a_note"),
        sa.CheckConstraint("length(township_code) = 9", name="township_code_form"),
        sa.ForeignKeyConstraint(["code"], ["divisions.code"], name="fk_places_code"),
        sa.ForeignKeyConstraint(["region_id"], ["partner_regions.id"], name="fk_places_region_id"),
        sa.ForeignKeyConstraint(["township_code"], ["divisions.code"], name="fk_places_township_code"),
        sa.PrimaryKeyConstraint("id", name="pk_places"),
        sa.UniqueConstraint("code", name="uq_places_code"),
        sa.UniqueConstraint("region_id", "id", name="uq_places_region_id_id"),
        sa.UniqueConstraint(
            "region_id",
            "township",
            "name",
            name="uq_places_region_id_township_name",
            postgresql_nulls_not_distinct=True,
        ),
    )


def _cooperatives() -> None:
    op.create_table(
        "cooperatives",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("region_id", sa.Uuid(), nullable=False),
        sa.Column("place_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("credit_code", sa.String(), nullable=True),
        sa.Column("is_name_public", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("is_sample", sa.Boolean(), server_default="false", nullable=False),
        sa.CheckConstraint(
            "credit_code ~ '^[0-9A-HJ-NPQRTUWXY]{2}[0-9]{6}[0-9A-HJ-NPQRTUWXY]{10}$'", name="credit_code_form"
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "place_id"],
            ["places.region_id", "places.id"],
            name="fk_cooperatives_region_id_place_id",
        ),
        sa.ForeignKeyConstraint(["region_id"], ["partner_regions.id"], name="fk_cooperatives_region_id"),
        sa.PrimaryKeyConstraint("id", name="pk_cooperatives"),
        sa.UniqueConstraint("credit_code", name="uq_cooperatives_credit_code"),
        sa.UniqueConstraint("region_id", "name", name="uq_cooperatives_region_id_name"),
    )


def _aid_projects() -> None:
    op.create_table(
        "aid_projects",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("partner", sa.String(), nullable=True),
        sa.Column("summary", sa.String(), nullable=True),
        sa.Column("activities", ARRAY(sa.String()), server_default="{}", nullable=False),
        sa.Column("since_year", sa.Integer(), nullable=True),
        sa.Column("until_year", sa.Integer(), nullable=True),
        sa.Column("held_on", sa.Date(), nullable=True),
        sa.Column("year_is_inferred", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("drafted_by", sa.Uuid(), nullable=True),
        sa.Column("changed_by", sa.Uuid(), nullable=True),
        sa.Column("published_by", sa.Uuid(), nullable=True),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("is_sample", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("union_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("(status = 'draft') = (published_at IS NULL)", name="published_when_not_draft"),
        sa.CheckConstraint(
            "kind IN ('infrastructure','industry','employment','expertise','health','exchange_visit','other')",
            name="kind_known",
        ),
        sa.CheckConstraint("status IN ('draft','published')", name="status_known"),
        sa.CheckConstraint("NOT year_is_inferred OR since_year IS NOT NULL", name="inferred_is_a_year"),
        sa.CheckConstraint("cardinality(activities) <= 20", name="activities_not_too_many"),
        sa.CheckConstraint(
            "held_on IS NULL OR extract(year FROM held_on) = since_year", name="held_in_its_year"
        ),
        sa.CheckConstraint("published_by IS NULL OR published_at IS NOT NULL", name="published_has_a_time"),
        sa.CheckConstraint("published_by IS NULL OR published_by <> changed_by", name="not_ones_own_change"),
        sa.CheckConstraint("published_by IS NULL OR published_by <> drafted_by", name="two_people"),
        sa.CheckConstraint("since_year BETWEEN 1949 AND 2100", name="since_year_in_range"),
        sa.CheckConstraint("until_year >= since_year", name="ends_later"),
        sa.CheckConstraint("until_year BETWEEN 1949 AND 2100", name="until_year_in_range"),
        sa.ForeignKeyConstraint(["changed_by"], ["staff_accounts.id"], name="fk_aid_projects_changed_by"),
        sa.ForeignKeyConstraint(["drafted_by"], ["staff_accounts.id"], name="fk_aid_projects_drafted_by"),
        sa.ForeignKeyConstraint(["published_by"], ["staff_accounts.id"], name="fk_aid_projects_published_by"),
        sa.ForeignKeyConstraint(["union_id"], ["unions.id"], name="fk_aid_projects_union_id"),
        sa.PrimaryKeyConstraint("id", name="pk_aid_projects"),
        sa.UniqueConstraint("union_id", "id", name="uq_aid_projects_union_id_id"),
    )
    op.create_index("ix_aid_projects_status_id", "aid_projects", ["status", "id"], unique=False)


def _aid_project_sites() -> None:
    op.create_table(
        "aid_project_sites",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("region_id", sa.Uuid(), nullable=False),
        sa.Column("place_id", sa.Uuid(), nullable=True),
        sa.Column("union_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["region_id", "place_id"],
            ["places.region_id", "places.id"],
            name="fk_aid_project_sites_region_id_place_id",
        ),
        sa.ForeignKeyConstraint(["region_id"], ["partner_regions.id"], name="fk_aid_project_sites_region_id"),
        sa.ForeignKeyConstraint(
            ["union_id", "project_id"],
            ["aid_projects.union_id", "aid_projects.id"],
            name="fk_aid_project_sites_union_id_project_id",
        ),
        sa.ForeignKeyConstraint(["union_id"], ["unions.id"], name="fk_aid_project_sites_union_id"),
        sa.PrimaryKeyConstraint("project_id", "position", name="pk_aid_project_sites"),
    )
    op.create_index("ix_aid_project_sites_region_id", "aid_project_sites", ["region_id"], unique=False)


def _aid_results() -> None:
    op.create_table(
        "aid_results",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("measure", sa.String(), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=True),
        sa.Column("value", sa.BigInteger(), nullable=True),
        sa.Column("minimum", sa.BigInteger(), nullable=True),
        sa.Column("maximum", sa.BigInteger(), nullable=True),
        sa.Column("basis", sa.String(), nullable=False),
        sa.Column("quote", sa.String(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=True),
        sa.Column("year_is_inferred", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("stated_on", sa.Date(), nullable=True),
        sa.Column("overlap", sa.String(), nullable=True),
        sa.Column("evidence_kind", sa.String(), nullable=True),
        sa.Column("evidence_title", sa.String(), nullable=True),
        sa.Column("evidence_url", sa.String(), nullable=True),
        sa.Column("evidence_sha256", sa.String(), nullable=True),
        sa.Column("evidence_on", sa.Date(), nullable=True),
        sa.Column("evidence_page", sa.String(), nullable=True),
        sa.Column("union_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "(measure = 'money' AND unit IN ('元')) OR (measure = 'wells' AND unit IN ('口','眼')) OR (measure = 'land_restored' AND unit IN ('亩')) OR (measure = 'land_irrigated' AND unit IN ('亩')) OR (measure = 'greenhouses' AND unit IN ('个','座')) OR (measure = 'crop_varieties' AND unit IN ('种')) OR (measure = 'experts' AND unit IN ('位')) OR (measure = 'households' AND unit IN ('户')) OR (measure = 'people' AND unit IN ('人')) OR (measure = 'poor_households' AND unit IN ('户')) OR (measure = 'poor_people' AND unit IN ('人')) OR (measure = 'temporary_work' AND unit IN ('人次')) OR (measure = 'daily_wage' AND unit IN ('元/日')) OR (measure = 'yearly_income' AND unit IN ('元/年')) OR (measure = 'participants' AND unit IN ('人')) OR (measure = 'outcome' AND unit IN (''))",
            name="unit_of_its_measure",
        ),
        sa.CheckConstraint(
            "(measure = 'outcome') = (num_nonnulls(value, minimum, maximum) = 0)", name="words_or_a_figure"
        ),
        sa.CheckConstraint("basis = 'estimated' OR evidence_kind IS NOT NULL", name="no_evidence_no_fact"),
        sa.CheckConstraint("basis IN ('measured','reported','estimated')", name="basis_known"),
        sa.CheckConstraint(
            "evidence_kind IN ('article','report','agreement','acceptance','photo','statistics','other')",
            name="evidence_known",
        ),
        sa.CheckConstraint("evidence_sha256 ~ '^[0-9a-f]{64}$'", name="evidence_sha256_form"),
        sa.CheckConstraint("evidence_url ~ '^https?://'", name="evidence_url_form"),
        sa.CheckConstraint(
            "measure IN ('money','wells','land_restored','land_irrigated','greenhouses','crop_varieties','experts','households','people','poor_households','poor_people','temporary_work','daily_wage','yearly_income','participants','outcome')",
            name="measure_known",
        ),
        sa.CheckConstraint("role IN ('input','outcome','background')", name="role_known"),
        sa.CheckConstraint(
            "CASE WHEN evidence_kind IS NULL THEN num_nonnulls(evidence_title, evidence_url, evidence_sha256, evidence_on, evidence_page) = 0 ELSE evidence_title IS NOT NULL AND num_nonnulls(evidence_url, evidence_sha256) > 0 END",
            name="evidence_is_whole",
        ),
        sa.CheckConstraint("NOT year_is_inferred OR year IS NOT NULL", name="inferred_is_a_year"),
        sa.CheckConstraint("char_length(quote) BETWEEN 1 AND 500", name="quote_length"),
        sa.CheckConstraint("maximum > 0 AND maximum <= 1000000000000", name="maximum_in_range"),
        sa.CheckConstraint("minimum < maximum", name="range_goes_up"),
        sa.CheckConstraint("minimum >= 0 AND minimum <= 1000000000000", name="minimum_in_range"),
        sa.CheckConstraint(
            "stated_on IS NULL OR extract(year FROM stated_on) = year", name="stated_in_its_year"
        ),
        sa.CheckConstraint("value >= 0 AND value <= 1000000000000", name="value_in_range"),
        sa.CheckConstraint("value IS NULL OR num_nonnulls(minimum, maximum) = 0", name="value_or_range"),
        sa.CheckConstraint("year BETWEEN 1949 AND 2100", name="year_in_range"),
        sa.ForeignKeyConstraint(
            ["union_id", "project_id"],
            ["aid_projects.union_id", "aid_projects.id"],
            name="fk_aid_results_union_id_project_id",
        ),
        sa.ForeignKeyConstraint(["union_id"], ["unions.id"], name="fk_aid_results_union_id"),
        sa.PrimaryKeyConstraint("id", name="pk_aid_results"),
        sa.UniqueConstraint("union_id", "id", name="uq_aid_results_union_id_id"),
    )
    op.create_index(
        "ix_aid_results_project_id_position", "aid_results", ["project_id", "position"], unique=True
    )
    op.create_index("ix_aid_results_union_id_overlap", "aid_results", ["union_id", "overlap"], unique=False)


def _origin_cards() -> None:
    op.create_table(
        "origin_cards",
        sa.Column("lot_id", sa.Uuid(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("supplier_shown_by", sa.Uuid(), nullable=True),
        sa.Column("supplier_shown_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("union_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("reference ~ '^[0123456789ABCDEFGHJKMNPQRSTVWXYZ]{12}$'", name="reference_form"),
        sa.CheckConstraint(
            "(supplier_shown_by IS NULL) = (supplier_shown_at IS NULL)", name="shown_by_somebody"
        ),
        sa.ForeignKeyConstraint(
            ["supplier_shown_by"], ["staff_accounts.id"], name="fk_origin_cards_supplier_shown_by"
        ),
        sa.ForeignKeyConstraint(
            ["union_id", "lot_id"], ["lots.union_id", "lots.id"], name="fk_origin_cards_union_id_lot_id"
        ),
        sa.ForeignKeyConstraint(["union_id"], ["unions.id"], name="fk_origin_cards_union_id"),
        sa.PrimaryKeyConstraint("lot_id", name="pk_origin_cards"),
        sa.UniqueConstraint("reference", name="uq_origin_cards_reference"),
    )


def _offers_of_one_kind() -> None:
    op.execute(
        """
        CREATE FUNCTION refuse_mixed_offer() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF (SELECT kind FROM campaigns WHERE id = NEW.campaign_id) = 'visit'
               IS DISTINCT FROM (SELECT kind FROM gift_boxes WHERE id = NEW.gift_box_id) = 'place' THEN
                RAISE EXCEPTION 'a visit offers places, a gift campaign offers boxes'
                    USING ERRCODE = 'check_violation';
            END IF;
            RETURN NEW;
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER offers_are_of_one_kind BEFORE INSERT OR UPDATE OF campaign_id, gift_box_id ON offers"
        " FOR EACH ROW EXECUTE FUNCTION refuse_mixed_offer()"
    )
    op.execute(
        """
        CREATE FUNCTION refuse_change_of_kind() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'a campaign and a gift box keep their kind' USING ERRCODE = 'check_violation';
        END $$
        """
    )
    for table in KEPT_KINDS:
        op.execute(
            f"CREATE TRIGGER {table}_keep_their_kind BEFORE UPDATE OF kind ON {table} FOR EACH ROW"
            " WHEN (OLD.kind IS DISTINCT FROM NEW.kind) EXECUTE FUNCTION refuse_change_of_kind()"
        )


def downgrade() -> None:
    for table in KEPT_KINDS:
        op.execute(f"DROP TRIGGER {table}_keep_their_kind ON {table}")
    op.execute("DROP TRIGGER offers_are_of_one_kind ON offers")
    for function in ("refuse_change_of_kind", "refuse_mixed_offer"):
        op.execute(f"DROP FUNCTION {function}")
    for table in WALLED:
        for statement in tear_down(table):
            op.execute(statement)
    for table in reversed(TABLES):
        op.drop_table(table)
    for name in REGION_CHECKS:
        op.drop_constraint(op.f(f"ck_partner_regions_{name}"), "partner_regions", type_="check")
    for name in ("aliases", "lists", "paired_from_year", "paired_until_year"):
        op.drop_column("partner_regions", name)
