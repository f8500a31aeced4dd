"""A database emptied of everything, so that it can be migrated and seeded from the start."""

from sqlalchemy import Connection, text

from seedbed.postgres.connecting import connect
from seedbed.postgres.databases import Database
from seedbed.postgres.marks import Destructive, refuse_protected, write_mark


def refuse(database: Database) -> None:
    """Refuse a reset before anyone is asked to confirm it.

    Raises:
        ProtectedEnvironment, MarkedOtherwise, UnmarkedWithRows: its own mark, or the want of one, forbids it.
    """
    with connect(database) as connection:
        refuse_protected(connection, database, Destructive.RESET)


def reset(database: Database) -> None:
    """Empty a database and mark it for its environment again.

    On the embedded server it is dropped and made anew, which ends the sessions on it. On a given server every schema
    of the database's owner is dropped in one transaction: all or nothing, and it waits for whoever uses them.

    Raises as `refuse` does, which it calls first.
    """
    refuse(database)
    if database.server is not None:
        database.server.drop_database(database.name)
        database.server.create_database(database.name)
    with connect(database) as connection:
        if database.server is None:
            _drop_schemas(connection)
        write_mark(connection, database.environment)
        connection.commit()


def _drop_schemas(connection: Connection) -> None:
    schemas = connection.execute(
        text(
            "SELECT quote_ident(nspname), nspname = 'public' FROM pg_namespace"
            " WHERE pg_has_role(nspowner, 'USAGE') AND nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema'"
        )
    ).all()
    for quoted, is_public in schemas:
        connection.execute(text(f"DROP SCHEMA {quoted} CASCADE"))
        if is_public:
            connection.execute(text("CREATE SCHEMA public"))
