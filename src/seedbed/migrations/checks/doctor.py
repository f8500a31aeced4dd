"""`seedbed doctor`: diagnose a project and its environment's database."""

from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import Connection, text

from seedbed.errors import SeedbedError
from seedbed.migrations.checks.doctor_files import FILE_CHECKS, Finding, list_versions, make_error_finding
from seedbed.migrations.checks.status import find_drift
from seedbed.migrations.history.revisions import read_current_revision, read_history
from seedbed.postgres.connection import connect
from seedbed.postgres.database import Database, check_server, refuse_pooler, resolve_database
from seedbed.postgres.database_status import read_database_status
from seedbed.postgres.environment_mark import find_tables_with_rows, read_mark
from seedbed.schema import load_schema
from seedbed.schema.declarations import get_declarations
from seedbed.settings import Configuration, Environment

_ROLE = """
SELECT current_user, rolsuper, rolcreatedb, rolbypassrls, has_database_privilege(current_database(), 'CREATE'),
       pg_has_role(datdba, 'USAGE'), coalesce(has_schema_privilege(to_regnamespace('public'), 'CREATE'), false)
FROM pg_roles, pg_database WHERE rolname = current_user AND datname = current_database()
"""
_INVALID_INDEXES = """
SELECT i.indexrelid::regclass::text FROM pg_index i WHERE NOT i.indisvalid
  AND NOT EXISTS (SELECT FROM pg_stat_progress_create_index p WHERE p.index_relid = i.indexrelid) ORDER BY 1
"""
_EXTENSIONS = "SELECT extname || ' ' || extversion FROM pg_extension WHERE extname <> 'plpgsql' ORDER BY extname"
_AVAILABLE_EXTENSIONS = "SELECT name FROM pg_available_extensions"


def diagnose(configuration: Configuration) -> list[Finding]:
    """Check everything that a command depend on. Nothing is changed, and no error ends it.

    An embedded server that is down is not started to check its database. The drift check uses a temporary database, for
    which it may be started.
    """
    findings = [Finding("versions", ", ".join(list_versions()))]
    for subject, check in FILE_CHECKS.items():
        findings += _run_check(subject, check, configuration)
    database = _check_server(configuration, findings)
    if database is not None:
        for subject, database_check in _DATABASE_CHECKS.items():
            findings += _run_database_check(subject, database_check, configuration, database)
        findings += _run_check("drift", lambda settings: _check_drift(settings, database), configuration)
    return findings


def _run_check(
    subject: str, check: "Callable[[Configuration], Iterator[Finding]]", configuration: Configuration
) -> list[Finding]:
    try:
        return list(check(configuration))
    except SeedbedError as error:
        return [make_error_finding(subject, error)]


def _run_database_check(
    subject: str,
    check: "Callable[[Configuration, Database, Connection], Iterator[Finding]]",
    configuration: Configuration,
    database: Database,
) -> list[Finding]:
    try:
        with connect(database, application="seedbed doctor") as connection:
            return list(check(configuration, database, connection))
    except SeedbedError as error:
        return [make_error_finding(subject, error)]


def _check_server(configuration: Configuration, findings: list[Finding]) -> Database | None:
    try:
        status = read_database_status(configuration)
        target = f"{status.database}, from {status.server}"
        if not status.running and status.problem is None:
            remedy = "seedbed db start"
            findings.append(
                Finding("server", f"{target}, is down; the first command that needs it starts it", remedy=remedy)
            )
            return None
        if status.problem is not None and status.data_directory is not None and status.mark is None:
            findings.append(Finding("server", f"{target}: {status.problem}"))
            return None
        database = resolve_database(configuration)
        with connect(database) as connection:
            connection.execute(text("SELECT 1"))
        findings.append(Finding("server", f"PostgreSQL {status.version} at {target}"))
    except SeedbedError as error:
        findings.append(make_error_finding("server", error))
        return None
    return database


def _check_connection(_chosen: Configuration, database: Database, connection: Connection) -> Iterator[Finding]:
    check_server(connection, database)
    refuse_pooler(database, trust_url=database.url != database.direct)
    yield Finding("connection", "direct and writable, as migrations and seeds need it")
    is_local = database.direct.is_local
    cipher = _read_cipher(connection)
    is_unencrypted = cipher is None and not is_local
    yield Finding(
        "encryption",
        cipher or f"none{', on this machine' if is_local else ''}",
        is_problem=is_unencrypted,
        remedy="Add sslmode=verify-full to the URL, with sslrootcert=system for a public certificate."
        if is_unencrypted
        else None,
    )


def _read_cipher(connection: Connection) -> str | None:
    """Return the protocol and the cipher between libpq and its peer, or None without encryption.

    This asks libpq, not pg_stat_ssl: where a proxy ends TLS, as at Neon, the server sees an unencrypted connection.
    """
    info = connection.connection.driver_connection.info  # type: ignore[union-attr]
    if not info.ssl_in_use:
        return None
    return f"{info.ssl_attribute('protocol')}, {info.ssl_attribute('cipher')}"


