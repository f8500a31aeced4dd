"""Errors about loading seed rows into a database (SB405 to SB436)."""

from collections.abc import Sequence

from seedbed.errors.base import SeedError


class TablesNotEmpty(SeedError):
    """Tables that the seeds plan contain rows that these seeds did not generate.

    The rows came from other seeds, or were inserted in another way. No row was deleted. `--fresh` deletes all rows of
    the planned tables, but only if seeds filled those tables before ([SB416](#sb416-unseededrows)).
    """

    code = "SB405"

    def __init__(self, database: str, tables: Sequence[str], *, unseeded: Sequence[str] = ()) -> None:
        """`unseeded` are the tables that seeds never filled."""
        remedy = "To delete them and seed again: seedbed seed run --fresh"
        if unseeded:
            remedy = (
                f"The rows of {', '.join(unseeded)} did not come from seeds, so --fresh does not delete them: remove "
                "the table from the seeds file, or delete the rows yourself."
            )
        super().__init__(f"{database} has rows in {', '.join(tables)} that are not from these seeds.", remedy=remedy)


class RejectedRows(SeedError):
    """PostgreSQL rejected a row.

    A check, a trigger or a unique constraint rejects a generated value, or the seeds give NULL for a NOT NULL column.
    The load is one transaction, so no row was kept. Set that column in the seeds file.
    """

    code = "SB406"

    def __init__(self, table: str, reason: str) -> None:
        super().__init__(
            f"PostgreSQL rejected the rows of {table}, and no row was kept: {reason}",
            remedy="Set the failing column in the seeds file.",
        )


class MissingTables(SeedError):
    """A database at the newest revision lacks tables or columns of the models.

    The models have changes that no revision contains. Draft a revision, apply it, and load the seeds again.
    """

    code = "SB408"

    def __init__(self, database: str, missing: Sequence[str]) -> None:
        super().__init__(
            f"{database} is at the newest revision but has no {', '.join(missing)}: the models have changes without a "
            "migration.",
            remedy="Draft a revision: seedbed migrate draft -m TEXT",
        )


class ReferencedRows(SeedError):
    """Rows cannot be replaced, because rows of tables outside the seeds refer to them.

    The referring rows would lose their references, and the seeds do not allow Seedbed to delete them. Plan their tables
    as well, or delete those rows first.
    """

    code = "SB410"

    def __init__(self, tables: Sequence[str], referring: Sequence[str]) -> None:
        super().__init__(
            f"The rows of {', '.join(tables)} were not replaced: rows in {', '.join(referring)} refer to them, and the "
            "seeds plan no such rows.",
            remedy=f"Plan {', '.join(referring)} as well, or delete those rows first.",
        )


class UnsatisfiedCheck(SeedError):
    """A generated row violates a CHECK constraint of the table or of a domain.

    The message shows the row, and what to write in the seeds file. No row was kept. If more than 200 rows of a table
    are planned, Seedbed tests the first 200 on a copy of the table before it loads anything.
    """

    code = "SB412"

    def __init__(self, table: str, constraint: str, row: str, override: str) -> None:
        super().__init__(
            f"No generated row satisfies the CHECK {constraint} of {table}; for example: {row}",
            remedy=f"Set the values in the seeds file: {override}",
        )


class ExtensionNotCreated(SeedError):
    """A column's type belongs to an extension that the database does not have.

    Declare the extension beside the models, draft a revision and apply it.
    """

    code = "SB414"

    def __init__(self, database: str, types: Sequence[str]) -> None:
        super().__init__(
            f"{database} has no type {', '.join(types)}.",
            remedy=f'Declare the extension beside your tables, as in declare(metadata, "CREATE EXTENSION {types[0]}"), '
            "and draft a revision.",
        )


class LoadFailure(SeedError):
    """The server could not store the rows because of a full disk, a full tablespace or a limit.

    The load is one transaction, so no row was kept. Free space on the server, or plan fewer rows.
    """

    code = "SB415"

    def __init__(self, table: str, reason: str) -> None:
        super().__init__(
            f"Loading {table} failed, and no row was kept: {reason}",
            remedy="Free space on the server or plan fewer rows, then run the command again.",
        )


class UnseededRows(SeedError):
    """A planned table contains rows that never came from seeds, so `--fresh` does not delete them.

    A migration or another client inserted the rows. Remove the table from the seeds file, or delete the rows yourself.
    Seedbed does not change a table that the seeds do not plan, and other tables can refer to its rows.
    """

    code = "SB416"

    def __init__(self, database: str, tables: Sequence[str]) -> None:
        names = ", ".join(tables)
        super().__init__(
            f"{database} has rows in {names} that did not come from seeds, so they are not deleted.",
            remedy=f"Remove {names} from the seeds file (seeds can refer to the existing rows), or delete the rows "
            "yourself.",
        )


class AppendConflict(SeedError):
    """PostgreSQL rejected the rows that `--append` adds after those loaded before.

    No row was kept. Unique combinations and keys are ordered over all rows of the referenced tables. If those tables
    get more rows, the order changes, and new rows may collide with old ones. Deleting rows that new rows refer to has
    the same effect. To load all rows again, use `--fresh`.
    """

    code = "SB418"

    def __init__(self, refusal: str) -> None:
        super().__init__(
            f"{refusal}; they would come after the rows that were loaded before.",
            remedy="If a referenced table gets more rows, unique keys and combinations change their order. "
            "To load everything again: seedbed seed run --fresh",
        )


class SeedLockMismatch(SeedError):
    """The existing rows were generated with another seed, `as_of` or engine than the lock has now.

    `--append` adds rows after those loaded before, and each row depends on these three values. With other values, the
    new rows would not continue the existing ones: a child could be older than its parent, or a unique value could occur
    twice. Restore the value in the lock, or load all rows again with `--fresh`.
    """

    code = "SB419"

    def __init__(self, tables: Sequence[str], fact: str, loaded: object, locked: object) -> None:
        super().__init__(
            f"The rows of {', '.join(tables)} were generated with {fact} = {loaded}, but the lock has {fact} ="
            f" {locked}, so new rows would not continue them.",
            remedy=f"Write {fact} = {loaded} into the lock, or load everything again: seedbed seed run --fresh",
        )


class DaskUnreachable(SeedError):
    """The address given to `--dask` is invalid, or no Dask scheduler answered there within ten seconds.

    Nothing was loaded. Check the address and the scheduler, or generate the rows on this machine with `--workers`.
    """

    code = "SB424"

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(
            f"There is no Dask scheduler at {address}: {reason}",
            remedy="Check that it runs and is reachable from here, or generate the rows on this machine: --workers N",
        )


class RowSecurityActive(SeedError):
    """Row level security of a planned table applies to the connection's role, and COPY cannot load through it.

    Nothing was loaded. Load as the owner of the table, or give the role the attribute `BYPASSRLS`. For the owner of a
    table with `FORCE ROW LEVEL SECURITY`, Seedbed disables the force within the load's transaction and restores it.
    """

    code = "SB436"

    def __init__(self, tables: Sequence[str], role: str, owner: str) -> None:
        super().__init__(
            f"Row level security of {', '.join(tables)} applies to the role {role}, and COPY cannot load through it.",
            remedy=f"Load as the owner, {owner}, or exempt the role: ALTER ROLE {role} BYPASSRLS",
        )
