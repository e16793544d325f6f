"""Jobs that a person deleted, and what is left of their files."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Bring the tables to this version."""
    op.add_column("jobs", sa.Column("deleted", sa.Double(), nullable=True))
    op.add_column(
        "jobs", sa.Column("files", sa.String(length=16), nullable=False, server_default="shown")
    )
    looked_at = sa.text("files <> 'gone' AND (deleted IS NOT NULL OR files = 'hidden')")
    op.create_index(
        "ix_jobs_deleted", "jobs", ["id"], sqlite_where=looked_at, postgresql_where=looked_at
    )
