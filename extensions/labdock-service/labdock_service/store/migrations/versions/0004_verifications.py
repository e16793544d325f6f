"""What verifications of images found on each node, and what scans of them found."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Bring the tables to this version."""
    op.create_table(
        "verifications",
        sa.Column("image", sa.String(length=255), nullable=False),
        sa.Column("node", sa.String(length=255), nullable=False),
        sa.Column("time", sa.Double(), nullable=False),
        sa.Column("passed", sa.Boolean(), nullable=False),
        sa.Column("checks", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("image", "node", name="pk_verifications"),
    )
    op.create_table(
        "scans",
        sa.Column("image", sa.String(length=255), nullable=False),
        sa.Column("scanner", sa.String(length=40), nullable=False),
        sa.Column("time", sa.Double(), nullable=False),
        sa.Column("findings", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("image", "scanner", name="pk_scans"),
    )
