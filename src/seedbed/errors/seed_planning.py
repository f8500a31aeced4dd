"""Errors of seeds files and of planning their rows (SB4xx)."""

from collections.abc import Sequence
from pathlib import Path

from seedbed.errors.base import SeedError


class SeedsFileNotFound(SeedError):
    """The chosen environment has no file of seeds."""

    code = "SB401"

    def __init__(self, environment: str, file: Path) -> None:
        super().__init__(
            f"There are no seeds for {environment}: {file} does not exist.",
            remedy="Create it with a function plan(seeds): docs/how-to/seed.md has an example.",
        )


class InvalidSeedsFile(SeedError):
    """A file of seeds raised, or lacks its one function."""

    code = "SB402"

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"{place}: {reason}", remedy="Mend that file; seedbed seed plan shows what it asks for.")


class NoGenerator(SeedError):
    """No rule makes values for a column."""

    code = "SB403"

    def __init__(self, table: str, column: str, kind: str) -> None:
        super().__init__(
            f"No rule makes values of type {kind} for {table}.{column}.",
            remedy=f"Give one in the seeds: {column}=constant(...), choice(...) or faker(...).",
        )


class TooFewUniqueValues(SeedError):
    """More unique values are asked for than can be made."""

    code = "SB404"

    def __init__(self, table: str, column: str, wanted: int, possible: int) -> None:
        self.table, self.possible = table, possible
        super().__init__(
            f"{table}.{column} is unique, and {wanted:,} rows are planned for"
            f" {possible:,} possible value{'s' if possible != 1 else ''}.",
            remedy="Plan fewer rows, or fill the column by a rule in the seeds.",
        )


class ParentNotPlanned(SeedError):
    """A table needs rows of another that is not in the plan before it."""

    code = "SB407"

    def __init__(self, table: str, column: str, parent: str) -> None:
        super().__init__(
            f"{table}.{column} needs rows of {parent}, and the seeds plan none.", remedy=f"Plan {parent} as well."
        )


class CyclicReference(SeedError):
    """A row would need another that is made after it."""

    code = "SB409"

    def __init__(self, table: str, column: str, parent: str, *, nullable: bool) -> None:
        fact = f"{parent} itself" if table == parent else f"{parent}, which in turn needs {table}"
        remedy = f"Fill it in your seeds, or leave it NULL: add(..., {column}=None)"
        super().__init__(
            f"{table}.{column} refers to {fact}, so no order lets the rows be made.",
            remedy=remedy
            if nullable
            else f"Fill it in your seeds: add(..., {column}=...), or make the column nullable.",
        )


class UnsupportedUniqueConstraint(SeedError):
    """A unique constraint that no order of combinations keeps beside the others."""

    code = "SB411"

    def __init__(self, table: str, columns: str, taken: Sequence[str], *, apart: bool = False) -> None:
        because = f", since {' and '.join(taken)} is chosen for another already" if taken else ""
        wanted = "do not overlap" if apart else "are unique"
        super().__init__(
            f"No rows can be made of {table} that {wanted} in {columns}{because}.",
            remedy="Fill one of those columns by derive(...) or from_file(...) in the seeds.",
        )


class OutdatedSeedLock(SeedError):
    """The lock of the seeds was written for other rows than would be made now."""

    code = "SB413"

    def __init__(self, lock: str, changes: Sequence[str]) -> None:
        super().__init__(
            f"{lock} was written for other rows: {', '.join(changes)}.",
            remedy="Undo the change, or take it: seedbed seed check --accept",
        )


class NullNotAllowed(SeedError):
    """A rule of the seeds gives None for a column that is NOT NULL."""

    code = "SB425"

    def __init__(self, table: str, column: str, source: str, place: str, *, row: int | None = None) -> None:
        where = "" if row is None else f" in row {row:,}"
        super().__init__(
            f"{place}: {source} gives None for {table}.{column}{where}, which is NOT NULL.",
            remedy=f"Give {column} a value in every row, or let it be NULL in the model.",
        )


class UnsatisfiablePattern(SeedError):
    """No text can be made that matches a column's pattern and fits its length."""

    code = "SB426"

    def __init__(self, table: str, column: str, pattern: str, reason: str) -> None:
        super().__init__(
            f"{table}.{column} must match {pattern!r}, and no values can be made for it: {reason}.",
            remedy=f"Change the pattern or the length, or fill the column in the seeds: {column}=choice([...])",
        )


class ProviderExhausted(TooFewUniqueValues):
    """A provider of Faker gives fewer different values than a unique column needs."""

    code = "SB427"

    def __init__(self, table: str, column: str, provider: str, wanted: int, possible: int) -> None:
        self.table, self.possible = table, possible
        SeedError.__init__(
            self,
            f"{table}.{column} is unique and needs {wanted:,} values, and faker({provider!r}) gives only"
            f" {possible:,} different one{'s' if possible != 1 else ''} that fit it.",
            remedy=f'Plan fewer rows, or write the values yourself: {column}=template("... {{i}}")',
        )


class ColumnTooShort(SeedError):
    """A column is too short for what its model says is in it."""

    code = "SB428"

    def __init__(self, table: str, column: str, form: str, longest: int) -> None:
        super().__init__(
            f"{table}.{column} is to hold {form}, and none fits into its {longest:,} characters.",
            remedy=f"Give {column} more characters in the model, or fill it in the seeds: {column}=choice([...])",
        )


class UnsupportedInheritance(SeedError):
    """Classes inherit from one another, and the seeds ask for rows that none of them could load."""

    code = "SB429"

    def __init__(self, place: str, reason: str, remedy: str) -> None:
        super().__init__(f"{place}: {reason}.", remedy=remedy)


class MissingSeedDigest(SeedError):
    """The lock of the seeds does not say which rows they gave, so there is nothing to compare."""

    code = "SB435"

    def __init__(self, lock: str) -> None:
        super().__init__(
            f"{lock} does not say yet which rows the seeds give, so nothing was compared.",
            remedy="Write down what they give now: seedbed seed check --accept",
        )
