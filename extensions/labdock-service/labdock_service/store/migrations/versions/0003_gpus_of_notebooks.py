"""GPUs of notebooks, and GPUs that are no longer there."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Bring the tables to this version."""
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "notebooks",
        sa.Column("person_id", sa.String(length=16), nullable=False),
        sa.Column("start", sa.String(length=80), nullable=False),
        sa.Column("attempt", number, nullable=False),
        sa.Column("gpus", number, nullable=False),
        sa.Column("asked", sa.Double(), nullable=False),
        sa.Column("polls", number, nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("keeps_devices", sa.Boolean(), nullable=False),
        sa.Column("devices", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name="fk_notebooks_person_id"),
        sa.PrimaryKeyConstraint("person_id", name="pk_notebooks"),
    )
    op.add_column("leases", sa.Column("lost", sa.Double(), nullable=True))
