"""Errors of masking personal data (SB4xx)."""

from collections.abc import Sequence

from seedbed.errors.base import SeedError


class NoPersonalColumns(SeedError):
    """Personal data was to be replaced, and no column is marked as personal."""

    code = "SB420"

    def __init__(self) -> None:
        super().__init__(
            "No column is marked as personal, so nothing would be replaced.",
            remedy='Put {"pii": "email"} into their info. To find them: seedbed seed mask --check',
        )


class UnmarkedPersonalColumns(SeedError):
    """Columns look as if they held personal data, and the models say nothing of them."""

    code = "SB421"

    def __init__(self, columns: Sequence[str]) -> None:
        super().__init__(
            f"These columns look personal and are not marked: {', '.join(columns)}. Nothing was replaced.",
            remedy='Mark each, {"pii": "email"} in its info, or {"pii": None} where it holds nothing about a person.',
        )


class UnknownPersonalDataKind(SeedError):
    """A column's mark is of no kind that values are made for."""

    code = "SB422"

    def __init__(self, column: str, kind: str, known: Sequence[str]) -> None:
        super().__init__(
            f"{column} is marked {kind!r}, which is no kind of personal data.",
            remedy=f"One of {', '.join(known)}, or None where it is not personal.",
        )


class RejectedMaskedValues(SeedError):
    """PostgreSQL did not take the new values, and the old ones are all there."""

    code = "SB423"

    def __init__(self, database: str, reason: str) -> None:
        super().__init__(
            f"{database} keeps its values, since PostgreSQL did not take the new ones: {reason}",
            remedy="Mark the column with a kind whose values fit it, or with null.",
        )


class UnmodeledData(SeedError):
    """The database holds tables, columns or large objects that the models do not describe, so masking leaves them."""

    code = "SB445"

    def __init__(self, names: Sequence[str]) -> None:
        first = names[0]
        super().__init__(
            f"The models do not describe {', '.join(names)}, so nobody knows whether there is personal data in it."
            " Nothing was replaced.",
            remedy=f"For each: --empty {first} deletes its values, --keep {first} leaves them, being harmless."
            f' In pyproject.toml: [tool.seedbed.masking] empty = ["{first}"], or keep.',
        )


class EmptiedTableReferenced(SeedError):
    """A table was to be emptied, and rows that stay may refer to its rows."""

    code = "SB446"

    def __init__(self, references: Sequence[tuple[str, str]]) -> None:
        said = ", ".join(f"{referring} refers to {emptied}" for referring, emptied in references)
        names = dict.fromkeys(referring for referring, _ in references)
        super().__init__(
            f"{said}, which --empty would empty. Nothing was replaced.",
            remedy=f"Empty these as well: {' '.join(f'--empty {name}' for name in names)}",
        )


class UnknownMaskingTarget(SeedError):
    """--keep or --empty names no table and no column of the database."""

    code = "SB447"

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(
            f"The database has no table or column {', '.join(names)}.",
            remedy="Give a table as NAME or SCHEMA.NAME, a column as TABLE.COLUMN; * is any characters.",
        )


class ConflictingMaskingOptions(SeedError):
    """Something is to be kept and to be emptied."""

    code = "SB448"

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(
            f"{', '.join(names)} is both to be kept and to be emptied.",
            remedy="Remove one of the two; options and [tool.seedbed.masking] in pyproject.toml count together.",
        )


class InvalidEmptyTarget(SeedError):
    """What --empty names cannot be emptied."""

    code = "SB449"

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(
            f"{name} cannot be emptied: {reason}.",
            remedy=f"Drop it, or keep it if its values are harmless: --keep {name}",
        )


class PersonalForeignTable(SeedError):
    """A table with personal columns is a foreign table, whose rows masking would change in another database."""

    code = "SB450"

    def __init__(self, table: str) -> None:
        super().__init__(
            f"{table} is a foreign table: masking it would change the rows of another database. Nothing was replaced.",
            remedy=f"Drop it in the copy, or detach it if it is a partition: DROP FOREIGN TABLE {table}",
        )


class ExposedOriginalValues(SeedError):
    """A prepared transaction, a replication slot or a subscription of the database has original values."""

    code = "SB451"

    def __init__(self, found: Sequence[tuple[str, str]]) -> None:
        super().__init__(
            f"Original values could be read from, or come back with, {', '.join(what for what, _ in found)}."
            " Nothing was replaced.",
            remedy="End each first: " + "; ".join(statement for _, statement in found),
        )


class StaleStatistics(SeedError):
    """PostgreSQL keeps statistics of rows that are gone, with original values in them."""

    code = "SB452"

    def __init__(self, names: Sequence[str]) -> None:
        names_ = ", ".join(names)
        super().__init__(
            f"{names_} is empty now, and pg_stats still has values of its former rows. Nothing was replaced.",
            remedy="Drop it in the copy, or what keeps its columns' types from being set, such as a view;"
            " a superuser, or PostgreSQL 18, can do without.",
        )


class UnmarkedSourceColumns(SeedError):
    """A generated column is marked as personal, and is computed from columns that are not."""

    code = "SB453"

    def __init__(self, column: str, sources: Sequence[str]) -> None:
        super().__init__(
            f"{column} is marked as personal and generated from {', '.join(sources) or 'no column'},"
            " so it would get its original value again. Nothing was replaced.",
            remedy=f"Mark {' or '.join(sources) or 'the columns it is computed from'} as well, or unmark {column}.",
        )
