"""A database emptied of everything, so that it can be migrated and seeded from the start."""

from datetime import timedelta

from sqlalchemy import Connection, text

from seedbed.errors import EnvironmentMismatch, MissingPrivilege
from seedbed.postgres.connection import connect
from seedbed.postgres.database import Database, refuse_pooler
from seedbed.postgres.embedded import EmbeddedServer
from seedbed.postgres.environment_mark import (
    PREPARING,
    DestructiveAction,
    read_copy_id,
    read_mark,
    refuse_protected_database,
    write_mark,
    mark_rows_replaced,
)
from seedbed.postgres.locks import migration_lock

_WAIT = timedelta(seconds=60)
_SYSTEM = "nspname LIKE 'pg\\_%' OR nspname = 'information_schema'"
_BROUGHT_BY_EXTENSION = (
    "EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_namespace'::regclass AND d.objid = n.oid"
    " AND d.deptype = 'e')"
)
_GRANTEE = "CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END"
_GRANTABLE = "CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END"


def check_reset_allowed(database: Database) -> None:
    """Refuse a reset before anyone is asked to confirm it.

    Raises:
        ProtectedEnvironment, EnvironmentMismatch, UnmarkedDatabase: its own mark, or the want of one, forbids it.
    """
    with connect(database) as connection:
        refuse_protected_database(connection, database, DestructiveAction.RESET)


def reset_database(database: Database) -> None:
    """Empty a database and mark it for its environment again.

    On the embedded server it is dropped and made anew, which ends the sessions on it. On a given server every schema
    of the database's owner is dropped in one transaction: all or nothing, and it waits for whoever uses them. There
    `public` is made again as it was, with its owner, its grants, its default privileges and its comment.

    Raises as `check_reset_allowed` does, and:
        PooledConnection, MigrationLockTimeout: as for migrating, which it keeps out meanwhile.
        MissingPrivilege: there is something that the role cannot drop.
    """
    if database.server is not None:
        _make_anew(database, database.server)
    else:
        _drop_all(database)


def empty_copy(database: Database) -> None:
    """Empty a copy that is being prepared, so that other rows can be put into it; it stays marked so.

    Raises:
        EnvironmentMismatch: it is marked something else.
        MissingPrivilege: there is something that the role cannot drop.
    """
    with connect(database) as connection:
        if (mark := read_mark(connection)) != PREPARING:
            raise EnvironmentMismatch("empty", database.name, mark or "nothing", PREPARING)
        into = read_copy_id(connection)
        _refuse_remains(connection, database)
        _drop_schemas(connection)
        _drop_large_objects(connection)
        mark_rows_replaced(connection, into)
        connection.commit()


def _make_anew(database: Database, server: EmbeddedServer) -> None:
    check_reset_allowed(database)
    server.drop_database(database.name)
    server.create_database(database.name)
    with connect(database) as connection:
        write_mark(connection, database.environment)
        connection.commit()


def _drop_all(database: Database) -> None:
    refuse_pooler(database, trust_url=database.url != database.direct)
    with connect(database) as connection, migration_lock(connection, database.name, wait=_WAIT):
        refuse_protected_database(connection, database, DestructiveAction.RESET)
        _refuse_remains(connection, database)
        _drop_schemas(connection)
        write_mark(connection, database.environment)
        connection.commit()


def _refuse_remains(connection: Connection, database: Database) -> None:
    """Before PostgreSQL 15, `public` belongs to the superuser, so that the owner's tables in it would stay."""
    left = connection.execute(
        text(
            "SELECT quote_ident(nspname), nspowner::regrole::text FROM pg_namespace n"
            f" WHERE NOT ({_SYSTEM}) AND NOT pg_has_role(nspowner, 'USAGE')"
            " AND EXISTS (SELECT FROM pg_class c WHERE c.relnamespace = n.oid AND pg_has_role(c.relowner, 'USAGE'))"
            " ORDER BY 1"
        )
    ).first()
    if left is not None:
        reason = f"{left[0]} belongs to {left[1]}, so the tables in it would stay"
        raise MissingPrivilege(database.direct.address, reason)


def _drop_schemas(connection: Connection) -> None:
    schemas = connection.execute(
        text(
            "SELECT quote_ident(nspname), nspname = 'public' FROM pg_namespace n"
            f" WHERE NOT ({_SYSTEM}) AND pg_has_role(nspowner, 'USAGE') AND NOT {_BROUGHT_BY_EXTENSION}"
        )
    ).all()
    for quoted, is_public in schemas:
        anew = _public_as_it_is(connection) if is_public else []
        connection.execute(text(f"DROP SCHEMA {quoted} CASCADE"))
        for statement in anew:
            connection.exec_driver_sql(statement)


def _drop_large_objects(connection: Connection) -> None:
    """They are in no schema, and may be of production."""
    connection.execute(text("SELECT lo_unlink(oid) FROM pg_largeobject_metadata WHERE pg_has_role(lomowner, 'USAGE')"))


def _public_as_it_is(connection: Connection) -> list[str]:
    """The statements that make `public` again: CREATE SCHEMA alone would shut out every role but its owner."""
    grants = connection.execute(
        text(
            "SELECT format('GRANT %s ON SCHEMA public TO %s%s', privilege_type, "
            f"{_GRANTEE}, {_GRANTABLE})"
            " FROM pg_namespace, aclexplode(nspacl) WHERE nspname = 'public' AND grantee <> nspowner"
        )
    ).scalars()
    defaults = connection.execute(
        text(
            "SELECT format('ALTER DEFAULT PRIVILEGES FOR ROLE %s IN SCHEMA public GRANT %s ON %s TO %s%s',"
            " defaclrole::regrole, privilege_type, CASE defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES'"
            f" WHEN 'f' THEN 'FUNCTIONS' ELSE 'TYPES' END, {_GRANTEE}, {_GRANTABLE})"
            " FROM pg_default_acl, aclexplode(defaclacl)"
            " WHERE defaclnamespace = 'public'::regnamespace AND pg_has_role(defaclrole, 'USAGE')"
        )
    ).scalars()
    create = connection.execute(
        text(
            "SELECT format('CREATE SCHEMA public AUTHORIZATION %s', nspowner::regrole) FROM pg_namespace"
            " WHERE nspname = 'public'"
        )
    ).scalars()
    comment = connection.execute(
        text(
            "SELECT format('COMMENT ON SCHEMA public IS %L', said) FROM pg_namespace,"
            " obj_description(oid, 'pg_namespace') said WHERE nspname = 'public' AND said IS NOT NULL"
        )
    ).scalars()
    return [*create, *grants, *defaults, *comment]
