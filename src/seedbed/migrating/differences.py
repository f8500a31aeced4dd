"""How a database differs from the models, by Alembic's comparison as the project's env.py sets it up."""

from alembic.autogenerate import produce_migrations, render_python_code
from alembic.operations.ops import MigrateOperation, OpContainer, UpgradeOps
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection

from seedbed.migrating import environment
from seedbed.modelling import Schema


def differences(connection: Connection, schema: Schema) -> list[str]:
    """What a draft would do to this database, an operation a line; empty when models and database agree."""
    context = MigrationContext.configure(connection, opts=environment.options(schema.metadata))
    upgrade = produce_migrations(context, schema.metadata).upgrade_ops
    found = [_line(operation, context) for operation in _flat(upgrade)] if upgrade is not None else []
    connection.rollback()
    return found


def _flat(operation: MigrateOperation) -> list[MigrateOperation]:
    if isinstance(operation, OpContainer):
        return [inner for part in operation.ops for inner in _flat(part)]
    return [operation]


def _line(operation: MigrateOperation, context: MigrationContext) -> str:
    code = render_python_code(UpgradeOps(ops=[operation]), migration_context=context)
    lines = [line.strip() for line in code.splitlines() if line.strip() and not line.strip().startswith("#")]
    return " ".join(" ".join(lines).split())
