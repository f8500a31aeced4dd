"""Checks that the seeds fit tables whose classes inherit."""

from collections.abc import Callable

from seedbed.errors import TooFewUniqueValues, UnsupportedInheritance
from seedbed.seeding.analysis.inheritance import Inheritance, is_identity
from seedbed.seeding.api.rules import Choice, Constant
from seedbed.seeding.api.seeds_file import RowsPerParent
from seedbed.seeding.resolution.resolved_table import ResolvedTable


class InheritanceCheck:
    """Checks tables, of which `resolved` gives each by its name where it is planned."""

    def __init__(self, resolved: Callable[[str], ResolvedTable | None]) -> None:
        self._get_table = resolved

    def check(self, table: ResolvedTable) -> TooFewUniqueValues | None:
        """Check that every row can be of one class, and has the rows in other tables that the class needs.

        Returns a shortage where fewer rows of a table have to be planned, and may be.

        Raises:
            UnsupportedInheritance: the seeds ask for other numbers of rows, or fill by a rule what follows from the
                classes.
        """
        inheritance = table.inheritance
        if inheritance is None or table.request.is_partial:
            return None
        extensions = [found for name in inheritance.extensions if (found := self._get_table(name)) is not None]
        _check_rules(table, inheritance, extensions)
        if inheritance.parent_table is not None and not table.is_empty:
            self._check_extension(table, inheritance, inheritance.parent_table)
        if table.is_empty:
            return None
        extending = sum(extension.count for extension in extensions)
        if extending > table.count:
            return _reduce_extensions(table, inheritance, extensions, extending)
        if not inheritance.own_positions and extending != table.count:
            if table.request.allows_fewer:
                return TooFewUniqueValues(table.name, "the key", table.count, extending)
            names = ", ".join(other.name for other in extensions) or "any table of its subclasses"
            raise UnsupportedInheritance(
                table.location,
                f"{table.name} has {table.count:,} rows, {names} {extending:,}, and no class is mapped for a row of "
                f"{table.name} alone",
                f"Plan as many rows of {table.name} as of its subclasses together.",
            )
        return None

    def _check_extension(self, table: ResolvedTable, inheritance: Inheritance, parent: str) -> None:
        if self._get_table(parent) is None:
            raise UnsupportedInheritance(
                table.location,
                f"a row of {table.name} is one of {parent} too, of which no rows are planned",
                f"Plan at least {table.count:,} rows of {parent}.",
            )
        key = next((key for key in table.keys if key.is_planned and inheritance.is_parent_key(key)), None)
        share = table.request.rows
        by_parent = isinstance(share, RowsPerParent) and key is not None and share.column in key.columns
        written = key is not None and any(name in row for row in table.request.explicit_rows for name in key.columns)
        if key is None or by_parent or written:
            raise UnsupportedInheritance(
                table.location,
                f"a row of {table.name} is one of {parent} too, and the seeds say themselves of which",
                f"Plan a number of rows of {table.name}, and leave its primary key out.",
            )


def _check_rules(table: ResolvedTable, inheritance: Inheritance, extensions: list[ResolvedTable]) -> None:
    discriminator = inheritance.discriminator
    if discriminator is None:
        return
    given_values = [row[discriminator] for row in table.request.explicit_rows if discriminator in row]
    rule = table.rules.get(discriminator)
    identities = [inheritance.identities[at] for at in inheritance.own_positions]
    known = ", ".join(repr(getattr(identity, "value", identity)) for identity in identities)
    if (key := table.find_key(discriminator)) is not None:
        raise UnsupportedInheritance(
            table.location,
            f"{table.name}.{discriminator} says of which class a row is, and refers to {key.target} too",
            f"{discriminator}=choice([{known}])",
        )
    if extensions and (given_values or rule is not None):
        names = ", ".join(extension.name for extension in extensions)
        raise UnsupportedInheritance(
            table.location,
            f"{table.name}.{discriminator} says which rows have one in {names}, and the seeds fill it by a rule",
            f"Leave {discriminator} out of the seeds: it follows from how many rows {names} have.",
        )
    match rule:
        case Choice(values, _):
            given_values += values
        case Constant(value):
            given_values.append(value)
    for value in given_values:
        if not any(is_identity(identity, value) for identity in identities):
            raise UnsupportedInheritance(
                table.location,
                f"{table.name}.{discriminator} is filled with {value!r}, and its classes have {known or 'no identity'}",
                f"{discriminator}=choice([{known}])" if known else f"Leave {discriminator} out of the seeds.",
            )


def _reduce_extensions(
    table: ResolvedTable, inheritance: Inheritance, extensions: list[ResolvedTable], extending: int
) -> TooFewUniqueValues:
    """More rows extend a table than it has: fewer of those that `rest` plans, or an error."""
    parts = len(extensions) + (1 if inheritance.own_positions else 0)
    for extension in extensions:
        if extension.request.allows_fewer and extension.count > table.count // parts:
            return TooFewUniqueValues(extension.name, "the key", extension.count, table.count // parts)
    names = ", ".join(extension.name for extension in extensions)
    raise UnsupportedInheritance(
        table.location,
        f"{names} have {extending:,} rows, each of which is one of {table.name} too, and that has {table.count:,}",
        f"Plan at least {extending:,} rows of {table.name}.",
    )
