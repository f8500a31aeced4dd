"""The main job: a database that is there, migrated and seeded, and the service on top of it."""

import json
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from seedbed.errors import NoServableTables, PendingProductionRevisions, SeedsFileNotFound, TablesNotEmpty
from seedbed.migrations.apply.plan import UpgradePlan
from seedbed.migrations.apply.plan import plan_upgrade as plan_migrations
from seedbed.migrations.apply.upgrade import AppliedRevisions, apply
from seedbed.migrations.hazards.losses import report_losses
from seedbed.migrations.hazards.rules import Hazard
from seedbed.migrations.history.revisions import select_applicable
from seedbed.postgres.database import Database, get_embedded_server, find_configured_database, ensure_environment_database
from seedbed.schema import Schema, load_schema
from seedbed.seeding.loading.load import Seeded, run
from seedbed.seeding.planning.seed_plan import plan
from seedbed.service import create_app
from seedbed.service.http.access_control import check_access_decided
from seedbed.service.http.server import listen, serve, serve_in_thread, format_url
from seedbed.service.queries.resources import build_resources
from seedbed.settings import Configuration, Environment

Step = Callable[[str], AbstractContextManager[Callable[[str], None]]]
"""Shows a step: called with what is being done, it gives what to call with what was done."""

_PAGE = 3


@dataclass(frozen=True)
class Ready:
    """What `up` brought about, up to where the service starts; `url` is the service's, where there is one."""

    database: Database
    applied: AppliedRevisions
    losses: tuple[Hazard, ...]
    seeded: Seeded | None
    unseeded_because: str | None
    url: str | None


@dataclass(frozen=True)
class Fetched:
    """One page of one route, as the running service gave it."""

    path: str
    status: int
    body: Any


def up(configuration: Configuration, *, step: Step, tell: Callable[[Ready], None], public: bool = False) -> None:
    """Start, migrate, seed and serve, until interrupted. Every step looks first and does only what is missing.

    An embedded server that this call started is stopped at the end; one that was up already stays up. A kill at any
    moment loses nothing: the next call finds the server, or starts it, and goes on. A project without the service is
    not waited for: the call ends, and an embedded server stays up.

    Raises:
        AuthenticationNotConfigured: others could read, and nobody said that they may.
    """
    if not configuration.project.service:
        with _prepared(configuration, step, stays=True) as (ready, _, _):
            tell(ready)
        return
    check_access_decided(configuration, allows_everyone=public, host=configuration.settings.host)
    with _prepared(configuration, step) as (ready, schema, listening):
        tell(ready)
        _see_that_there_is_something(configuration, schema)
        serve(create_app(configuration, schema, ready.database.url), listening)


def up_once(configuration: Configuration, *, step: Step, tell: Callable[[Ready], None]) -> list[Fetched]:
    """Do all that `up` does, fetch a page of every route from the running service, and stop."""
    with _prepared(configuration, step) as (ready, schema, listening):
        tell(ready)
        if not configuration.project.service:
            return []
        _see_that_there_is_something(configuration, schema)
        app = create_app(configuration, schema, ready.database.url)
        with serve_in_thread(app, listening) as url:
            return list(_pages(url, schema))


@contextmanager
def _prepared(configuration: Configuration, step: Step, *, stays: bool = False) -> Iterator[tuple[Ready, Schema, Any]]:
    with ExitStack() as stack:
        with step("Starting PostgreSQL") as done:
            database = find_configured_database(configuration)
            if database is None:
                server = get_embedded_server(configuration)
                if stays:
                    server.ensure_running()
                else:
                    stack.enter_context(server.keep_running())
                database = ensure_environment_database(server, configuration)
                done(f"PostgreSQL {server.read_status().version} is up at {database.url.address}")
            else:
                done(f"Using {database.url.address}, from {database.origin}")
        with step("Loading the schema") as done:
            schema = load_schema(configuration.project)
            names = [table.key for table in schema.tables]
            done(f"{'1 table' if len(names) == 1 else f'{len(names)} tables'}: {', '.join(names)}")
        planned = _refuse_in_production(configuration, database)
        losses: tuple[Hazard, ...] = ()
        if planned.pending:
            with step("Looking for data loss") as done:
                losses = report_losses(configuration, database, planned, done)
        with step("Migrating") as done:
            applied = apply(
                configuration.project, database, contract=configuration.environment != Environment.PRODUCTION
            )
            count = len(applied.applied)
            done(f"{count} revision{'s' if count != 1 else ''} applied" if count else f"At {applied.revision} already")
        with step("Seeding") as done:
            seeded, because = _seeded(configuration, schema, database, applied)
            done(
                because
                or (f"{sum(seeded.rows.values()):,} rows loaded" if seeded and seeded.loaded else "Seeded already")
            )
        if not configuration.project.service:
            yield Ready(database, applied, losses, seeded, because, None), schema, None
            return
        settings = configuration.settings
        chosen = "SEEDBED_PORT" in configuration.origins
        listening = stack.enter_context(listen(settings.host, settings.port, try_next_ports=not chosen))
        yield Ready(database, applied, losses, seeded, because, format_url(listening)), schema, listening


def _see_that_there_is_something(configuration: Configuration, schema: Schema) -> None:
    """See that there is something to serve: the database is migrated and seeded by now in any case.

    Raises:
        NoServableTables: the tables are SQLAlchemy's own classes.
    """
    if not schema.models:
        raise NoServableTables(configuration.project.schema)


def _refuse_in_production(configuration: Configuration, database: Database) -> UpgradePlan:
    """What is pending. In production nothing may be: what is dangerous about it is asked by the command that is for
    that.

    Raises:
        PendingProductionRevisions: with the revisions.
    """
    planned = plan_migrations(configuration.project, database)
    pending = select_applicable(planned.pending, planned.revision, contract=False)
    if pending and Environment.PRODUCTION in {planned.environment, planned.mark}:
        raise PendingProductionRevisions(database.name, [revision.id for revision in pending])
    return planned


def _seeded(
    configuration: Configuration, schema: Schema, database: Database, applied: AppliedRevisions
) -> tuple[Seeded | None, str | None]:
    """Seed where there are seeds and nothing else is in the way; neither is a reason not to serve."""
    try:
        wanted = plan(configuration.project, schema, configuration.environment)
        return run(wanted, database, revision=applied.revision), None
    except SeedsFileNotFound:
        return None, f"No seeds for {configuration.environment}, so none loaded"
    except TablesNotEmpty as error:
        return None, f"Not seeded: {error.message} {error.remedy}"


def _pages(url: str, schema: Schema) -> Iterator[Fetched]:
    for path in ("/health/live", "/health/ready"):
        yield _fetched(url, path)
    for resource in build_resources(schema):
        page = _fetched(url, f"{resource.path}?limit={_PAGE}")
        yield page
        if page.body:
            key = "/".join(quote(str(page.body[0][column.name]), safe="") for column in resource.key)
            yield _fetched(url, f"{resource.path}/{key}")


def _fetched(url: str, path: str) -> Fetched:
    with urllib.request.urlopen(f"{url}{path}", timeout=30) as answer:  # noqa: S310 - the URL is our own service's
        return Fetched(path, answer.status, json.load(answer))
