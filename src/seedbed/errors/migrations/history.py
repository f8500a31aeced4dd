"""Errors about the revisions in a project and in a database, also when they are undone (SB202 to SB234)."""

from collections.abc import Sequence

from seedbed.errors.base import MigrationError


class UnknownDatabaseRevision(MigrationError):
    """The database is at a revision that `migrations/versions` does not have.

    Usually it was migrated from another branch of the code. Check out that branch and downgrade the database, or reset
    it if its rows are not needed.
    """

    code = "SB202"

    def __init__(self, revision: str, database: str) -> None:
        super().__init__(
            f"{database} is at revision {revision}, which is not in migrations/versions.",
            remedy="Check out the branch that has it. To empty a local database: seedbed db reset",
        )


class MultipleHeads(MigrationError):
    """The history has several heads: two revisions follow the same one.

    This usually happens when two branches of the code are merged. Their order must be chosen, because it is the order
    in which they are applied. `rebase` changes one line of one file; reset the databases that have the moved revision.
    """

    code = "SB203"

    def __init__(self, heads: Sequence[str]) -> None:
        super().__init__(
            f"The history has {len(heads)} heads: {' and '.join(heads)}.",
            remedy=f"Put the later one last: seedbed migrate rebase {heads[-1]}. If databases already have both: "
            "alembic merge heads",
        )


class InvalidRevisionFile(MigrationError):
    """A file in `migrations/versions` cannot be imported, or follows a revision that no file has.

    The message names the file and the line if they are known. A missing file was usually not committed.
    """

    code = "SB205"

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The history in migrations/versions cannot be read: {reason}", remedy="Fix or remove that file."
        )


class RevisionNotReversible(MigrationError):
    """The downgrade of a revision does not restore the previous schema.

    It fails, it leaves something behind, or a second upgrade gives another schema. `seedbed migrate check` runs each
    revision up, down and up again. A revision that cannot be undone raises `RuntimeError` in `downgrade()`.
    """

    code = "SB209"

    def __init__(self, revision: str, reason: str) -> None:
        super().__init__(
            f"Revision {revision} is not reversible: {reason}.",
            remedy="Fix it, or raise RuntimeError in its downgrade() if it cannot be undone. To skip revisions that "
            "are older than Seedbed in this project: seedbed migrate check --since REVISION",
        )


class SchemaDrift(MigrationError):
    """The schema of a database differs from what its revision creates; somebody changed it by hand.

    `seedbed migrate check -e NAME` compares the environment's database with its revision, and changes nothing.
    """

    code = "SB213"

    def __init__(self, database: str, differences: Sequence[str]) -> None:
        super().__init__(
            f"{database} differs from what its revision creates: {'; '.join(differences)}.",
            remedy="Undo the change there, or add it to the models and draft a revision for every database.",
        )


class BaselineRefused(MigrationError):
    """`seedbed migrate adopt` cannot record a revision for this database.

    It records a revision in a database that was created without the migrations, but only if the database's schema
    equals the one that the revision creates. The message lists the differences.
    """

    code = "SB214"

    def __init__(self, database: str, reason: str, *, has_revision: bool = False) -> None:
        super().__init__(
            f"{database} was not adopted: {reason}.",
            remedy="There is nothing to adopt: seedbed migrate status"
            if has_revision
            else "Change the models or the database until a revision creates what the database has.",
        )


class EditedRevision(MigrationError):
    """A revision's file was edited after its checksum was recorded in `migrations/head`.

    A database that had the old file never gets the change, so the change belongs in a new revision. If no database has
    the revision yet, `--seal` records the new checksum. Comments, docstrings, annotations, quotes, line breaks and the
    order of imports do not count.
    """

    code = "SB215"

    def __init__(self, revisions: Sequence[str], source: str) -> None:
        super().__init__(
            f"{' and '.join(revisions)} was edited after it was recorded (its checksum differs from {source}).",
            remedy="Restore the file and put the change into a new revision. If no database has it yet: "
            "seedbed migrate check --seal",
        )


class RevisionNotAHead(MigrationError):
    """The revision to rebase is not one of exactly two heads.

    `seedbed migrate rebase` takes one of two heads, and moves its side of the fork after the other.
    """

    code = "SB216"

    def __init__(self, revision: str, heads: Sequence[str]) -> None:
        super().__init__(
            f"{revision} is not one of two heads: {' and '.join(sorted(heads)) or 'none'}.",
            remedy="Name the head that is to come last. A history with one head needs no rebase.",
        )


class MissingRevisionFile(MigrationError):
    """`migrations/head` lists a revision whose file is missing.

    A database that has the revision could not be migrated, and other databases would never get it. If you deleted a
    draft before any database had it, `--seal` records the remaining files.
    """

    code = "SB225"

    def __init__(self, revisions: Sequence[str]) -> None:
        is_single = len(revisions) == 1
        pronoun = "it" if is_single else "them"
        super().__init__(
            f"migrations/head lists {' and '.join(revisions)}, but the {'file is' if is_single else 'files are'} "
            "missing.",
            remedy=f"Restore {pronoun}. If no database has {pronoun}: seedbed migrate check --seal",
        )


class EditedAppliedRevision(MigrationError):
    """A revision was edited after it was applied to a database, so the database may differ from the files.

    `status`, `apply`, `up` and `preview up` compare each applied revision with the checksum that the database
    recorded. Formatting and comments are not part of a checksum. A revision that was applied before Seedbed recorded
    checksums is not compared.

    In development, run the revision again: `seedbed migrate downgrade REVISION-1`, then `seedbed migrate apply`.
    Recreate a preview with `preview down` and `preview up`. Elsewhere restore the file and draft a new revision. If
    the edit changes nothing for this database, record it: `seedbed migrate accept REVISION`.
    """

    code = "SB230"

    def __init__(self, revisions: Sequence[str], database: str, *, preview: str | None = None) -> None:
        self.revisions, self.database = tuple(revisions), database
        first = next(iter(revisions), "REVISION")
        retry = f"if rows may be lost, run it again: seedbed migrate downgrade {first}-1, then seedbed migrate apply"
        if preview is not None:
            retry = (
                f"recreate the preview: seedbed preview down {preview}, then seedbed preview up {preview} (run "
                "seedbed preview base first if there is a base)"
            )
        super().__init__(
            f"{' and '.join(revisions)} was edited after it was applied to {database}.",
            remedy=f"Restore the file and put the change into a new revision; or {retry}. If the edit changes "
            f"nothing for {database}: seedbed migrate accept {first}",
        )


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


class RevisionNotFound(MigrationError):
    """No revision has the given id, or several ids begin with it."""

    code = "SB232"

    def __init__(self, identifier: str, matches: Sequence[str] = ()) -> None:
        ambiguous = f"{identifier} could be {', '.join(matches[:-1])} or {matches[-1]}." if len(matches) > 1 else None
        super().__init__(
            ambiguous or f"There is no revision {identifier} in migrations/versions.",
            remedy="Name a revision by its id, or by enough of its first letters.",
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
