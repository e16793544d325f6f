"""Which images of the registry are named by anything."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from labdock_service.store.tables import GridRow, JobRow, ModelRow, ProjectRow, SnapshotRow


def named(session: Session) -> set[tuple[str, str]]:
    """Project and digest of each image that a job, grid or model version names.

    A revision names a model version, and a model version its job, whatever becomes of either.
    A deleted job names none once its files are gone.
    """
    of_models = select(JobRow.snapshot_id).join(ModelRow, ModelRow.job_id == JobRow.id)
    asked = select(SnapshotRow.project_id, SnapshotRow.image).where(
        SnapshotRow.image.is_not(None),
        SnapshotRow.id.in_(select(JobRow.snapshot_id).where(JobRow.files != "gone"))
        | SnapshotRow.id.in_(select(GridRow.snapshot_id))
        | SnapshotRow.id.in_(of_models),
    )
    return {(project, image) for project, image in session.execute(asked) if image}


def projects(session: Session) -> list[str]:
    """The ids of all projects, retired ones too."""
    return list(session.scalars(select(ProjectRow.id).order_by(ProjectRow.id)))


def any_packaged(session: Session) -> bool:
    """Whether an image is made now, or waits to be, that nothing names yet."""
    query = select(SnapshotRow.id).where(SnapshotRow.state == "packaging")
    return session.scalar(query.limit(1)) is not None
