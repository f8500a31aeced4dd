"""How a branch differs from another, in revisions and in what its database holds."""

import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from seedbed.branching import BranchProvider, provider_of
from seedbed.branching.lifecycle import passing
from seedbed.migrations.history.revisions import read_current_revision
from seedbed.postgres.catalog import Catalog, Difference, find_differences, read_catalog, exclude_objects
from seedbed.postgres.connection import connect
from seedbed.postgres.database import Database
from seedbed.settings import Configuration, Origin
from seedbed.settings.sources import SourceKind


@dataclass(frozen=True)
class BranchDiff:
    """A branch beside another one: where each is in the history, and what the first has that the second lacks, or has
    otherwise.
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
    """Compare a branch with its parent, or with another branch, by their catalogs; rows are not compared.

    What the project ignores is left out. A sealed branch, which nobody can connect to, is copied for it and the copy
    deleted again.

    Raises:
        BranchNotFound, BranchNotReady, NotABranch: one of them is not there, or not for use yet.
    """
    provider = provider_of(configuration)
    beside = other or provider.get(name).parent
    with _readable(configuration, provider, name) as one, _readable(configuration, provider, beside) as two:
        revision, found = _looked_at(one, configuration)
        other_revision, wanted = _looked_at(two, configuration)
    return BranchDiff(name, beside, revision, other_revision, find_differences(found, wanted))


@contextmanager
def _readable(configuration: Configuration, provider: BranchProvider, name: str) -> Iterator[Database]:
    if name == configuration.environment:
        yield provider.original()
        return
    branch = provider.get(name)
    with ExitStack() as until:
        if branch.sealed:
            url = until.enter_context(passing(provider, f"{name}/look-{secrets.token_hex(4)}", parent=name))
        else:
            url = provider.url(name)
        yield Database(url, url, branch.environment, Origin(SourceKind.DERIVED, f"branch {name}"))


def _looked_at(database: Database, configuration: Configuration) -> tuple[str | None, Catalog]:
    with connect(database) as connection:
        return read_current_revision(connection, configuration.project), exclude_objects(
            read_catalog(connection, configuration.project.version_table), configuration.project.ignore
        )
