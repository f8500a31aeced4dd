"""What is so with a project and its environment's database, and what is wrong with them."""

import platform
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from sqlalchemy import Connection, text

from seedbed.errors import BinariesNotFound, NoEmbeddedServer, SeedbedError
from seedbed.migrating.drifting import drift
from seedbed.migrating.handing_over import refuse_deaf
from seedbed.migrating.history import current_revision, read_history
from seedbed.migrating.sealing import edited
from seedbed.modelling import load_schema
from seedbed.modelling.objects import declared
from seedbed.postgres.connecting import connect
from seedbed.postgres.databases import Database, embedded_server, locate, refuse_pooler, refuse_unfit
from seedbed.postgres.describing import describe
from seedbed.postgres.embedded import find_binaries
from seedbed.postgres.marks import read_mark, tables_with_rows
from seedbed.settings import Configuration, Environment

_PACKAGES = ("seedbed", "sqlalchemy", "alembic", "sqlmodel", "psycopg2-binary", "psycopg")
_ROOM = 1 << 30
"""Bytes that should be free where the embedded server's data are: less than that, and a big seed may fill the disk."""

_ROLE = """
SELECT current_user, rolsuper, rolcreatedb, rolbypassrls, has_database_privilege(current_database(), 'CREATE'),
       pg_has_role(datdba, 'USAGE'), coalesce(has_schema_privilege(to_regnamespace('public'), 'CREATE'), false)
FROM pg_roles, pg_database WHERE rolname = current_user AND datname = current_database()
"""
_TLS = "SELECT ssl, version, cipher FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
_INVALID = """
SELECT i.indexrelid::regclass::text FROM pg_index i WHERE NOT i.indisvalid
  AND NOT EXISTS (SELECT FROM pg_stat_progress_create_index p WHERE p.index_relid = i.indexrelid) ORDER BY 1
"""
_EXTENSIONS = "SELECT extname || ' ' || extversion FROM pg_extension WHERE extname <> 'plpgsql' ORDER BY extname"
_AVAILABLE = "SELECT name FROM pg_available_extensions"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. What is wrong has a remedy; what is not may have one, as advice."""

    about: str
    fact: str
    wrong: bool = False
    remedy: str | None = None


def examine(configuration: Configuration) -> list[Finding]:
    """Look at everything that a command may trip over. Nothing is changed, and no error ends it.

    An embedded server that is down is not started for its own sake, and then its database is not looked at. The drift
    is compared on a throw-away database, for which one may be.
    """
    found = [Finding("versions", ", ".join(_versions()))]
    for about, look in _OF_PROJECT.items():
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
        return [_broken(about, error)]


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
        return [_broken(about, error)]


def _broken(about: str, error: SeedbedError) -> Finding:
    return Finding(about, f"{error.code} {error.message}", wrong=True, remedy=error.remedy)


def _versions() -> Iterator[str]:
    yield f"Python {platform.python_version()}"
    for package in _PACKAGES:
        with suppress(PackageNotFoundError):
            yield f"{package} {version(package)}"


def _environment(chosen: Configuration) -> Iterator[Finding]:
    yield Finding("environment", f"{chosen.environment}, by {chosen.chosen_by}")
    for doubt in chosen.doubts():
        yield Finding("environment", doubt, wrong=True, remedy="Set both addresses to one database.")


def _schema(chosen: Configuration) -> Iterator[Finding]:
    schema = load_schema(chosen.project)
    plain = len(schema.classes) - len(schema.models)
    unserved = f", of which {plain} have no routes, being SQLAlchemy's own classes" if plain else ""
    tables = "1 table" if len(schema.tables) == 1 else f"{len(schema.tables)} tables"
    yield Finding("schema", f"{tables} from {chosen.project.schema}{unserved}")


def _history(chosen: Configuration) -> Iterator[Finding]:
    history = read_history(chosen.project)
    count = len(history.revisions)
    what = "1 revision" if count == 1 else f"{count} revisions"
    yield Finding("history", f"{what}, one head: {history.head or 'none'}")
    if changed := edited(chosen.project, history):
        yield Finding(
            "history",
            f"{', '.join(r.id for r in changed)} changed since written, by migrations/head",
            wrong=True,
            remedy="Put the file back; if no database has it yet: seedbed migrate check --seal",
        )
    refuse_deaf(chosen.project)
    yield Finding("env.py", "takes the connection that Seedbed hands over")


def _seeds(chosen: Configuration) -> Iterator[Finding]:
    file = chosen.project.seeds / f"{chosen.environment}.py"
    shown = file.relative_to(chosen.project.root)
    if file.is_file():
        yield Finding("seeds", str(shown))
    else:
        production = chosen.environment is Environment.PRODUCTION
        yield Finding("seeds", f"there is no {shown}", remedy=None if production else f"Write {shown} to have rows.")


def _programs(chosen: Configuration) -> Iterator[Finding]:
    try:
        binaries = find_binaries()
    except BinariesNotFound as error:
        needed = chosen.settings.shadow_database_url is None
        yield Finding("programs", error.message, wrong=needed, remedy=f"{error.remedy} Or set SHADOW_DATABASE_URL.")
        return
    yield Finding("programs", f"PostgreSQL {binaries.version} in {binaries.folder}, by {binaries.found}")
    shadow = chosen.settings.shadow_database_url
    where = shadow.address if shadow is not None else "the embedded server"
    yield Finding("drafts", f"are proven on {where}")


def _disk(chosen: Configuration) -> Iterator[Finding]:
    try:
        home = embedded_server(chosen).home
    except NoEmbeddedServer:
        return
    folder = next(place for place in (home, *home.parents) if place.exists())
    free = shutil.disk_usage(folder).free
    yield Finding(
        "disk",
        f"{free / (1 << 30):.1f} GB free for {home}",
        wrong=free < _ROOM,
        remedy="Make room, or move the server's data: SEEDBED_DATA_DIR" if free < _ROOM else None,
    )


def _reached(chosen: Configuration, found: list[Finding]) -> Database | None:
    try:
        described = describe(chosen)
        shown = f"{described.database}, from {described.server}"
        if not described.running and described.problem is None:
            start = "seedbed db start"
            found.append(
                Finding("server", f"{shown}, is down; the first command that needs it starts it", remedy=start)
            )
            return None
        if described.problem is not None and described.folder is not None and described.mark is None:
            found.append(Finding("server", f"{shown}: {described.problem}"))
            return None
        database = locate(chosen)
        with connect(database) as connection:
            connection.execute(text("SELECT 1"))
        found.append(Finding("server", f"PostgreSQL {described.version} at {shown}"))
    except SeedbedError as error:
        found.append(_broken("server", error))
        return None
    return database


def _fit(_chosen: Configuration, database: Database, connection: Connection) -> Iterator[Finding]:
    refuse_unfit(connection, database)
    refuse_pooler(database, taken_at_its_word=database.url != database.direct)
    yield Finding("way", "direct, as migrations and seeds need it, and not read-only")
    row = connection.execute(text(_TLS)).one_or_none()
    local = database.direct.is_local
    encrypted = row is not None and row.ssl
    bare = not encrypted and not local
    yield Finding(
        "encryption",
        f"{row.version}, {row.cipher}"
        if row is not None and encrypted
        else f"none{', on this machine' if local else ''}",
        wrong=bare,
        remedy="Add sslmode=verify-full to the URL, with sslrootcert=system for a public certificate."
        if bare
        else None,
    )


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
        occupied = tables_with_rows(connection)
        yield Finding(
            "mark",
            f"none{', and rows in ' + ', '.join(occupied[:3]) if occupied else '; the first command writes it'}",
            wrong=bool(occupied),
            remedy=f"Say what it is: seedbed db mark {chosen.environment} -e {chosen.environment}"
            if occupied
            else None,
        )
        return
    other = mark != chosen.environment
    remedy = f"Choose the environment {mark}, or another database." if other else None
    yield Finding("mark", f"{database.name} says that it is {mark}", wrong=other, remedy=remedy)


def _revision(chosen: Configuration, database: Database, connection: Connection) -> Iterator[Finding]:
    revision = current_revision(connection, chosen.project)
    pending = read_history(chosen.project).after(revision, database.name)
    lacks = f", and lacks {len(pending)}: {', '.join(one.id for one in pending[:3])}" if pending else ", the newest"
    remedy = "seedbed migrate plan; seedbed migrate apply" if pending else None
    yield Finding("revision", f"at {revision or 'none'}{lacks}", wrong=bool(pending), remedy=remedy)


def _state(chosen: Configuration, _database: Database, connection: Connection) -> Iterator[Finding]:
    extensions = _names(connection, _EXTENSIONS)
    yield Finding("extensions", ", ".join(extensions) or "none")
    wanted = {
        statement.split()[-1 if "IF NOT EXISTS" not in statement else 5].strip('";').lower()
        for statement in declared(load_schema(chosen.project).metadata)
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
            wrong=True,
            remedy=f"DROP INDEX CONCURRENTLY {invalid[0]}; then run its revision again.",
        )
    size = connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one()
    yield Finding("size", f"{size / (1 << 20):,.0f} MB")


def _names(connection: Connection, statement: str) -> list[str]:
    return [str(name) for (name,) in connection.execute(text(statement))]


def _drift(chosen: Configuration, database: Database) -> Iterator[Finding]:
    found: tuple[Any, ...] = drift(chosen, database)
    fact = "; ".join(map(str, found[:5])) + (f"; and {len(found) - 5} more" if found[5:] else "")
    remedy = "Undo it there, or put it into the models and draft a revision." if found else None
    yield Finding("drift", fact or "none: the database is what its revision made it", wrong=bool(found), remedy=remedy)


_OF_PROJECT = {
    "environment": _environment, "schema": _schema, "history": _history, "seeds": _seeds, "programs": _programs,
    "disk": _disk,
}  # fmt: skip
_OF_DATABASE = {"way": _fit, "role": _role, "mark": _mark, "revision": _revision, "extensions": _state}