def _check_role(configuration: Configuration, _database: Database, connection: Connection) -> Iterator[Finding]:
    name, is_superuser, can_create_databases, bypasses_policies, can_create_schemas, is_owner, can_create_tables = (
        connection.execute(text(_ROLE)).one()
    )
    attributes = [
        word
        for word, applies in (
            ("a superuser", is_superuser), ("can create databases", can_create_databases),
            ("bypasses row-level security", bypasses_policies), ("owns the database", is_owner),
        )
        if applies
    ]  # fmt: skip
    missing = [
        word
        for word, applies in (("schemas", can_create_schemas), ("tables in public", can_create_tables))
        if not applies
    ]
    is_excessive = is_superuser and configuration.environment is Environment.PRODUCTION
    remedy = "Use a role that owns the database and is not a superuser." if is_excessive else None
    if missing:
        remedy = f"As the owner: GRANT CREATE ON DATABASE ... TO {name}; GRANT CREATE ON SCHEMA public TO {name};"
    missing_text = f"; cannot create {' nor '.join(missing)}" if missing else ""
    yield Finding(
        "role",
        f"{name}: {', '.join(attributes) or 'no special attributes'}{missing_text}",
        bool(is_excessive or missing),
        remedy,
    )


def _check_mark(configuration: Configuration, database: Database, connection: Connection) -> Iterator[Finding]:
    mark = read_mark(connection)
    if mark is None:
        tables = find_tables_with_rows(connection)
        yield Finding(
            "mark",
            f"none{', and rows in ' + ', '.join(tables[:3]) if tables else '; the first command writes it'}",
            is_problem=bool(tables),
            remedy=f"Mark it: seedbed db mark {configuration.environment} -e {configuration.environment}"
            if tables
            else None,
        )
        return
    is_mismatch = mark != configuration.environment
    remedy = f"Choose the environment {mark}, or another database." if is_mismatch else None
    yield Finding("mark", f"{database.name} is marked {mark}", is_problem=is_mismatch, remedy=remedy)


def _check_revision(configuration: Configuration, database: Database, connection: Connection) -> Iterator[Finding]:
    revision = read_current_revision(connection, configuration.project)
    pending = read_history(configuration.project).find_pending(revision, database.name)
    missing = (
        f", and lacks {len(pending)}: {', '.join(missing_revision.id for missing_revision in pending[:3])}"
        if pending
        else ", the newest"
    )
    remedy = "seedbed migrate plan; seedbed migrate apply" if pending else None
    yield Finding("revision", f"at {revision or 'none'}{missing}", is_problem=bool(pending), remedy=remedy)


def _check_objects(configuration: Configuration, _database: Database, connection: Connection) -> Iterator[Finding]:
    extensions = _read_names(connection, _EXTENSIONS)
    yield Finding("extensions", ", ".join(extensions) or "none")
    declared_extensions = {
        statement.split()[-1 if "IF NOT EXISTS" not in statement else 5].strip('";').lower()
        for statement in get_declarations(load_schema(configuration.project).metadata)
        if statement.upper().startswith("CREATE EXTENSION")
    }
    if unavailable := sorted(declared_extensions - set(_read_names(connection, _AVAILABLE_EXTENSIONS))):
        yield Finding(
            "extensions",
            f"the server does not provide {', '.join(unavailable)}",
            True,
            "Install it on the server, or use another server.",
        )
    if invalid_indexes := _read_names(connection, _INVALID_INDEXES):
        yield Finding(
            "indexes",
            f"{', '.join(invalid_indexes)} invalid, left by an interrupted build",
            is_problem=True,
            remedy=f"DROP INDEX CONCURRENTLY {invalid_indexes[0]}; then run its revision again.",
        )
    size = connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one()
    yield Finding("size", f"{size / (1 << 20):,.0f} MB")


def _read_names(connection: Connection, statement: str) -> list[str]:
    return [str(name) for (name,) in connection.execute(text(statement))]


def _check_drift(configuration: Configuration, database: Database) -> Iterator[Finding]:
    differences: tuple[Any, ...] = find_drift(configuration, database)
    message = "; ".join(map(str, differences[:5])) + (f"; and {len(differences) - 5} more" if differences[5:] else "")
    remedy = "Undo it in the database, or add it to the models and draft a revision." if differences else None
    yield Finding(
        "drift", message or "none: the database equals its revision", is_problem=bool(differences), remedy=remedy
    )


_DATABASE_CHECKS = {
    "connection": _check_connection,
    "role": _check_role,
    "mark": _check_mark,
    "revision": _check_revision,
    "extensions": _check_objects,
}
