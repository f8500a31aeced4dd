"""What is so with a project and its environment's database, and what is wrong with them."""

from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import Connection, text

from seedbed.errors import SeedbedError
from seedbed.migrations.checks.doctor_files import FILE_CHECKS, Finding, list_versions, make_error_finding
from seedbed.migrations.checks.drift import find_drift
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
_INVALID = """
SELECT i.indexrelid::regclass::text FROM pg_index i WHERE NOT i.indisvalid
  AND NOT EXISTS (SELECT FROM pg_stat_progress_create_index p WHERE p.index_relid = i.indexrelid) ORDER BY 1
"""
_EXTENSIONS = "SELECT extname || ' ' || extversion FROM pg_extension WHERE extname <> 'plpgsql' ORDER BY extname"
_AVAILABLE = "SELECT name FROM pg_available_extensions"


def diagnose(configuration: Configuration) -> list[Finding]:
    """Look at everything that a command may trip over. Nothing is changed, and no error ends it.

    An embedded server that is down is not started for its own sake, and then its database is not looked at. The drift
    is compared on a throw-away database, for which one may be.
    """
    found = [Finding("versions", ", ".join(list_versions()))]
    for about, look in FILE_CHECKS.items():
        found += _looked(about, look, configuration)
    database = _reached(configuration, found)
    if database is not None:
        for about, ask in _OF_DATABASE.items():
            found += _asked(about, ask, configuration, database)
        found += _looked("drift", lambda chosen: _drift(chosen, database), configuration)
    return found


def _looked(about: str, look: "Callable[[Configuration], Iterator[Finding]]", chosen: Configuration) -> list[Finding]:
    try:
        return list(look(chosen))
    except SeedbedError as error:
        return [make_error_finding(about, error)]


def _asked(
    about: str,
    ask: "Callable[[Configuration, Database, Connection], Iterator[Finding]]",
    chosen: Configuration,
    database: Database,
) -> list[Finding]:
    try:
        with connect(database, application="seedbed doctor") as connection:
            return list(ask(chosen, database, connection))
    except SeedbedError as error:
        return [make_error_finding(about, error)]


def _reached(chosen: Configuration, found: list[Finding]) -> Database | None:
    try:
        described = read_database_status(chosen)
        shown = f"{described.database}, from {described.server}"
        if not described.running and described.problem is None:
            start = "seedbed db start"
            found.append(
                Finding("server", f"{shown}, is down; the first command that needs it starts it", remedy=start)
            )
            return None
        if described.problem is not None and described.data_directory is not None and described.mark is None:
            found.append(Finding("server", f"{shown}: {described.problem}"))
            return None
        database = resolve_database(chosen)
        with connect(database) as connection:
            connection.execute(text("SELECT 1"))
        found.append(Finding("server", f"PostgreSQL {described.version} at {shown}"))
    except SeedbedError as error:
        found.append(make_error_finding("server", error))
        return None
    return database


def _fit(_chosen: Configuration, database: Database, connection: Connection) -> Iterator[Finding]:
    check_server(connection, database)
    refuse_pooler(database, trust_url=database.url != database.direct)
    yield Finding("way", "direct, as migrations and seeds need it, and not read-only")
    local = database.direct.is_local
    cipher = _encryption(connection)
    bare = cipher is None and not local
    yield Finding(
        "encryption",
        cipher or f"none{', on this machine' if local else ''}",
        is_problem=bare,
        remedy="Add sslmode=verify-full to the URL, with sslrootcert=system for a public certificate."
        if bare
        else None,
    )


def _encryption(connection: Connection) -> str | None:
    """The protocol and the cipher between libpq and its peer, None where there is none.

    libpq is asked and not pg_stat_ssl: where a proxy ends TLS, as at Neon, the server sees an unencrypted connection.
    """
    info = connection.connection.driver_connection.info  # type: ignore[union-attr]
    if not info.ssl_in_use:
        return None
    return f"{info.ssl_attribute('protocol')}, {info.ssl_attribute('cipher')}"


