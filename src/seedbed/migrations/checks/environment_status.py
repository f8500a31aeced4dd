"""Every environment that is configured, side by side."""

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import text

from seedbed.errors import SeedbedError
from seedbed.migrations.apply.plan import plan_upgrade
from seedbed.migrations.checks.drift import find_drift
from seedbed.postgres.connection import connect
from seedbed.postgres.database import Database, resolve_database
from seedbed.postgres.database_status import read_database_status
from seedbed.settings import Environment, Project, load

_LAST = "SELECT max(applied_at) FROM seedbed.revisions"


@dataclass(frozen=True)
class EnvironmentStatus:
    """An environment: where it is, what its revision lacks, how many things differ from what the revision makes, and
    when a revision was last applied. What is not known is None, and `problem` says why.
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
    """Look at each environment's database; nothing is started for development and testing, and no error ends it."""
    return [_surveyed(project, environment) for environment in Environment]


def _surveyed(project: Project, environment: Environment) -> EnvironmentStatus:
    found = EnvironmentStatus(environment.value, "-")
    try:
        configuration = load(project, environment.value)
        described = read_database_status(configuration)
        found = replace(found, database=described.database, mark=described.mark)
        if described.problem is not None or not described.running:
            return replace(found, problem=described.problem or "the embedded server is not running")
        database = resolve_database(configuration)
        planned = plan_upgrade(project, database)
        found = replace(
            found, revision=planned.revision, pending_count=len(planned.pending), applied_at=_last_applied(database)
        )
        return replace(found, drift_count=len(find_drift(configuration, database)))
    except SeedbedError as error:
        return replace(found, problem=f"{error.code} {error.message}")


def _last_applied(database: Database) -> datetime | None:
    with connect(database) as connection:
        if connection.execute(text("SELECT to_regclass('seedbed.revisions')")).scalar() is None:
            return None
        applied: datetime | None = connection.execute(text(_LAST)).scalar()
        return applied
