"""Which model server a revision has."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

OWN = "Labdock''s model server, in the job''s own environment."


def upgrade() -> None:
    """Bring the tables to this version: what was served goes on as it was."""
    op.add_column("revisions", sa.Column("image", sa.String(length=512), nullable=True))
    text = sa.Column("server", sa.Text(), nullable=False, server_default="")
    op.add_column("revisions", text)
    op.execute(f"UPDATE revisions SET image = '', server = '{OWN}' WHERE attempt > 0")
