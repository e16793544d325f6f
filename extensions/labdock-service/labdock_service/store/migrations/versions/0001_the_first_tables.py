"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Bring the tables to this version."""
    op.create_table(
        "fences",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("number", BIG, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_fences"),
    )
    op.create_table(
        "people",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.Column("retired", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_people"),
    )
    op.create_index("ix_people_name", "people", ["name"])

    op.create_table(
        "projects",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("person_id", sa.String(length=16), nullable=True),
        sa.Column("created", sa.Double(), nullable=False),
        sa.Column("retired", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name="fk_projects_person_id"),
        sa.PrimaryKeyConstraint("id", name="pk_projects"),
    )
    op.create_index(
        "uq_projects_name",
        "projects",
        ["name"],
        unique=True,
        sqlite_where=sa.text("retired IS NULL"),
        postgresql_where=sa.text("retired IS NULL"),
    )

    op.create_table(
        "blobs",
        sa.Column("project_id", sa.String(length=16), nullable=False),
        sa.Column("digest", sa.String(length=71), nullable=False),
        sa.Column("size", BIG, nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_blobs_project_id"),
        sa.PrimaryKeyConstraint("project_id", "digest", name="pk_blobs"),
    )
    op.create_table(
        "endpoints",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("project_id", sa.String(length=16), nullable=False),
        sa.Column("owner_id", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=63), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.Column("wanted", sa.String(length=16), nullable=True),
        sa.Column("deleted", sa.Double(), nullable=True),
        sa.Column("traffic", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["people.id"], name="fk_endpoints_owner_id"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_endpoints_project_id"),
        sa.PrimaryKeyConstraint("id", name="pk_endpoints"),
    )
    op.create_index(
        "uq_endpoints_project_id_name",
        "endpoints",
        ["project_id", "name"],
        unique=True,
        sqlite_where=sa.text("deleted IS NULL"),
        postgresql_where=sa.text("deleted IS NULL"),
    )

    op.create_table(
        "events",
        sa.Column("id", BIG, nullable=False),
        sa.Column("time", sa.Double(), nullable=False),
        sa.Column("project_id", sa.String(length=16), nullable=False),
        sa.Column("actor", sa.String(length=255), nullable=False),
        sa.Column("kind", sa.String(length=80), nullable=False),
        sa.Column("job_id", sa.String(length=16), nullable=True),
        sa.Column("endpoint_id", sa.String(length=16), nullable=True),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_events_project_id"),
        sa.PrimaryKeyConstraint("id", name="pk_events"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_events_endpoint_id", "events", ["endpoint_id"])
    op.create_index("ix_events_job_id", "events", ["job_id"])
    op.create_index("ix_events_project_id_id", "events", ["project_id", "id"])

    op.create_table(
        "locks",
        sa.Column("project_id", sa.String(length=16), nullable=False),
        sa.Column("requirements", sa.String(length=71), nullable=False),
        sa.Column("foundation", sa.String(length=71), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_locks_project_id"),
        sa.PrimaryKeyConstraint("project_id", "requirements", "foundation", name="pk_locks"),
    )
    op.create_table(
        "snapshots",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("project_id", sa.String(length=16), nullable=False),
        sa.Column("owner_id", sa.String(length=16), nullable=False),
        sa.Column("source", sa.String(length=71), nullable=False),
        sa.Column("entry", sa.Text(), nullable=False),
        sa.Column("environment", sa.String(length=71), nullable=False),
        sa.Column("foundation", sa.String(length=71), nullable=False),
        sa.Column("runtime", sa.String(length=80), nullable=False),
        sa.Column("renew_lock", sa.Boolean(), nullable=False),
        sa.Column("git", sa.JSON(), nullable=True),
        sa.Column("created", sa.Double(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("step", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("lock", sa.Text(), nullable=True),
        sa.Column("digest", sa.String(length=71), nullable=True),
        sa.Column("image", sa.String(length=71), nullable=True),
        sa.Column("layers", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["people.id"], name="fk_snapshots_owner_id"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_snapshots_project_id"),
        sa.PrimaryKeyConstraint("id", name="pk_snapshots"),
    )
    op.create_index("ix_snapshots_project_id", "snapshots", ["project_id"])
    op.create_index("ix_snapshots_source", "snapshots", ["source"])
    op.create_index("ix_snapshots_state", "snapshots", ["state"])

    op.create_table(
        "sources",
        sa.Column("project_id", sa.String(length=16), nullable=False),
        sa.Column("digest", sa.String(length=71), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_sources_project_id"),
        sa.PrimaryKeyConstraint("project_id", "digest", name="pk_sources"),
    )
    op.create_table(
        "jobs",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("project_id", sa.String(length=16), nullable=False),
        sa.Column("owner_id", sa.String(length=16), nullable=False),
        sa.Column("snapshot_id", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("workers", BIG, nullable=False),
        sa.Column("cpus", sa.Double(), nullable=False),
        sa.Column("memory", BIG, nullable=False),
        sa.Column("gpus", BIG, nullable=False),
        sa.Column("parameters", sa.JSON(), nullable=False),
        sa.Column("arguments", sa.JSON(), nullable=False),
        sa.Column("time_limit", sa.Double(), nullable=True),
        sa.Column("max_attempts", BIG, nullable=False),
        sa.Column("disable", sa.JSON(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.Column("target", sa.String(length=16), nullable=False),
        sa.Column("retries", BIG, nullable=False),
        sa.Column("retries_seen", BIG, nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("queued", sa.Double(), nullable=False),
        sa.Column("attempt", BIG, nullable=False),
        sa.Column("counted", BIG, nullable=False),
        sa.Column("started", sa.Double(), nullable=True),
        sa.Column("ended", sa.Double(), nullable=True),
        sa.Column("progress", sa.JSON(), nullable=False),
        sa.Column("failure", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(["owner_id"], ["people.id"], name="fk_jobs_owner_id"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_jobs_project_id"),
        sa.ForeignKeyConstraint(["snapshot_id"], ["snapshots.id"], name="fk_jobs_snapshot_id"),
        sa.PrimaryKeyConstraint("id", name="pk_jobs"),
    )
    op.create_index("ix_jobs_project_id_created", "jobs", ["project_id", "created"])
    op.create_index("ix_jobs_snapshot_id", "jobs", ["snapshot_id"])
    op.create_index("ix_jobs_state", "jobs", ["state"])

    op.create_table(
        "keys",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("endpoint_id", sa.String(length=16), nullable=False),
        sa.Column("owner_id", sa.String(length=16), nullable=False),
        sa.Column("title", sa.String(length=100), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.Column("expires", sa.Double(), nullable=True),
        sa.Column("revoked", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["endpoint_id"], ["endpoints.id"], name="fk_keys_endpoint_id"),
        sa.ForeignKeyConstraint(["owner_id"], ["people.id"], name="fk_keys_owner_id"),
        sa.PrimaryKeyConstraint("id", name="pk_keys"),
        sa.UniqueConstraint("sha256", name="uq_keys_sha256"),
    )
    op.create_index("ix_keys_endpoint_id", "keys", ["endpoint_id"])

    op.create_table(
        "attempts",
        sa.Column("job_id", sa.String(length=16), nullable=False),
        sa.Column("number", BIG, nullable=False),
        sa.Column("planned", sa.Double(), nullable=False),
        sa.Column("started", sa.Double(), nullable=True),
        sa.Column("ended", sa.Double(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("ending", sa.String(length=16), nullable=True),
        sa.Column("failures", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_attempts_job_id"),
        sa.PrimaryKeyConstraint("job_id", "number", name="pk_attempts"),
    )
    op.create_table(
        "models",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("project_id", sa.String(length=16), nullable=False),
        sa.Column("job_id", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("version", BIG, nullable=False),
        sa.Column("digest", sa.String(length=71), nullable=False),
        sa.Column("size", BIG, nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.Column("signature", sa.JSON(), nullable=False),
        sa.Column("metrics", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_models_job_id"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_models_project_id"),
        sa.PrimaryKeyConstraint("id", name="pk_models"),
    )
    op.create_index("ix_models_job_id", "models", ["job_id"])
    op.create_index(
        "uq_models_project_id_name_version",
        "models",
        ["project_id", "name", "version"],
        unique=True,
    )

    op.create_table(
        "revisions",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("endpoint_id", sa.String(length=16), nullable=False),
        sa.Column("model_id", sa.String(length=16), nullable=False),
        sa.Column("number", BIG, nullable=False),
        sa.Column("before", sa.String(length=16), nullable=True),
        sa.Column("resources", sa.JSON(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("attempt", BIG, nullable=False),
        sa.Column("failures", BIG, nullable=False),
        sa.Column("changed", sa.Double(), nullable=False),
        sa.Column("served", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["endpoint_id"], ["endpoints.id"], name="fk_revisions_endpoint_id"),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"], name="fk_revisions_model_id"),
        sa.PrimaryKeyConstraint("id", name="pk_revisions"),
    )
    op.create_index("ix_revisions_endpoint_id", "revisions", ["endpoint_id"])
    op.create_index("ix_revisions_state", "revisions", ["state"])

    op.create_table(
        "workers",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("job_id", sa.String(length=16), nullable=True),
        sa.Column("revision_id", sa.String(length=16), nullable=True),
        sa.Column("attempt", BIG, nullable=False),
        sa.Column("rank", BIG, nullable=False),
        sa.Column("node", sa.String(length=255), nullable=False),
        sa.Column("address", sa.String(length=255), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("started", sa.Double(), nullable=True),
        sa.Column("ended", sa.Double(), nullable=True),
        sa.Column("exit_code", BIG, nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("stopping", sa.Boolean(), nullable=False),
        sa.Column("event_offset", BIG, nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_workers_job_id"),
        sa.ForeignKeyConstraint(["revision_id"], ["revisions.id"], name="fk_workers_revision_id"),
        sa.PrimaryKeyConstraint("id", name="pk_workers"),
    )
    op.create_index("ix_workers_job_id", "workers", ["job_id"])
    op.create_index("ix_workers_revision_id", "workers", ["revision_id"])
    op.create_index("ix_workers_state", "workers", ["state"])
    op.create_table(
        "leases",
        sa.Column("id", BIG, nullable=False),
        sa.Column("holder_kind", sa.String(length=16), nullable=False),
        sa.Column("holder_id", sa.String(length=80), nullable=False),
        sa.Column("title", sa.String(length=255), nullable=False),
        sa.Column("attempt", BIG, nullable=False),
        sa.Column("worker_id", sa.String(length=80), nullable=True),
        sa.Column("node", sa.String(length=255), nullable=False),
        sa.Column("cpus", sa.Double(), nullable=False),
        sa.Column("memory", BIG, nullable=False),
        sa.Column("device", sa.String(length=80), nullable=True),
        sa.ForeignKeyConstraint(["worker_id"], ["workers.id"], name="fk_leases_worker_id"),
        sa.PrimaryKeyConstraint("id", name="pk_leases"),
    )
    op.create_index("ix_leases_holder", "leases", ["holder_kind", "holder_id"])
    op.create_index("uq_leases_device", "leases", ["node", "device"], unique=True)
