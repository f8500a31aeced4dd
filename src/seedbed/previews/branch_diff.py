"""Compare two branches: their revisions and their catalogs."""

import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from seedbed.branching import BranchProvider, get_branch_provider
from seedbed.branching.lifecycle import temporary_branch
from seedbed.migrations.history.revisions import read_current_revision
from seedbed.postgres.catalog import Catalog, Difference, exclude_objects, find_differences, read_catalog
from seedbed.postgres.connection import connect
from seedbed.postgres.database import Database
from seedbed.settings import Configuration, Origin
from seedbed.settings.sources import SourceKind


@dataclass(frozen=True)
class BranchDiff:
    """The revisions of a branch and of the branch it is compared with, and what the first has that the second lacks or
    has differently.
    """

    branch: str
    compared_with: str
    revision: str | None
    compared_with_revision: str | None
    differences: tuple[Difference, ...]

    @property
    def is_equal(self) -> bool:
        return self.revision == self.compared_with_revision and not self.differences


def compare_branches(configuration: Configuration, name: str, other: str | None = None) -> BranchDiff:
    """Compare the catalog of a branch with that of its parent or of another branch. Rows are not compared.

    Objects that the project ignores are left out. Nobody can connect to a sealed branch, so it is copied, and the copy
    is deleted at the end.

    Raises:
        BranchNotFound, BranchNotReady, NotABranch: one of the branches does not exist, or is not ready.
    """
    provider = get_branch_provider(configuration)
    compared_with = other or provider.get(name).parent
    with (
        _connectable(configuration, provider, name) as first,
        _connectable(configuration, provider, compared_with) as second,
    ):
        revision, actual = _read_state(first, configuration)
        compared_with_revision, expected = _read_state(second, configuration)
    return BranchDiff(name, compared_with, revision, compared_with_revision, find_differences(actual, expected))


@contextmanager
def _connectable(configuration: Configuration, provider: BranchProvider, name: str) -> Iterator[Database]:
    if name == configuration.environment:
        yield provider.get_environment_database()
        return
    branch = provider.get(name)
    with ExitStack() as stack:
        if branch.sealed:
            url = stack.enter_context(temporary_branch(provider, f"{name}/look-{secrets.token_hex(4)}", parent=name))
        else:
            url = provider.url(name)
        yield Database(url, url, branch.environment, Origin(SourceKind.DERIVED, f"branch {name}"))


def _read_state(database: Database, configuration: Configuration) -> tuple[str | None, Catalog]:
    with connect(database) as connection:
        return read_current_revision(connection, configuration.project), exclude_objects(
            read_catalog(connection, configuration.project.version_table), configuration.project.ignore
        )
