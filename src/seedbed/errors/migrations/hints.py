"""Errors about decisions that a draft needs from a person, by hints or options (SB210 to SB245)."""

from collections.abc import Sequence

from seedbed.errors.base import MigrationError


class MissingBackfill(MigrationError):
    """A column is NOT NULL, and existing rows have no value for it.

    Add a default to the model if it is meant to stay. For this draft alone, give an SQL expression, which may use other
    columns of the row.
    """

    code = "SB210"

    def __init__(self, table: str, column: str) -> None:
        self.column = f"{table}.{column}"
        super().__init__(
            f"{self.column} is NOT NULL, but existing rows have no value for it.",
            remedy=f'Add a default, or backfill it: --backfill {self.column}="SQL", or '
            f'sa_column_kwargs={{"info": hint(backfill="SQL")}}',
        )


class AmbiguousRename(MigrationError):
    """Something was removed and something similar was added: a rename, or a drop that loses data.

    Only a person knows which, and a wrong guess loses the rows' values. The most likely new name comes first, by
    similarity of the names, type and nullability. A terminal asks the question; elsewhere answer by an option or in
    the models. With `--json` the error has a `question`, and its `answers` are options of the command.
    """

    code = "SB211"

    def __init__(self, kind: str, old: str, new: str, others: Sequence[str] = ()) -> None:
        """`kind` is table, column or another kind of object; `new` is the most likely new name."""
        self.old, self.new, self.candidates = old, new, (new, *others)
        also = f" Also added: {', '.join(others)}." if others else ""
        super().__init__(
            f"{kind} {old} was removed and a similar {kind} {new} was added. If this is a rename, say so; otherwise "
            f"the data in {old} is lost.{also}",
            remedy=f"Rename: --rename {old}={new}. Drop and add: --drop {old}. In the models: hint(renamed_from=...), "
            "hint(dropped=...).",
        )
        self.question = f"What is the new name of {kind} {old}?"
        self.answers = (*(f"--rename {old}={candidate}" for candidate in self.candidates), f"--drop {old}")


class UnmatchedRename(MigrationError):
    """`--rename` names something that the migrations do not create or the models do not have.

    It may also have its new name already. Nothing was drafted, because the object that you meant would be dropped.
    """

    code = "SB226"

    def __init__(self, old: str, new: str) -> None:
        super().__init__(
            f"--rename {old}={new} matches nothing: {old} must be in the migrations, and {new} in the models.",
            remedy="Name a table as task, a column as task.name, a label as color.RED: --rename task.name=task.title",
        )


class InvalidHint(MigrationError):
    """A hint has no effect where it is, or contradicts the models or another hint.

    `renamed_from` names something that does not exist, that is still in the models, or that another hint also names.
    `using` is on a new column. `renamed_values` is on a column without a database enum. A column's hint is on a table,
    or a table's hint on a column.
    """

    code = "SB243"

    def __init__(self, location: str, argument: str, reason: str, *, option: str | None = None) -> None:
        alternative = f", or use the command-line option once: {option}" if option else ""
        super().__init__(
            f"hint({argument}=...) of {location} cannot be used: {reason}.",
            remedy=f"Correct the hint or remove it{alternative}.",
        )


class UnusedDraftOption(MigrationError):
    """`--drop` or `--backfill` names something that this draft does not drop or fill.

    It may be a typing error, and the change that you meant would not happen. So nothing was drafted.
    """

    code = "SB244"

    def __init__(self, option: str, name: str, reason: str) -> None:
        super().__init__(
            f"{option} {name} has no effect: {reason}.",
            remedy=f"Remove {option} {name}, or correct the name: a table is task, a column task.name, a label "
            "color.RED.",
        )


class AmbiguousSwap(MigrationError):
    """Hints swap the names of columns or tables, and nothing shows whether the swap has already happened.

    The objects are alike, so the schema is the same before and after. If types or other properties differ, they show
    it, and the hints have no effect once the swap is done.
    """

    code = "SB245"

    def __init__(self, renames: Sequence[str]) -> None:
        hints = ", ".join(rename.replace("=", " -> ") for rename in renames)
        options = " ".join(f"--rename {rename}" for rename in renames)
        super().__init__(
            f"Hints in the models swap names ({hints}) between objects that are alike, so nothing shows whether the "
            "swap has already happened.",
            remedy=f"If it has, remove the hints. If not, use options once instead of the hints: {options}",
        )
        self.question = "Has the swap already happened?"
        self.answers = ("remove the hints", options)
