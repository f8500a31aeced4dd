"""`updated_at` kept by the database, so that no program that writes can forget it."""

from sqlalchemy_declarative_extensions import Functions, declare_database
from sqlalchemy_declarative_extensions.dialects.postgresql import Function, Trigger

from schema.base import Table

_FUNCTION = "touch_updated_at"

declare_database(
    Table.metadata,
    functions=Functions(ignore_unspecified=True).are(
        Function(
            name=_FUNCTION,
            returns="trigger",
            language="plpgsql",
            definition="""
            BEGIN
                NEW.updated_at := now();
                RETURN NEW;
            END
            """,
        )
    ),
)


def touch_on_update(table: str) -> Trigger:
    """The trigger that a table with `updated_at` lists; an update that changes nothing does not fire it."""
    trigger = Trigger.before("update", on=table, execute=_FUNCTION, name=f"{table}_touch_updated_at")
    changed: Trigger = trigger.for_each_row().when("old.* IS DISTINCT FROM new.*")
    return changed
