"""The mark of a new copy on Neon, written through the copy's own compute."""

from dataclasses import dataclass

from seedbed.branching.neon.annotations import AnnotatedBranch
from seedbed.branching.neon.endpoints import BranchEndpoints
from seedbed.branching.neon.http import CONFLICT
from seedbed.branching.neon.lookup import NeonBranchLookup
from seedbed.errors import BranchNotReady, NeonRequestRejected, UnmarkedDatabase, UnmaskedProductionCopy
from seedbed.postgres.connection import connect
from seedbed.postgres.environment_mark import PREPARING, find_tables_with_rows, mark_as_copy, read_copy_id, read_mark
from seedbed.settings import Environment

_AWAKE_SECONDS = 60.0


@dataclass(frozen=True)
class CopyMarker:
    """Marks copies `preparing`. A copy inherits its parent's mark, which tells whether it holds production data."""

    lookup: NeonBranchLookup
    endpoints: BranchEndpoints

    def mark_new(self, copy: AnnotatedBranch, *, is_inherited: bool = False, allow_production: bool = False) -> None:
        """Mark a copy that was just created, unless it would turn production data into another environment.

        `is_inherited` is for a copy whose environment is its parent's.

        Raises:
            BranchNotReady: the parent was being reset.
            UnmarkedDatabase: the copy has rows and no mark, so it counts as production.
            UnmaskedProductionCopy: the copy is marked production and meant for another environment.
            NeonRequestRejected: the parent is marked for another environment than its annotation.
        """
        self._mark(copy, is_new=True, is_inherited=is_inherited, allow_production=allow_production)

    def ensure_marked(self, copy: AnnotatedBranch) -> None:
        """Mark a copy that is not ready, where the command that created it was killed before. Raises as `mark_new`."""
        self._mark(copy, is_new=False)

    def _mark(
        self, copy: AnnotatedBranch, *, is_new: bool, is_inherited: bool = False, allow_production: bool = False
    ) -> None:
        self.lookup.client.wait_for_operations(copy.neon_branch.id)
        self.endpoints.ensure_compute(copy)
        branch = copy.to_branch([])
        self.endpoints.wait_until_awake(copy, _AWAKE_SECONDS)
        with connect(self.endpoints.get_database(copy)) as connection:
            mark = read_mark(connection)
            if mark == PREPARING:
                if is_new and read_copy_id(connection) != copy.neon_branch.id:  # the parent was reset at the same time
                    raise BranchNotReady(branch.parent)
                return  # another call for this branch was faster
            if is_new and mark == branch.environment and self.lookup.is_ready(copy.neon_branch.id, branch.name):
                return  # another call has even finished it
            if mark is None and (occupied := find_tables_with_rows(connection)):
                raise UnmarkedDatabase("copy", branch.parent, occupied)
            source_environment = mark or self.lookup.configuration.environment.value
            is_production_copy = (
                source_environment == Environment.PRODUCTION and branch.environment is not Environment.PRODUCTION
            )
            if is_production_copy and not allow_production:
                raise UnmaskedProductionCopy(branch.parent, branch.environment)
            if is_inherited and source_environment != branch.environment:
                raise NeonRequestRejected(
                    CONFLICT, f"{branch.parent} is marked {source_environment}, not {branch.environment}"
                )
            mark_as_copy(connection, source_environment, copy_id=copy.neon_branch.id)
            connection.commit()
