"""Declare database objects besides tables, as SQL statements."""

from textwrap import dedent

from sqlalchemy import MetaData

_KEY = "seedbed.objects"


def declare(metadata: MetaData, *statements: str) -> None:
    """Declare objects that SQLAlchemy's models cannot express: functions, views, triggers, policies, extensions and so
    on.

        declare(
            Table.metadata,
            "CREATE EXTENSION citext",
            "CREATE VIEW open_task AS SELECT * FROM task WHERE NOT is_completed",
            "ALTER TABLE task ENABLE ROW LEVEL SECURITY",
            "CREATE POLICY own ON task USING (user_id = current_setting('app.user_id')::bigint)",
        )

    Each argument is one SQL statement. PostgreSQL runs it, so every statement that PostgreSQL knows is supported, and a
    draft compares what PostgreSQL created. The order does not matter: a statement runs after the objects that it needs.
    """
    declarations: list[str] = metadata.info.setdefault(_KEY, [])
    for statement in statements:
        cleaned = dedent(statement).strip().removesuffix(";")
        if cleaned not in declarations:
            declarations.append(cleaned)


def get_declarations(metadata: MetaData) -> tuple[str, ...]:
    """Return the statements passed to `declare`, in their order."""
    return tuple(metadata.info.get(_KEY, ()))
