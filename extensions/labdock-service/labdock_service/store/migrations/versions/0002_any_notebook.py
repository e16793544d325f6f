"""Any notebook: what parameters, grids, secrets, notifications and checks of models need."""

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Bring the tables to this version."""
