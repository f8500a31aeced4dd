"""Errors of loading seeded rows into a database (SB4xx)."""

from collections.abc import Sequence

from seedbed.errors.base import SeedError


class TablesNotEmpty(SeedError):
    """Tables that would be seeded hold rows which this seed did not make."""

    code = "SB405"

    def __init__(self, database: str, tables: Sequence[str], *, others: Sequence[str] = ()) -> None:
        remedy = "To delete them and seed again: seedbed seed run --fresh"
        if others:
            remedy = (
                f"No seeds put those of {', '.join(others)} there, so --fresh does not delete them: leave the table "
                "out of the seeds, or delete them yourself."
            )
        super().__init__(f"{database} has rows in {', '.join(tables)} that are not these seeds'.", remedy=remedy)


class RejectedRows(SeedError):
    """PostgreSQL refused a row; the load was one transaction, so none was kept."""

    code = "SB406"

    def __init__(self, table: str, reason: str) -> None:
        super().__init__(
            f"PostgreSQL refused the rows of {table}, and none was kept: {reason}",
            remedy="Override the column that breaks the rule in your seeds.",
        )


class MissingTables(SeedError):
    """A database at the newest revision lacks tables or columns that the models have."""

    code = "SB408"

    def __init__(self, database: str, missing: Sequence[str]) -> None:
        super().__init__(
            f"{database} has no {', '.join(missing)}, although it has every revision: the models say more than those.",
            remedy="seedbed migrate draft -m TEXT",
        )


class ReferencedRows(SeedError):
    """Rows cannot be replaced, since rows of tables that are not seeded refer to them."""

    code = "SB410"

    def __init__(self, tables: Sequence[str], referring: Sequence[str]) -> None:
        super().__init__(
            f"The rows of {', '.join(tables)} were not replaced: there are rows in {', '.join(referring)} that refer "
            "to them, and the seeds plan none.",
            remedy=f"Plan {', '.join(referring)} as well, or delete those rows first.",
        )


class UnsatisfiedCheck(SeedError):
    """Rows that were made do not satisfy a CHECK; they were tried before the load, and none was kept."""

    code = "SB412"

    def __init__(self, table: str, constraint: str, row: str, override: str) -> None:
        super().__init__(
            f"{table} has a CHECK, {constraint}, that no row could be made for; one that was tried: {row}",
            remedy=f"Say in the seeds what satisfies it: {override}",
        )


class ExtensionNotCreated(SeedError):
    """A column's type belongs to an extension that the database does not have."""

    code = "SB414"

    def __init__(self, database: str, types: Sequence[str]) -> None:
        super().__init__(
            f"{database} has no type {', '.join(types)}.",
            remedy=f'Declare the extension beside your tables, as in declare(metadata, "CREATE EXTENSION {types[0]}"), '
            "and draft it.",
        )


class LoadFailure(SeedError):
    """The server could not take the rows, for a reason that is not theirs; none was kept."""

    code = "SB415"

    def __init__(self, table: str, reason: str) -> None:
        super().__init__(
            f"Loading {table} failed, and no row was kept: {reason}",
            remedy="Make room on the server, or plan fewer rows; then run the same again.",
        )


class UnseededRows(SeedError):
    """Tables hold rows that Seedbed never put there: a migration's, or somebody's."""

    code = "SB416"

    def __init__(self, database: str, tables: Sequence[str]) -> None:
        super().__init__(
            f"{database} has rows in {', '.join(tables)} that no seeds put there, so they are not deleted.",
            remedy=f"Leave {', '.join(tables)} out of the seeds, which may refer to the rows that are there, "
            "or delete them yourself.",
        )


class DaskNotInstalled(SeedError):
    """Rows were to be made on a Dask cluster, and its client is not installed."""

    code = "SB417"

    def __init__(self) -> None:
        super().__init__("Dask is not installed.", remedy='pip install "seedbed[dask]", or use --workers N')


class AppendConflict(SeedError):
    """Rows that would come after those loaded before do not go with them; none was kept."""

    code = "SB418"

    def __init__(self, refused: str) -> None:
        super().__init__(
            f"{refused}; they would come after the rows that were loaded before.",
            remedy="Where a table referred to gets more rows, keys and combinations that are unique fall otherwise. "
            "To load all again: seedbed seed run --fresh",
        )


class SeedLockMismatch(SeedError):
    """Rows were to come after such as another lock has made."""

    code = "SB419"

    def __init__(self, tables: Sequence[str], fact: str, was: object, now: object) -> None:
        names = ", ".join(tables)
        super().__init__(
            f"The rows of {names} were made with {fact} = {was}, and the lock has {fact} = {now}: those after them"
            " would not go with them.",
            remedy=f"Write {fact} = {was} into the lock, or load all again: seedbed seed run --fresh",
        )


class DaskUnreachable(SeedError):
    """Rows were to be made on a Dask cluster, and its scheduler does not answer."""

    code = "SB424"

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(
            f"There is no Dask scheduler at {address}: {reason}",
            remedy="See that it runs and can be reached from here, or make the rows on this machine: --workers N",
        )


class RowSecurityActive(SeedError):
    """Row level security holds for the role that loads the rows, and COPY does not go through it."""

    code = "SB436"

    def __init__(self, tables: Sequence[str], role: str, owner: str) -> None:
        super().__init__(
            f"Row level security of {', '.join(tables)} holds for the role {role}, and COPY cannot load through it.",
            remedy=f"Load as the owner, {owner}, or let the role pass: ALTER ROLE {role} BYPASSRLS",
        )
