"""What a schema has beside its tables, declared as the SQL that makes it."""

from textwrap import dedent

from sqlalchemy import MetaData

_KEY = "seedbed.objects"


def declare(metadata: MetaData, *statements: str) -> None:
    """Add to a schema what SQLAlchemy has no word for: functions, views, triggers, policies, extensions, partitions,
    grants, and whatever else PostgreSQL can make.

        declare(
            Table.metadata,
            "CREATE EXTENSION citext",
            "CREATE VIEW open_task AS SELECT * FROM task WHERE NOT is_completed",
            "ALTER TABLE task ENABLE ROW LEVEL SECURITY",
            "CREATE POLICY own ON task USING (user_id = current_setting('app.user_id')::bigint)",
        )

    Each is one statement, as the PostgreSQL manual has it. PostgreSQL reads it, so nothing it knows has to be known
    here, and what a draft compares is what PostgreSQL made of it. The order is free: a statement that needs a table, or
    what another statement makes, waits for it.
    """
    known: list[str] = metadata.info.setdefault(_KEY, [])
    for statement in statements:
        cleaned = dedent(statement).strip().removesuffix(";")
        if cleaned not in known:
            known.append(cleaned)


def get_declarations(metadata: MetaData) -> tuple[str, ...]:
    """The statements of `declare`, in the order in which they were given."""
    return tuple(metadata.info.get(_KEY, ()))
