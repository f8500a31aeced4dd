"""Errors about seeds files and about planning their rows (SB401 to SB435)."""

from collections.abc import Sequence
from pathlib import Path

from seedbed.errors.base import SeedError


class SeedsFileNotFound(SeedError):
    """The chosen environment has no seeds file.

    `seedbed up` continues without rows; `seedbed seed` has nothing to do. Create the file:
    [Write and run seeds](../how-to/seed.md) has an example.
    """

    code = "SB401"

    def __init__(self, environment: str, file: Path) -> None:
        super().__init__(
            f"There are no seeds for {environment}: {file} does not exist.",
            remedy="Create it with a function plan(seeds): docs/how-to/seed.md has an example.",
        )


class InvalidSeedsFile(SeedError):
    """A seeds file raised an exception, has no function `plan`, or requests something impossible.

    Examples are a provider that Faker does not have, and a value that does not fit its column. A lock that cannot be
    read causes the same error. The message names the line. Fix the file at that line.
    """

    code = "SB402"

    def __init__(self, location: str, reason: str) -> None:
        super().__init__(f"{location}: {reason}", remedy="Fix that file; seedbed seed plan shows the resulting plan.")


class NoGenerator(SeedError):
    """Seedbed has no generator for a column's type, and the column is NOT NULL and has no default.

    Set the column in the seeds file.
    """

    code = "SB403"

    def __init__(self, table: str, column: str, column_type: str) -> None:
        super().__init__(
            f"No generator for type {column_type} of {table}.{column}.",
            remedy=f"Set the column in the seeds file: {column}=constant(...), choice(...) or faker(...).",
        )


class TooFewUniqueValues(SeedError):
    """The seeds plan more unique values than exist.

    A unique column is too short, or it refers to a table with fewer rows than are planned for the column's own table.
    Plan fewer rows, or set the column in the seeds file.
    """

    code = "SB404"

    def __init__(self, table: str, column: str, requested: int, available: int) -> None:
        self.table, self.available = table, available
        super().__init__(
            f"{table}.{column} is unique, and {requested:,} rows are planned for"
            f" {available:,} possible value{'s' if available != 1 else ''}.",
            remedy="Plan fewer rows, or set the column with a rule in the seeds file.",
        )


class ParentNotPlanned(SeedError):
    """A table refers to another table, for which the seeds plan no rows.

    Every NOT NULL foreign key needs parent rows. Plan rows of the parent table as well. The order in which the seeds
    file adds tables does not matter.
    """

    code = "SB407"

    def __init__(self, table: str, column: str, parent: str) -> None:
        super().__init__(
            f"{table}.{column} needs rows of {parent}, and the seeds plan none.", remedy=f"Plan {parent} as well."
        )


class CyclicReference(SeedError):
    """A row needs another row that is created after it.

    A table refers to itself, or two tables refer to each other, through a NOT NULL column. Set that column in the seeds
    file, or make it nullable. A nullable column may stay NULL.
    """

    code = "SB409"

    def __init__(self, table: str, column: str, parent: str, *, nullable: bool) -> None:
        target = f"{parent} itself" if table == parent else f"{parent}, which in turn needs {table}"
        remedy = f"Set it in the seeds file, or leave it NULL: add(..., {column}=None)"
        super().__init__(
            f"{table}.{column} refers to {target}, so the rows cannot be created in any order.",
            remedy=remedy
            if nullable
            else f"Set it in the seeds file: add(..., {column}=...), or make the column nullable.",
        )


class UnsupportedUniqueConstraint(SeedError):
    """Seedbed cannot generate rows that satisfy a unique or exclusion constraint.

    Either the constraint shares columns with another constraint and no order of combinations satisfies both, or Seedbed
    does not support its form. Seedbed supports an exclusion constraint over one range, which is a column or is built
    from two columns. Seedbed never tries random values, so set one of the columns in the seeds file.
    """

    code = "SB411"

    def __init__(self, table: str, columns: str, used_columns: Sequence[str], *, is_exclusion: bool = False) -> None:
        reason = f": {' and '.join(used_columns)} already follows another constraint" if used_columns else ""
        rule = "that do not overlap in" if is_exclusion else "with unique"
        super().__init__(
            f"Cannot generate rows of {table} {rule} {columns}{reason}.",
            remedy="Set one of those columns in the seeds file with derive(...) or from_file(...).",
        )


