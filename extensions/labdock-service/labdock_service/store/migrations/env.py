"""Runs migrations on the connection that Store.upgrade() gives."""

from alembic import context

from labdock_service.store.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
