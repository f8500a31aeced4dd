"""`seedbed up`: start PostgreSQL, apply migrations, load seeds and serve the API."""

import json
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from seedbed.errors import NoServableTables, PendingProductionRevisions, SeedsFileNotFound, TablesNotEmpty
from seedbed.extras import require_extra
from seedbed.migrations.apply.plan import UpgradePlan, plan_upgrade
from seedbed.migrations.apply.upgrade import AppliedRevisions, apply
from seedbed.migrations.hazards.rules import Hazard
from seedbed.migrations.hazards.trial_run import report_losses
from seedbed.migrations.history.revisions import select_applicable
from seedbed.postgres.database import (
    Database,
    ensure_environment_database,
    find_configured_database,
    get_embedded_server,
)
from seedbed.schema import Schema, load_schema
from seedbed.seeding.loading.load import LoadedSeeds, load_seeds
from seedbed.seeding.planning.seed_plan import plan
from seedbed.settings import Configuration, Environment

Step = Callable[[str], AbstractContextManager[Callable[[str], None]]]
"""A context manager that shows a step under a title, and gives a function that reports its result."""

_PAGE_SIZE = 3


@dataclass(frozen=True)
class PreparedService:
    """The database and its content before the service starts. `url` is None without a service."""

    database: Database
    applied: AppliedRevisions
    losses: tuple[Hazard, ...]
    seeded: LoadedSeeds | None
    unseeded_reason: str | None
    url: str | None


@dataclass(frozen=True)
class RouteResponse:
    """The running service's response to one request."""

    path: str
    status: int
    body: Any


def start_service(
    configuration: Configuration, *, step: Step, on_ready: Callable[[PreparedService], None], public: bool = False
) -> None:
    """Start PostgreSQL, migrate, seed and serve until interrupted. Each step does only what is missing.

    An embedded server that this call started is stopped at the end; one that was already running stays up. The call may
    be killed at any time: the next one finds or starts the server and continues. In a project without the service, the
    call returns after seeding, and an embedded server stays up.

    Raises:
        ExtraMissing: the project has a service, and the extra `service` is not installed.
        AuthenticationNotConfigured: others could read, and neither tokens nor `public` are set.
    """
    if not configuration.project.service:
        with _prepare(configuration, step, keep_server=True) as (service, _, _):
            on_ready(service)
        return
    require_extra("service", "seedbed up")
    from seedbed.service import create_app
    from seedbed.service.http.access_control import check_access_decided
    from seedbed.service.http.server import serve

    check_access_decided(configuration, allows_everyone=public, host=configuration.settings.host)
    with _prepare(configuration, step) as (service, schema, listening):
        on_ready(service)
        _check_servable(configuration, schema)
        serve(create_app(configuration, schema, service.database.url), listening)


def try_service(
    configuration: Configuration, *, step: Step, on_ready: Callable[[PreparedService], None]
) -> list[RouteResponse]:
    """Do the same as `start_service`, but request each route once, and stop."""
    if configuration.project.service:
        require_extra("service", "seedbed up")
    with _prepare(configuration, step) as (service, schema, listening):
        on_ready(service)
        if not configuration.project.service:
            return []
        _check_servable(configuration, schema)
        from seedbed.service import create_app
        from seedbed.service.http.server import serve_in_thread

        app = create_app(configuration, schema, service.database.url)
        with serve_in_thread(app, listening) as url:
            return list(_request_routes(url, schema))


