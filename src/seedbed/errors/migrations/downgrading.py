"""Errors about undoing applied revisions (SB231 to SB234)."""

from collections.abc import Sequence

from seedbed.errors.base import MigrationError


class NoDowngradePath(MigrationError):
    """No downgrade leads from the database's revision to the requested one.

    The database has no revision, the target is its revision or a later one, or there are fewer revisions than the given
    number. In a history with merges, a target on one side of a fork does not say what happens to the other side; use
    `alembic downgrade BRANCH@REVISION`. The error also occurs if another session migrated the database after the list
    was shown.
    """

    code = "SB231"

    def __init__(self, database: str, revision: str | None, target: str, reason: str | None = None) -> None:
        no_path = f"no downgrade leads from there to {target}{f': {reason}' if reason else ''}"
        super().__init__(
            f"{database} is at {revision or 'no revision'}, and {no_path if revision else 'there is nothing to undo'}.",
            remedy="seedbed migrate status shows the current revision; seedbed migrate downgrade takes -1, base, or an "
            "earlier revision.",
        )


class IrreversibleRevision(MigrationError):
    """The `downgrade()` of a revision on the path only raises, so the revision cannot be undone.

    A draft writes it so if values could not be restored. Nothing was undone.
    """

    code = "SB233"

    def __init__(self, revision: str, reason: str | None) -> None:
        super().__init__(
            f"Revision {revision} cannot be undone{f': {reason}' if reason else ''}. Nothing was changed.",
            remedy="Downgrade no further than this revision, write its downgrade(), or undo it by a new revision: "
            "seedbed migrate draft -m TEXT",
        )


class DowngradeFailure(MigrationError):
    """The downgrade of a revision failed in the database, or its own Python code raised.

    Its transaction was rolled back. The later revisions, which were undone before it, stay undone.
    """

    code = "SB234"

    def __init__(
        self, revision: str, reason: str, *, undone: Sequence[str], in_steps: bool = False, location: str | None = None
    ) -> None:
        previous = f"{', '.join(undone)} stayed undone" if undone else "nothing was undone"
        failure = (
            "failed at a step, and its steps are committed as they run" if in_steps else "failed and was rolled back"
        )
        super().__init__(
            f"The downgrade of {revision} {failure}; {previous}. {location or 'PostgreSQL says'}: {reason}",
            remedy="Fix its downgrade() or the conflicting rows, then run seedbed migrate downgrade again.",
        )
