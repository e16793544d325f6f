"""Any notebook: what parameters, grids, secrets, notifications and checks of models need."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Bring the tables to this version."""
    _add_secrets()
    _add_notifications()
    _add_parameters_and_grids()
    _add_checks_of_models()
    steps = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.add_column("jobs", sa.Column("backup_every", steps, nullable=True))
    _add_retried_after(steps)
    said = sa.Column("warnings", sa.JSON(), nullable=False, server_default="[]")
    op.add_column("jobs", said)
    op.create_index(
        "ix_jobs_retried",
        "jobs",
        ["id"],
        sqlite_where=sa.text("retries > retries_seen"),
        postgresql_where=sa.text("retries > retries_seen"),
    )


def _add_retried_after(number: sa.types.TypeEngine[int]) -> None:
    after = sa.Column("retried_after", number, nullable=False, server_default="0")
    op.add_column("jobs", after)
    op.execute(
        "UPDATE jobs SET retried_after = (SELECT count(*) FROM attempts"
        " WHERE attempts.job_id = jobs.id AND attempts.planned < jobs.queued)"
    )


def _add_parameters_and_grids() -> None:
    op.add_column("snapshots", sa.Column("parameters", sa.JSON(), nullable=True))
    looked: sa.Column[bool] = sa.Column(
        "looked_into", sa.Boolean(), nullable=False, server_default=sa.false()
    )
    op.add_column("snapshots", looked)
    op.create_table(
        "grids",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("project_id", sa.String(length=16), nullable=False),
        sa.Column("owner_id", sa.String(length=16), nullable=False),
        sa.Column("snapshot_id", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("values", sa.JSON(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_grids_project_id"),
        sa.ForeignKeyConstraint(["owner_id"], ["people.id"], name="fk_grids_owner_id"),
        sa.ForeignKeyConstraint(["snapshot_id"], ["snapshots.id"], name="fk_grids_snapshot_id"),
        sa.PrimaryKeyConstraint("id", name="pk_grids"),
    )
    op.create_index("ix_grids_project_id_created", "grids", ["project_id", "created"])
    # SQLite adds a foreign key with its column only, and Alembic after it.
    op.execute(
        "ALTER TABLE jobs ADD COLUMN grid_id VARCHAR(16) "
        "CONSTRAINT fk_jobs_grid_id REFERENCES grids (id)"
    )
    op.create_index("ix_jobs_grid_id", "jobs", ["grid_id"])
    run = sa.Column("run", sa.String(length=255), nullable=False, server_default="")
    op.add_column("jobs", run)
    op.execute("UPDATE jobs SET run = id")


def _add_checks_of_models() -> None:
    op.add_column("models", sa.Column("checked", sa.JSON(), nullable=True))
    op.add_column("models", sa.Column("sample", sa.JSON(), nullable=True))
    anyway: sa.Column[bool] = sa.Column(
        "anyway", sa.Boolean(), nullable=False, server_default=sa.false()
    )
    op.add_column("revisions", anyway)


def _add_secrets() -> None:
    op.create_table(
        "secrets",
        sa.Column("project_id", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("masked", sa.Boolean(), nullable=False),
        sa.Column("owner_id", sa.String(length=16), nullable=False),
        sa.Column("changed", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_secrets_project_id"),
        sa.ForeignKeyConstraint(["owner_id"], ["people.id"], name="fk_secrets_owner_id"),
        sa.PrimaryKeyConstraint("project_id", "name", name="pk_secrets"),
    )
    names = sa.Column("secrets", sa.JSON(), nullable=False, server_default="[]")
    op.add_column("jobs", names)


def _add_notifications() -> None:
    op.add_column("jobs", sa.Column("notify", sa.Boolean(), nullable=True))
    op.create_table(
        "notify",
        sa.Column("person_id", sa.String(length=16), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=True),
        sa.Column("webhook", sa.Text(), nullable=True),
        sa.Column("webhook_host", sa.String(length=255), nullable=True),
        sa.Column("told_when", sa.String(length=16), nullable=False),
        sa.Column("last", sa.Double(), nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name="fk_notify_person_id"),
        sa.PrimaryKeyConstraint("person_id", name="pk_notify"),
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("person_id", sa.String(length=16), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("message", sa.JSON(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.Column("due", sa.Double(), nullable=False),
        sa.Column("tries", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name="fk_outbox_person_id"),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
    )
    op.create_index("ix_outbox_person_id", "outbox", ["person_id"])
    op.create_index("ix_outbox_due", "outbox", ["due"])
