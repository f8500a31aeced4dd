"""Checks of a project's history, models and seeds, turned on by one line in a test module:

    from seedbed.testing.checks import *

A fixture `old_queries` returns the queries of the previous release, as SQL with $1 for a parameter.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
import pytest
from psycopg import sql

from seedbed.errors import SeedbedError, UndraftedModelChanges
from seedbed.migrations.checks.project_check import check_project
from seedbed.migrations.history.revisions import has_history, read_history
from seedbed.seeding.loading.load import load_seeds
from seedbed.seeding.planning.seed_plan import plan
from seedbed.seeding.planning.table_plan import make_sample
from seedbed.settings import Environment, load_configuration
from seedbed.testing.databases.clones import Clone
from seedbed.testing.error_report import format_error
from seedbed.testing.session.per_test_databases import OwnDatabases
from seedbed.testing.session.run_resources import RunResources

__all__ = [
    "old_queries",
    "seedbed_checked",
    "test_every_revision_goes_up_and_down",
    "test_history_has_one_head",
    "test_models_equal_migrations",
    "test_old_queries_still_work",
    "test_seeds_are_valid",
]

_MAX_LOADED_ROWS = 100_000
"""Seeds with more rows are not loaded; only their first rows are generated."""


@dataclass(frozen=True)
class _HistoryCheck:
    """The first error of the history, or None."""

    error: SeedbedError | None


@pytest.fixture
def old_queries() -> Iterable[str]:
    """Return the queries of the previous release, for `test_old_queries_still_work`. A project overrides this."""
    return ()


@pytest.fixture(scope="module")
def seedbed_checked(seedbed_run: RunResources) -> _HistoryCheck:
    """Upgrade and downgrade through the history on throwaway databases of the run's server, once for two checks."""
    _skip_without_history(seedbed_run)
    shadow = {"SHADOW_DATABASE_URL": seedbed_run.server_access.owner.reveal()}
    try:
        check_project(load_configuration(seedbed_run.project, "testing", environ=os.environ | shadow))
    except SeedbedError as error:
        return _HistoryCheck(error)
    return _HistoryCheck(None)


def test_history_has_one_head(seedbed_run: RunResources) -> None:
    _skip_without_history(seedbed_run)
    try:
        read_history(seedbed_run.project)
    except SeedbedError as error:
        _fail(error)


def test_every_revision_goes_up_and_down(seedbed_checked: _HistoryCheck) -> None:
    if seedbed_checked.error is not None and not isinstance(seedbed_checked.error, UndraftedModelChanges):
        _fail(seedbed_checked.error)


def test_models_equal_migrations(seedbed_checked: _HistoryCheck) -> None:
    if isinstance(seedbed_checked.error, UndraftedModelChanges):
        _fail(seedbed_checked.error)
    if seedbed_checked.error is not None:
        pytest.skip("the revisions do not run")


def test_old_queries_still_work(
    request: pytest.FixtureRequest, seedbed_run: RunResources, old_queries: Iterable[str]
) -> None:
    """Prepare each query without running it, so that it may have parameters and may change rows."""
    if not old_queries:
        pytest.skip("there are no old_queries")
    failures = []
    with _create_migrated_database(seedbed_run, request) as clone, clone.connect() as connection:
        connection.autocommit = True
        for query in old_queries:
            try:
                connection.execute(sql.SQL("PREPARE seedbed_old AS ") + sql.SQL(query))
                connection.execute("DEALLOCATE seedbed_old")
            except psycopg.Error as error:
                failures.append(f"{' '.join(query.split())}\n  {error}")
    if failures:
        pytest.fail("\n".join(failures), pytrace=False)


def test_seeds_are_valid(request: pytest.FixtureRequest, seedbed_run: RunResources) -> None:
    """Load every environment's seeds into a migrated database. Of very many rows, only generate the first ones."""
    project, schema = seedbed_run.project, seedbed_run.templates.schema
    environments = [environment for environment in Environment if (project.seeds / f"{environment}.py").is_file()]
    if not environments:
        pytest.skip("there are no seeds")
    failures = []
    for environment in environments:
        try:
            seed_plan = plan(project, schema, environment)
            if seed_plan.rows <= _MAX_LOADED_ROWS:
                with _create_migrated_database(seedbed_run, request) as clone:
                    load_seeds(seed_plan, seedbed_run.server_access.database(clone.name), revision=None)
            else:
                for table in seed_plan.tables:
                    make_sample(table, 1000)
        except SeedbedError as error:
            failures.append(f"seeds/{environment}.py: {format_error(error)}")
    if failures:
        pytest.fail("\n".join(failures), pytrace=False)


@contextmanager
def _create_migrated_database(seedbed_run: RunResources, request: pytest.FixtureRequest) -> Iterator[Clone]:
    """Create a database at the head, without seeds, because the seeds may be invalid."""
    databases = OwnDatabases(seedbed_run, request.node.nodeid)
    try:
        yield databases.get_clone(None)
    finally:
        databases.close()


def _skip_without_history(seedbed_run: RunResources) -> None:
    if not has_history(seedbed_run.project):
        pytest.skip("the project has no revisions")


def _fail(error: SeedbedError) -> None:
    raise pytest.fail.Exception(format_error(error), pytrace=False) from None
