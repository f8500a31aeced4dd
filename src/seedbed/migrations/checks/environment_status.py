"""The status of every configured environment, side by side."""

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import text

from seedbed.errors import SeedbedError
from seedbed.migrations.apply.plan import plan_upgrade
from seedbed.migrations.checks.drift import find_drift
from seedbed.postgres.connection import connect
from seedbed.postgres.database import Database, resolve_database
from seedbed.postgres.database_status import read_database_status
from seedbed.settings import Environment, Project, load_configuration

_LAST_APPLIED_AT = "SELECT max(applied_at) FROM seedbed.revisions"


@dataclass(frozen=True)
class EnvironmentStatus:
    """The status of an environment: its database, its revision, and how far both are behind.

    `pending_count` counts the pending revisions, and `drift_count` the differences from the revision. `applied_at` is
    the time of the last applied revision. An unknown value is None, and `problem` gives the reason.
    """

    environment: str
    database: str
    mark: str | None = None
    revision: str | None = None
    pending_count: int | None = None
    drift_count: int | None = None
    applied_at: datetime | None = None
    problem: str | None = None


def read_environment_statuses(project: Project) -> list[EnvironmentStatus]:
    """Return the status of each environment. No server is started, and no error ends it."""
    return [_read_status(project, environment) for environment in Environment]


def _read_status(project: Project, environment: Environment) -> EnvironmentStatus:
    status = EnvironmentStatus(environment.value, "-")
    try:
        configuration = load_configuration(project, environment.value)
        database_status = read_database_status(configuration)
        status = replace(status, database=database_status.database, mark=database_status.mark)
        if database_status.problem is not None or not database_status.running:
            return replace(status, problem=database_status.problem or "the embedded server is not running")
        database = resolve_database(configuration)
        plan = plan_upgrade(project, database)
        status = replace(
            status, revision=plan.revision, pending_count=len(plan.pending), applied_at=_read_last_applied_at(database)
        )
        return replace(status, drift_count=len(find_drift(configuration, database)))
    except SeedbedError as error:
        return replace(status, problem=f"{error.code} {error.message}")


def _read_last_applied_at(database: Database) -> datetime | None:
    with connect(database) as connection:
        if connection.execute(text("SELECT to_regclass('seedbed.revisions')")).scalar() is None:
            return None
        applied: datetime | None = connection.execute(text(_LAST_APPLIED_AT)).scalar()
        return applied
