"""Any notebook: what parameters, grids, secrets, notifications and checks of models need."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Bring the tables to this version."""
    op.create_index(
        "ix_jobs_retried",
        "jobs",
        ["id"],
        sqlite_where=sa.text("retries > retries_seen"),
        postgresql_where=sa.text("retries > retries_seen"),
    )