class OutdatedSeedLock(SeedError):
    """The seeds would generate other rows than those that their lock records.

    The message names the change: the seeds or the models (the content), the newest revision, Faker, or the values of
    one of Faker's providers. Undo the change, or accept the new rows with `seedbed seed check --accept`.
    """

    code = "SB413"

    def __init__(self, lock: str, changes: Sequence[str]) -> None:
        super().__init__(
            f"{lock} is out of date, the seeds generate other rows: {', '.join(changes)}.",
            remedy="Undo the change, or accept it: seedbed seed check --accept",
        )


class NullNotAllowed(SeedError):
    """A rule in the seeds file gives None for a NOT NULL column.

    None always means NULL: in `choice`, in a constant, in an explicit row, in JSON files and in empty cells of CSV
    files. Seedbed rejects these before it loads any row. The values of `derive`, `template` and a provider are known
    only when a row is generated, so the message names that row. Give the column a value in every row, or make it
    nullable in the model.
    """

    code = "SB425"

    def __init__(self, table: str, column: str, source: str, location: str, *, row: int | None = None) -> None:
        where = "" if row is None else f" in row {row:,}"
        super().__init__(
            f"{location}: {source} gives None for {table}.{column}{where}, which is NOT NULL.",
            remedy=f"Give {column} a value in every row, or make it nullable in the model.",
        )


class UnsatisfiablePattern(SeedError):
    """No value that matches the regular expression of a column can be generated.

    No matching text has the column's length, or the expression has a back-reference. Seedbed never cuts a value to fit.
    Change the pattern or the length, or set the column in the seeds file.
    """

    code = "SB426"

    def __init__(self, table: str, column: str, pattern: str, reason: str) -> None:
        super().__init__(
            f"{table}.{column} must match {pattern!r}, and no value can be generated: {reason}.",
            remedy=f"Change the pattern or the length, or set the column in the seeds file: {column}=choice([...])",
        )


class ProviderExhausted(TooFewUniqueValues):
    """A Faker provider has fewer different values than a unique column needs.

    Seedbed cannot add a number to this provider's values. It can add one to names, prose, e-mail addresses, URLs,
    logins and file names. Plan fewer rows, or build the values with `template`.
    """

    code = "SB427"

    def __init__(self, table: str, column: str, provider: str, requested: int, available: int) -> None:
        self.table, self.available = table, available
        SeedError.__init__(
            self,
            f"{table}.{column} is unique and needs {requested:,} values, but faker({provider!r}) has only"
            f" {available:,} different one{'s' if available != 1 else ''} that fit.",
            remedy=f'Plan fewer rows, or build the values yourself: {column}=template("... {{i}}")',
        )


class ColumnTooShort(SeedError):
    """A column is too short for the kind of value that its model declares.

    No value of the field's type, such as `EmailStr`, a URL, an IP address or a UUID, fits into the column. Make the
    column longer in the model, or set it in the seeds file.
    """

    code = "SB428"

    def __init__(self, table: str, column: str, value_kind: str, limit: int) -> None:
        super().__init__(
            f"{table}.{column} holds {value_kind}, and no such value fits into its {limit:,} characters.",
            remedy=f"Make {column} longer in the model, or set it in the seeds file: {column}=choice([...])",
        )


class UnsupportedInheritance(SeedError):
    """The seeds request rows of mapped classes with inheritance that the ORM cannot load.

    Examples are more rows of subclasses than of their base class, a discriminator that no class has, and a rule for a
    column whose value follows from the classes. [Model inheritance](../how-to/seed.md#model-inheritance) describes the
    supported forms.
    """

    code = "SB429"

    def __init__(self, location: str, reason: str, remedy: str) -> None:
        super().__init__(f"{location}: {reason}.", remedy=remedy)


class MissingSeedDigest(SeedError):
    """The lock has no digest of the rows yet, so `seedbed seed check` cannot compare them.

    The lock records the inputs of the rows, but the rows themselves were never accepted. Record them with
    `seedbed seed check --accept`.
    """

    code = "SB435"

    def __init__(self, lock: str) -> None:
        super().__init__(
            f"{lock} does not record the rows of the seeds yet, so nothing was compared.",
            remedy="Record the current rows: seedbed seed check --accept",
        )
