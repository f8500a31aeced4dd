"""Read, seal, rebase and record the project's Alembic revisions."""
