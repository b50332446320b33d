"""Run by Alembic for each command: takes the connection and the metadata that config.migrations handed in."""

from alembic import context

from config.migrations import configure_options

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=context.config.attributes["metadata"],
    **configure_options(),
)
with context.begin_transaction():
    context.run_migrations()
