"""`updated_at` kept by the database, so that no program that writes can forget it."""

from schema.base import Table
from seedbed.schema import declare

declare(
    Table.metadata,
    """
    CREATE FUNCTION touch_updated_at() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        NEW.updated_at := now();
        RETURN NEW;
    END
    $$
    """,
)


def touch_on_update(table: str) -> None:
    """Have a table's `updated_at` follow its changes; an update that changes nothing does not count."""
    declare(
        Table.metadata,
        f"""
        CREATE TRIGGER {table}_touch_updated_at BEFORE UPDATE ON {table}
        FOR EACH ROW WHEN (old.* IS DISTINCT FROM new.*) EXECUTE FUNCTION touch_updated_at()
        """,
    )