@contextmanager
def _prepare(
    configuration: Configuration, step: Step, *, keep_server: bool = False
) -> Iterator[tuple[PreparedService, Schema, Any]]:
    with ExitStack() as stack:
        with step("Starting PostgreSQL") as report:
            database = find_configured_database(configuration)
            if database is None:
                server = get_embedded_server(configuration)
                if keep_server:
                    server.ensure_running()
                else:
                    stack.enter_context(server.keep_running())
                database = ensure_environment_database(server, configuration)
                report(f"PostgreSQL {server.read_status().version} is running at {database.url.address}")
            else:
                report(f"Using {database.url.address}, from {database.origin}")
        with step("Loading the schema") as report:
            schema = load_schema(configuration.project)
            names = [table.key for table in schema.tables]
            report(f"{'1 table' if len(names) == 1 else f'{len(names)} tables'}: {', '.join(names)}")
        upgrade = _plan_migrations(configuration, database)
        losses: tuple[Hazard, ...] = ()
        if upgrade.pending:
            with step("Checking for data loss") as report:
                losses = report_losses(configuration, database, upgrade, report)
        with step("Migrating") as report:
            applied = apply(
                configuration.project, database, contract=configuration.environment != Environment.PRODUCTION
            )
            count = len(applied.applied)
            report(
                f"{count} revision{'s' if count != 1 else ''} applied"
                if count
                else f"Migrations: up to date ({applied.revision})"
            )
        with step("Seeding") as report:
            seeded, reason = _load_seeds(configuration, schema, database, applied)
            report(
                reason
                or (f"{sum(seeded.rows.values()):,} rows loaded" if seeded and seeded.loaded else "Seeds: up to date")
            )
        if not configuration.project.service:
            yield PreparedService(database, applied, losses, seeded, reason, None), schema, None
            return
        from seedbed.service.http.server import format_url, listen

        settings = configuration.settings
        is_port_set = "SEEDBED_PORT" in configuration.origins
        listening = stack.enter_context(listen(settings.host, settings.port, try_next_ports=not is_port_set))
        yield PreparedService(database, applied, losses, seeded, reason, format_url(listening)), schema, listening


def _check_servable(configuration: Configuration, schema: Schema) -> None:
    """Check that there is a table to serve. It runs last, so that the database is migrated and seeded in any case.

    Raises:
        NoServableTables: no table is an SQLModel class.
    """
    if not schema.models:
        raise NoServableTables(configuration.project.schema)


def _plan_migrations(configuration: Configuration, database: Database) -> UpgradePlan:
    """Plan the upgrade. `seedbed migrate apply` asks about risks, so pending revisions in production are refused here.

    Raises:
        PendingProductionRevisions: the database is production and has pending revisions.
    """
    upgrade = plan_upgrade(configuration.project, database)
    pending = select_applicable(upgrade.pending, upgrade.revision, contract=False)
    if pending and Environment.PRODUCTION in {upgrade.environment, upgrade.mark}:
        raise PendingProductionRevisions(database.name, [revision.id for revision in pending])
    return upgrade


def _load_seeds(
    configuration: Configuration, schema: Schema, database: Database, applied: AppliedRevisions
) -> tuple[LoadedSeeds | None, str | None]:
    """Load the seeds. Missing seeds or other rows are a reason not to seed, but not an error."""
    try:
        seed_plan = plan(configuration.project, schema, configuration.environment)
        return load_seeds(seed_plan, database, revision=applied.revision), None
    except SeedsFileNotFound:
        return None, f"No seeds for {configuration.environment}, so none loaded"
    except TablesNotEmpty as error:
        return None, f"Not seeded: {error.message} {error.remedy}"


def _request_routes(url: str, schema: Schema) -> Iterator[RouteResponse]:
    from seedbed.service.queries.resources import build_resources

    for path in ("/health/live", "/health/ready"):
        yield _request(url, path)
    for resource in build_resources(schema):
        page = _request(url, f"{resource.path}?limit={_PAGE_SIZE}")
        yield page
        if page.body:
            key = "/".join(quote(str(page.body[0][column.name]), safe="") for column in resource.key)
            yield _request(url, f"{resource.path}/{key}")


def _request(url: str, path: str) -> RouteResponse:
    with urllib.request.urlopen(f"{url}{path}", timeout=30) as response:  # noqa: S310 - the URL is that of this service
        return RouteResponse(path, response.status, json.load(response))
