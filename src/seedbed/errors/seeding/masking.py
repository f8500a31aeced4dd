"""Errors about masking personal data (SB420 to SB453)."""

from collections.abc import Sequence

from seedbed.errors.base import SeedError


class NoPersonalColumns(SeedError):
    """No column of the models is marked as personal, so there is nothing to mask.

    Mark the columns, for example with `Field(sa_column_kwargs={"info": {"pii": "email"}})`.
    """

    code = "SB420"

    def __init__(self) -> None:
        super().__init__(
            "No column is marked as personal, so nothing would be replaced.",
            remedy='Put {"pii": "email"} into their info. To find them: seedbed seed mask --check',
        )


class UnmarkedPersonalColumns(SeedError):
    """Columns have names such as `phone` or `birthday`, but the models do not say whether they are personal.

    Nothing was replaced, because a copy that only seems to be masked would be dangerous. Mark each column as personal
    or as not personal.
    """

    code = "SB421"

    def __init__(self, columns: Sequence[str]) -> None:
        super().__init__(
            f"These columns look personal and are not marked: {', '.join(columns)}. Nothing was replaced.",
            remedy='Mark each with {"pii": "email"} in its info, or with {"pii": None} if it is not personal.',
        )


class UnknownPersonalDataKind(SeedError):
    """A column is marked with an unknown kind of personal data.

    The message lists the known kinds. Use None for a column that is not personal.
    """

    code = "SB422"

    def __init__(self, column: str, kind: str, known: Sequence[str]) -> None:
        super().__init__(
            f"{column} is marked {kind!r}, which is not a kind of personal data.",
            remedy=f"Use one of {', '.join(known)}, or None if it is not personal.",
        )


class RejectedMaskedValues(SeedError):
    """PostgreSQL rejected the masked values, so the database keeps its original values.

    A constraint of the table, such as a CHECK, rejects them, or a row cannot be rewritten. The transaction was rolled
    back. Mark the column with a kind whose values fit, or with the kind `null`.
    """

    code = "SB423"

    def __init__(self, database: str, reason: str) -> None:
        super().__init__(
            f"{database} keeps its original values, because PostgreSQL rejected the masked ones: {reason}",
            remedy="Mark the column with a kind whose values fit, or with null.",
        )


class UnmodeledData(SeedError):
    """The database has tables, columns or large objects that the models do not describe.

    Masking would leave them unchanged, although they may contain personal data. Nothing was replaced. For each of them,
    choose `--empty` or `--keep`.
    [Tables and columns outside the models](../how-to/previews.md#tables-and-columns-outside-the-models) explains the
    names.
    """

    code = "SB445"

    def __init__(self, names: Sequence[str]) -> None:
        first = names[0]
        super().__init__(
            f"The models do not describe {', '.join(names)}, which may contain personal data. Nothing was replaced.",
            remedy=f"For each: --empty {first} deletes its values, --keep {first} leaves them because they are"
            f' harmless. In pyproject.toml: [tool.seedbed.masking] empty = ["{first}"], or keep.',
        )


class EmptiedTableReferenced(SeedError):
    """A table that keeps its rows has a foreign key to a table that `--empty` would empty.

    Nothing was replaced. Empty the referring table as well.
    """

    code = "SB446"

    def __init__(self, references: Sequence[tuple[str, str]]) -> None:
        pairs = ", ".join(f"{referring} refers to {emptied}" for referring, emptied in references)
        names = dict.fromkeys(referring for referring, _ in references)
        super().__init__(
            f"{pairs}, which --empty would empty. Nothing was replaced.",
            remedy=f"Empty these as well: {' '.join(f'--empty {name}' for name in names)}",
        )


class UnknownMaskingTarget(SeedError):
    """`--keep` or `--empty` names no table or column of the database.

    Seedbed compares names exactly, part by part. Write `SCHEMA.TABLE` for a table outside `public`, and `TABLE.COLUMN`
    for a column.
    """

    code = "SB447"

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(
            f"The database has no table or column {', '.join(names)}.",
            remedy="Write a table as NAME or SCHEMA.NAME, and a column as TABLE.COLUMN; * matches any characters.",
        )


class ConflictingMaskingOptions(SeedError):
    """The same table or column would be both kept and emptied.

    A name in `keep` and a name in `empty` match it, or it is kept and inherits from a table that is emptied. Seedbed
    combines the options with `[tool.seedbed.masking]`. Remove one of the two names.
    """

    code = "SB448"

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(
            f"{', '.join(names)} would be both kept and emptied.",
            remedy="Remove one of the two; options and [tool.seedbed.masking] in pyproject.toml are combined.",
        )


class InvalidEmptyTarget(SeedError):
    """The target of `--empty` cannot be emptied.

    It is a foreign table, whose rows are in another database, a table of an extension, or a NOT NULL column without a
    default. Drop it, or keep it if its values are harmless.
    """

    code = "SB449"

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(
            f"{name} cannot be emptied: {reason}.",
            remedy=f"Drop it, or keep it if its values are harmless: --keep {name}",
        )


class PersonalForeignTable(SeedError):
    """A table with personal columns, or one of its partitions or inheritance children, is a foreign table.

    Masking would change the rows of another database. Nothing was replaced. Drop the foreign table in the copy, or
    detach it if it is a partition.
    """

    code = "SB450"

    def __init__(self, table: str) -> None:
        super().__init__(
            f"{table} is a foreign table: masking it would change the rows of another database. Nothing was replaced.",
            remedy=f"Drop it in the copy, or detach it if it is a partition: DROP FOREIGN TABLE {table}",
        )


class ExposedOriginalValues(SeedError):
    """The database has a prepared transaction, a logical replication slot or an active subscription.

    After masking, original values could be read from it or return through it. Nothing was replaced. The remedy shows
    the statement that removes each object.
    """

    code = "SB451"

    def __init__(self, sources: Sequence[tuple[str, str]]) -> None:
        """Each source is an object and the statement that removes it."""
        super().__init__(
            f"Original values could be read from, or return through, {', '.join(name for name, _ in sources)}."
            " Nothing was replaced.",
            remedy="Remove each first: " + "; ".join(statement for _, statement in sources),
        )


class StaleStatistics(SeedError):
    """PostgreSQL keeps statistics with original values for an empty table or materialized view.

    The statistics describe former rows, and `ANALYZE` does not update the statistics of an empty table. Before
    PostgreSQL 18, only a superuser can delete them. Nothing was replaced. Drop the table or view in the copy, or the
    objects that depend on its columns.
    """

    code = "SB452"

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(
            f"{', '.join(names)} is empty, and pg_stats still has values of its former rows. Nothing was replaced.",
            remedy="Drop it in the copy, or drop the objects that depend on its columns, such as a view;"
            " a superuser, or PostgreSQL 18, needs neither.",
        )


class UnmarkedSourceColumns(SeedError):
    """A generated column is marked as personal, but none of its source columns is.

    PostgreSQL would compute the original value again. Nothing was replaced. Mark a source column as well, or remove the
    mark from the generated column.
    """

    code = "SB453"

    def __init__(self, column: str, sources: Sequence[str]) -> None:
        super().__init__(
            f"{column} is marked as personal and generated from {', '.join(sources) or 'no column'},"
            " so it would get its original value again. Nothing was replaced.",
            remedy=f"Mark {' or '.join(sources) or 'its source columns'} as well, or unmark {column}.",
        )