def _role(chosen: Configuration, _database: Database, connection: Connection) -> Iterator[Finding]:
    name, superuser, creates, bypasses, makes, owns, fills = connection.execute(text(_ROLE)).one()
    said = [
        word
        for word, holds in (
            ("a superuser", superuser), ("may make databases", creates), ("passes over row policies", bypasses),
            ("owns the database", owns),
        )
        if holds
    ]  # fmt: skip
    cannot = [word for word, holds in (("schemas", makes), ("tables in public", fills)) if not holds]
    too_much = superuser and chosen.environment is Environment.PRODUCTION
    remedy = "Use a role that owns the database and is no superuser." if too_much else None
    if cannot:
        remedy = f"As the owner: GRANT CREATE ON DATABASE ... TO {name}; GRANT CREATE ON SCHEMA public TO {name};"
    lacks = f"; may not make {' nor '.join(cannot)}" if cannot else ""
    yield Finding("role", f"{name}: {', '.join(said) or 'no special rights'}{lacks}", bool(too_much or cannot), remedy)


def _mark(chosen: Configuration, database: Database, connection: Connection) -> Iterator[Finding]:
    mark = read_mark(connection)
    if mark is None:
        occupied = find_tables_with_rows(connection)
        yield Finding(
            "mark",
            f"none{', and rows in ' + ', '.join(occupied[:3]) if occupied else '; the first command writes it'}",
            is_problem=bool(occupied),
            remedy=f"Say what it is: seedbed db mark {chosen.environment} -e {chosen.environment}"
            if occupied
            else None,
        )
        return
    other = mark != chosen.environment
    remedy = f"Choose the environment {mark}, or another database." if other else None
    yield Finding("mark", f"{database.name} says that it is {mark}", is_problem=other, remedy=remedy)


def _revision(chosen: Configuration, database: Database, connection: Connection) -> Iterator[Finding]:
    revision = read_current_revision(connection, chosen.project)
    pending = read_history(chosen.project).find_pending(revision, database.name)
    lacks = f", and lacks {len(pending)}: {', '.join(one.id for one in pending[:3])}" if pending else ", the newest"
    remedy = "seedbed migrate plan; seedbed migrate apply" if pending else None
    yield Finding("revision", f"at {revision or 'none'}{lacks}", is_problem=bool(pending), remedy=remedy)


def _state(chosen: Configuration, _database: Database, connection: Connection) -> Iterator[Finding]:
    extensions = _names(connection, _EXTENSIONS)
    yield Finding("extensions", ", ".join(extensions) or "none")
    wanted = {
        statement.split()[-1 if "IF NOT EXISTS" not in statement else 5].strip('";').lower()
        for statement in get_declarations(load_schema(chosen.project).metadata)
        if statement.upper().startswith("CREATE EXTENSION")
    }
    if lacking := sorted(wanted - set(_names(connection, _AVAILABLE))):
        yield Finding(
            "extensions",
            f"the server has no {', '.join(lacking)}",
            True,
            "Install it there, or use a server that has it.",
        )
    if invalid := _names(connection, _INVALID):
        yield Finding(
            "indexes",
            f"{', '.join(invalid)} invalid, left by a build that was stopped",
            is_problem=True,
            remedy=f"DROP INDEX CONCURRENTLY {invalid[0]}; then run its revision again.",
        )
    size = connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one()
    yield Finding("size", f"{size / (1 << 20):,.0f} MB")


def _names(connection: Connection, statement: str) -> list[str]:
    return [str(name) for (name,) in connection.execute(text(statement))]


def _drift(chosen: Configuration, database: Database) -> Iterator[Finding]:
    found: tuple[Any, ...] = find_drift(chosen, database)
    fact = "; ".join(map(str, found[:5])) + (f"; and {len(found) - 5} more" if found[5:] else "")
    remedy = "Undo it there, or put it into the models and draft a revision." if found else None
    yield Finding("drift", fact or "none: the database is what its revision made it", is_problem=bool(found), remedy=remedy)


_OF_DATABASE = {"way": _fit, "role": _role, "mark": _mark, "revision": _revision, "extensions": _state}
