"""Reset of a database: everything in it is dropped, so that it can be migrated and seeded from the start."""

from datetime import timedelta

from sqlalchemy import Connection, text

from seedbed.errors import EnvironmentMismatch, MissingPrivilege
from seedbed.postgres.connection import connect
from seedbed.postgres.database import Database, refuse_pooler
from seedbed.postgres.embedded import EmbeddedServer
from seedbed.postgres.environment_mark import (
    PREPARING,
    DestructiveAction,
    mark_rows_replaced,
    read_copy_id,
    read_mark,
    refuse_protected_database,
    write_mark,
)
from seedbed.postgres.locks import migration_lock

_LOCK_WAIT = timedelta(seconds=60)
_IS_SYSTEM_SCHEMA = "nspname LIKE 'pg\\_%' OR nspname = 'information_schema'"
_BELONGS_TO_EXTENSION = (
    "EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_namespace'::regclass AND d.objid = n.oid"
    " AND d.deptype = 'e')"
)
_GRANTEE_SQL = "CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END"
_GRANT_OPTION_SQL = "CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END"


def check_reset_allowed(database: Database) -> None:
    """Refuse a reset that the database's mark forbids, before the user is asked to confirm it.

    Raises:
        ProtectedEnvironment, EnvironmentMismatch, UnmarkedDatabase: its mark forbids it, or it has rows and no mark.
    """
    with connect(database) as connection:
        refuse_protected_database(connection, database, DestructiveAction.RESET)


def reset_database(database: Database) -> None:
    """Empty a database and mark it for its environment again.

    On the embedded server the database is dropped and created again, which terminates the sessions on it. On another
    server every schema that the role owns is dropped in one transaction: all or none, after waiting for the sessions
    that use them. `public` is then created again with its owner, grants, default privileges and comment.

    Raises as `check_reset_allowed` does, and:
        PooledConnection, MigrationLockTimeout: as for a migration; none runs at the same time.
        MissingPrivilege: the role may not drop something.
    """
    if database.server is not None:
        _recreate_database(database, database.server)
    else:
        _drop_everything(database)


def empty_copy(database: Database) -> None:
    """Drop everything in a copy that is being prepared, so that other rows can be loaded; it stays marked `preparing`.

    Raises:
        EnvironmentMismatch: it has another mark.
        MissingPrivilege: the role may not drop something.
    """
    with connect(database) as connection:
        if (mark := read_mark(connection)) != PREPARING:
            raise EnvironmentMismatch("empty", database.name, mark or "nothing", PREPARING)
        copy_id = read_copy_id(connection)
        _refuse_foreign_schemas(connection, database)
        _drop_schemas(connection)
        _drop_large_objects(connection)
        mark_rows_replaced(connection, copy_id)
        connection.commit()


def _recreate_database(database: Database, server: EmbeddedServer) -> None:
    check_reset_allowed(database)
    server.drop_database(database.name)
    server.create_database(database.name)
    with connect(database) as connection:
        write_mark(connection, database.environment)
        connection.commit()


def _drop_everything(database: Database) -> None:
    refuse_pooler(database, trust_url=database.url != database.direct)
    with connect(database) as connection, migration_lock(connection, database.name, wait=_LOCK_WAIT):
        refuse_protected_database(connection, database, DestructiveAction.RESET)
        _refuse_foreign_schemas(connection, database)
        _drop_schemas(connection)
        write_mark(connection, database.environment)
        connection.commit()


def _refuse_foreign_schemas(connection: Connection, database: Database) -> None:
    """Refuse where tables of the role would remain in another role's schema: before PostgreSQL 15, the superuser owns
    `public`.
    """
    foreign = connection.execute(
        text(
            "SELECT quote_ident(nspname), nspowner::regrole::text FROM pg_namespace n"
            f" WHERE NOT ({_IS_SYSTEM_SCHEMA}) AND NOT pg_has_role(nspowner, 'USAGE')"
            " AND EXISTS (SELECT FROM pg_class c WHERE c.relnamespace = n.oid AND pg_has_role(c.relowner, 'USAGE'))"
            " ORDER BY 1"
        )
    ).first()
    if foreign is not None:
        reason = f"{foreign[0]} belongs to {foreign[1]}, so the tables in it would stay"
        raise MissingPrivilege(database.direct.address, reason)


def _drop_schemas(connection: Connection) -> None:
    schemas = connection.execute(
        text(
            "SELECT quote_ident(nspname), nspname = 'public' FROM pg_namespace n"
            f" WHERE NOT ({_IS_SYSTEM_SCHEMA}) AND pg_has_role(nspowner, 'USAGE') AND NOT {_BELONGS_TO_EXTENSION}"
        )
    ).all()
    for quoted, is_public in schemas:
        statements = _build_public_schema_statements(connection) if is_public else []
        connection.execute(text(f"DROP SCHEMA {quoted} CASCADE"))
        for statement in statements:
            connection.exec_driver_sql(statement)


def _drop_large_objects(connection: Connection) -> None:
    """Large objects are in no schema, and may hold data of production."""
    connection.execute(text("SELECT lo_unlink(oid) FROM pg_largeobject_metadata WHERE pg_has_role(lomowner, 'USAGE')"))


def _build_public_schema_statements(connection: Connection) -> list[str]:
    """Statements that create `public` as it is now; after CREATE SCHEMA alone only its owner could use it."""
    grants = connection.execute(
        text(
            "SELECT format('GRANT %s ON SCHEMA public TO %s%s', privilege_type, "
            f"{_GRANTEE_SQL}, {_GRANT_OPTION_SQL})"
            " FROM pg_namespace, aclexplode(nspacl) WHERE nspname = 'public' AND grantee <> nspowner"
        )
    ).scalars()
    defaults = connection.execute(
        text(
            "SELECT format('ALTER DEFAULT PRIVILEGES FOR ROLE %s IN SCHEMA public GRANT %s ON %s TO %s%s',"
            " defaclrole::regrole, privilege_type, CASE defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES'"
            f" WHEN 'f' THEN 'FUNCTIONS' ELSE 'TYPES' END, {_GRANTEE_SQL}, {_GRANT_OPTION_SQL})"
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
