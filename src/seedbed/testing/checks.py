"""Tests that every project wants, turned on by one line in a test module:

    from seedbed.testing.checks import *

Queries of the release that is still running are given by a fixture `old_queries`, SQL with $1 for its parameters.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
import pytest
from psycopg import sql

from seedbed.errors import UndraftedModelChanges, SeedbedError
from seedbed.migrations.checks.project_check import check_project
from seedbed.migrations.history.revisions import has_history, read_history
from seedbed.seeding.encoding.rows import sample
from seedbed.seeding.loading.load import run
from seedbed.seeding.planning.seed_plan import plan
from seedbed.settings import Environment, load
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

_LOADED = 100_000
"""Rows up to which seeds are loaded; of more, the first are made."""


@dataclass(frozen=True)
class _Found:
    """What checking the history came to; checking goes as far as the first thing that is wrong."""

    error: SeedbedError | None


@pytest.fixture
def old_queries() -> Iterable[str]:
    """Queries of the release before, for `test_old_queries_still_work`; none unless a project gives them."""
    return ()


@pytest.fixture(scope="module")
def seedbed_checked(seedbed_run: RunResources) -> _Found:
    """The history run up and down on throw-away databases of the run's server, once for two checks."""
    _skip_without_history(seedbed_run)
    shadow = {"SHADOW_DATABASE_URL": seedbed_run.server_access.owner.reveal()}
    try:
        check_project(load(seedbed_run.project, "testing", environ=os.environ | shadow))
    except SeedbedError as error:
        return _Found(error)
    return _Found(None)


def test_history_has_one_head(seedbed_run: RunResources) -> None:
    _skip_without_history(seedbed_run)
    try:
        read_history(seedbed_run.project)
    except SeedbedError as error:
        _fail(error)


def test_every_revision_goes_up_and_down(seedbed_checked: _Found) -> None:
    if seedbed_checked.error is not None and not isinstance(seedbed_checked.error, UndraftedModelChanges):
        _fail(seedbed_checked.error)


def test_models_equal_migrations(seedbed_checked: _Found) -> None:
    if isinstance(seedbed_checked.error, UndraftedModelChanges):
        _fail(seedbed_checked.error)
    if seedbed_checked.error is not None:
        pytest.skip("the revisions do not run")


def test_old_queries_still_work(request: pytest.FixtureRequest, seedbed_run: RunResources, old_queries: Iterable[str]) -> None:
    """Each is prepared and not run, so that it may have parameters and may change rows."""
    if not old_queries:
        pytest.skip("no fixture old_queries gives any")
    broken = []
    with _migrated(seedbed_run, request) as clone, clone.connect() as connection:
        connection.autocommit = True
        for query in old_queries:
            try:
                connection.execute(sql.SQL("PREPARE seedbed_old AS ") + sql.SQL(query))
                connection.execute("DEALLOCATE seedbed_old")
            except psycopg.Error as error:
                broken.append(f"{' '.join(query.split())}\n  {error}")
    if broken:
        pytest.fail("\n".join(broken), pytrace=False)


def test_seeds_are_valid(request: pytest.FixtureRequest, seedbed_run: RunResources) -> None:
    """Every environment's are loaded into a migrated database; of very many rows, the first are made."""
    project, schema = seedbed_run.project, seedbed_run.templates.schema
    environments = [each for each in Environment if (project.seeds / f"{each}.py").is_file()]
    if not environments:
        pytest.skip("there are no seeds")
    wrong = []
    for environment in environments:
        try:
            planned = plan(project, schema, environment)
            if planned.rows <= _LOADED:
                with _migrated(seedbed_run, request) as clone:
                    run(planned, seedbed_run.server_access.database(clone.name), revision=None)
            else:
                for table in planned.tables:
                    sample(table, 1000)
        except SeedbedError as error:
            wrong.append(f"seeds/{environment}.py: {format_error(error)}")
    if wrong:
        pytest.fail("\n".join(wrong), pytrace=False)


@contextmanager
def _migrated(seedbed_run: RunResources, request: pytest.FixtureRequest) -> Iterator[Clone]:
    """A database at the head without seeds: these may be what is wrong."""
    owned = OwnDatabases(seedbed_run, request.node.nodeid)
    try:
        yield owned.get_clone(None)
    finally:
        owned.close()


def _skip_without_history(seedbed_run: RunResources) -> None:
    if not has_history(seedbed_run.project):
        pytest.skip("the project has no revisions")


def _fail(error: SeedbedError) -> None:
    raise pytest.fail.Exception(format_error(error), pytrace=False) from None
