"""Use Seedbed from plain Alembic commands: autogenerate, the plugin, and the production guard."""
