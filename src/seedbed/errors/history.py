"""Errors of the revisions in a project and of the ones a database had (SB2xx)."""

from collections.abc import Sequence

from seedbed.errors.base import MigrationError


class UnknownDatabaseRevision(MigrationError):
    """The database says it is at a revision that the files do not have."""

    code = "SB202"

    def __init__(self, revision: str, database: str) -> None:
        super().__init__(
            f"{database} is at revision {revision}, which is not in migrations/versions.",
            remedy="Check out the branch that has it. A local database can be started afresh: seedbed db reset",
        )


class MultipleHeads(MigrationError):
    """Several revisions are newest."""

    code = "SB203"

    def __init__(self, heads: Sequence[str]) -> None:
        super().__init__(
            f"The history has {len(heads)} heads: {' and '.join(heads)}.",
            remedy=f"Put the later one last: seedbed migrate rebase {heads[-1]}; or, where databases have both: "
            "alembic merge heads",
        )


class InvalidRevisionFile(MigrationError):
    """A file in migrations/versions cannot be imported, or misses what it follows."""

    code = "SB205"

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The history in migrations/versions cannot be read: {reason}", remedy="Mend or remove that file."
        )


class RevisionNotReversible(MigrationError):
    """A revision's downgrade does not lead back to where it started."""

    code = "SB209"

    def __init__(self, revision: str, reason: str) -> None:
        super().__init__(
            f"Revision {revision} does not run up, down and up again: {reason}.",
            remedy="Mend it, or let its downgrade() raise RuntimeError to say that there is no way back; "
            "what is older than Seedbed here is passed over by seedbed migrate check --since REVISION.",
        )


class SchemaDrift(MigrationError):
    """A database is not what its revision made it: somebody changed it by hand."""

    code = "SB213"

    def __init__(self, database: str, differences: Sequence[str]) -> None:
        super().__init__(
            f"{database} is not what its revision makes: {'; '.join(differences)}.",
            remedy="Undo it there, or put it into the models and draft a revision that makes it so everywhere.",
        )


class BaselineRefused(MigrationError):
    """A database cannot be taken into the history as it is."""

    code = "SB214"

    def __init__(self, database: str, reason: str, *, already: bool = False) -> None:
        super().__init__(
            f"{database} was not adopted: {reason}.",
            remedy="There is nothing to adopt: seedbed migrate status"
            if already
            else "Change the models, or the database, until a revision makes what the database has.",
        )


class EditedRevision(MigrationError):
    """A revision's file is not what it was when it was written, or applied."""

    code = "SB215"

    def __init__(self, revisions: Sequence[str], where: str) -> None:
        super().__init__(
            f"{' and '.join(revisions)} was edited since {where}.",
            remedy="Put the file back as it was, and change what it did in a new revision. If no database has it yet: "
            "seedbed migrate check --seal",
        )


class RevisionNotAHead(MigrationError):
    """The revision named is not the end of a side of a fork."""

    code = "SB216"

    def __init__(self, revision: str, heads: Sequence[str]) -> None:
        ends = " and ".join(sorted(heads)) or "none"
        super().__init__(f"{revision} is not one of two heads: {ends}.", remedy="Name the head that is to come last.")


class MissingRevisionFile(MigrationError):
    """A revision that was written is not among the files any more."""

    code = "SB225"

    def __init__(self, revisions: Sequence[str]) -> None:
        them = "it" if len(revisions) == 1 else "them"
        super().__init__(
            f"migrations/head lists {' and '.join(revisions)}, and there is no file of {them}.",
            remedy=f"Put {them} back. If no database has {them}: seedbed migrate check --seal",
        )


class EditedAppliedRevision(MigrationError):
    """A revision that a database has had was edited since, so its tables may not be what the files say."""

    code = "SB230"

    def __init__(self, revisions: Sequence[str], database: str, *, preview: str | None = None) -> None:
        self.revisions, self.database = tuple(revisions), database
        first = next(iter(revisions), "REVISION")
        again = f"where rows may go, run it again: seedbed migrate downgrade {first}-1, then seedbed migrate apply"
        if preview is not None:
            again = (
                f"make the preview again: seedbed preview down {preview}, then seedbed preview up {preview}, after "
                "seedbed preview base where there is a base"
            )
        super().__init__(
            f"{' and '.join(revisions)} was edited after {database} had it.",
            remedy=f"Put the file back, and put the change into a new revision; or {again}. If the edit changes "
            f"nothing for {database}: seedbed migrate accept {first}",
        )


class RevisionNotFound(MigrationError):
    """A revision was named that the files do not have, or that stands for several."""

    code = "SB232"

    def __init__(self, given: str, found: Sequence[str] = ()) -> None:
        several = f"{given} could be {', '.join(found[:-1])} or {found[-1]}." if len(found) > 1 else None
        super().__init__(
            several or f"There is no revision {given} in migrations/versions.",
            remedy="Name a revision by its id or by enough of its first letters.",
        )
