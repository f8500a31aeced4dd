"""Errors about the revisions of a project and of a database, and about downgrades (SB202 to SB234)."""

from collections.abc import Sequence

from seedbed.errors.base import MigrationError


class UnknownDatabaseRevision(MigrationError):
    """The database is at a revision that is not in `migrations/versions`.

    Usually another branch of the code migrated the database. Check out that branch and downgrade the database. If you
    do not need the database's rows, reset it instead.
    """

    code = "SB202"

    def __init__(self, revision: str, database: str) -> None:
        super().__init__(
            f"{database} is at revision {revision}, which is not in migrations/versions.",
            remedy="Check out the branch that has it. To empty a local database: seedbed db reset",
        )


class MultipleHeads(MigrationError):
    """The history has several heads: two revisions follow the same revision.

    This usually happens after a merge of two branches of the code. Choose the order in which the two revisions are
    applied. `seedbed migrate rebase` changes one line of one file. Reset the databases that already have the moved
    revision.
    """

    code = "SB203"

    def __init__(self, heads: Sequence[str]) -> None:
        super().__init__(
            f"The history has {len(heads)} heads: {' and '.join(heads)}.",
            remedy=f"Put the later one last: seedbed migrate rebase {heads[-1]}. If databases already have both: "
            "alembic merge heads",
        )


class InvalidRevisionFile(MigrationError):
    """A file in `migrations/versions` cannot be imported, or it follows a revision that has no file.

    The message names the file and the line if they are known. A missing file was usually not committed. Fix, remove or
    restore the file.
    """

    code = "SB205"

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The history in migrations/versions cannot be read: {reason}", remedy="Fix or remove that file."
        )


class RevisionNotReversible(MigrationError):
    """The downgrade of a revision does not restore the previous schema.

    The downgrade fails, it leaves an object behind, or a second upgrade creates a different schema.
    `seedbed migrate check` runs each revision up, down and up again. Fix the downgrade. If the revision cannot be
    undone, raise `RuntimeError` in its `downgrade()`.
    """

    code = "SB209"

    def __init__(self, revision: str, reason: str) -> None:
        super().__init__(
            f"Revision {revision} is not reversible: {reason}.",
            remedy="Fix it, or raise RuntimeError in its downgrade() if it cannot be undone. To skip revisions that "
            "are older than Seedbed in this project: seedbed migrate check --since REVISION",
        )


class SchemaDrift(MigrationError):
    """The schema of a database differs from the schema that its revision creates.

    The schema was changed without a migration. `seedbed migrate check -e NAME` compares the environment's database with
    its revision, and changes nothing. Undo the change in the database, or add it to the models and draft a revision.
    """

    code = "SB213"

    def __init__(self, database: str, differences: Sequence[str]) -> None:
        super().__init__(
            f"{database} differs from what its revision creates: {'; '.join(differences)}.",
            remedy="Undo the change there, or add it to the models and draft a revision for every database.",
        )


class BaselineRefused(MigrationError):
    """`seedbed migrate adopt` cannot record a revision for this database.

    The command records a revision for a database that was created without the migrations. It requires that the
    database's schema equals the schema that the revision creates. The message lists the differences. Change the models
    or the database until both are equal.
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
    """A revision's file was edited after `migrations/head` recorded its checksum.

    A database that has already run the old file never gets the change. Restore the file, and put the change into a new
    revision. If no database has the revision yet, `--seal` records the new checksum. Comments, docstrings, annotations,
    quotes, line breaks and the order of imports do not affect the checksum.
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

    `seedbed migrate rebase` takes one of two heads, and moves its side of the fork after the other head. A history with
    one head needs no rebase.
    """

    code = "SB216"

    def __init__(self, revision: str, heads: Sequence[str]) -> None:
        super().__init__(
            f"{revision} is not one of two heads: {' and '.join(sorted(heads)) or 'none'}.",
            remedy="Name the head that is to come last. A history with one head needs no rebase.",
        )


class MissingRevisionFile(MigrationError):
    """`migrations/head` lists a revision whose file is missing.

    Without the file, a database that has the revision cannot be migrated, and other databases never get the change.
    Restore the file. If you deleted a draft that no database had applied, `--seal` records the remaining files.
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
    """A revision was edited after a database applied it, so the database may differ from the files.

    `status`, `apply`, `up` and `preview up` compare each applied revision with the checksum in the database. Formatting
    and comments do not affect the checksum. If a revision was applied before Seedbed recorded checksums, it is not
    compared.

    In development, run the revision again: `seedbed migrate downgrade REVISION-1`, then `seedbed migrate apply`.
    Recreate a preview with `preview down` and `preview up`. In other environments, restore the file and draft a new
    revision. If the edit changes nothing for this database, record the new checksum: `seedbed migrate accept REVISION`.
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
    """No downgrade leads from the database's revision to the requested revision.

    Either the database has no revision, or the target is its current revision or a later one, or the history has fewer
    revisions than the given number. The error also occurs if another session migrated the database after the list was
    shown. In a history with merges, a target on one side of a fork does not determine what happens to the other side;
    use `alembic downgrade BRANCH@REVISION`.
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
    """No revision has the given id, or several ids begin with it.

    Pass the whole id, or enough of its first letters.
    """

    code = "SB232"

    def __init__(self, identifier: str, matches: Sequence[str] = ()) -> None:
        ambiguous = f"{identifier} could be {', '.join(matches[:-1])} or {matches[-1]}." if len(matches) > 1 else None
        super().__init__(
            ambiguous or f"There is no revision {identifier} in migrations/versions.",
            remedy="Name a revision by its id, or by enough of its first letters.",
        )


class IrreversibleRevision(MigrationError):
    """The `downgrade()` of a revision only raises an exception, so the revision cannot be undone.

    A draft writes such a `downgrade()` if values could not be restored. Nothing was undone. Downgrade to this revision
    or a later one, write its `downgrade()`, or draft a new revision that undoes it.
    """

    code = "SB233"

    def __init__(self, revision: str, reason: str | None) -> None:
        super().__init__(
            f"Revision {revision} cannot be undone{f': {reason}' if reason else ''}. Nothing was changed.",
            remedy="Downgrade no further than this revision, write its downgrade(), or undo it by a new revision: "
            "seedbed migrate draft -m TEXT",
        )


class DowngradeFailure(MigrationError):
    """The downgrade of a revision failed in the database, or its Python code raised an exception.

    Its transaction was rolled back, but steps in an autocommit block stay committed. The later revisions, which were
    undone before it, stay undone. Fix its `downgrade()` or the conflicting rows, and run the command again.
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
