"""Errors about changes for which no revision can be drafted, or only with a person's decision (SB201 to SB248)."""

from collections.abc import Sequence

from seedbed.errors.base import MigrationError


class DraftProofFailure(MigrationError):
    """The generated migration failed its verification, so its file was not kept.

    The message names the step that failed, with PostgreSQL's reason or with the differences. Change the models, state
    the conversion of values with `hint(using=..., back=...)`, or write the revision by hand.
    [Drafting](../explanation/drafting.md) explains each step.
    """

    code = "SB201"

    def __init__(self, step: str, reason: str) -> None:
        super().__init__(
            f"The generated migration failed its verification at '{step}': {reason}",
            remedy="Nothing was written. Change the models, add a conversion with hint(using=..., back=...), or write "
            "the revision by hand: seedbed migrate draft --empty -m TEXT",
        )


class UndraftedModelChanges(MigrationError):
    """The models and the migrations describe different schemas.

    The message lists the differences. Draft the missing revision, or undo the change to the models.
    """

    code = "SB208"

    def __init__(self, differences: Sequence[str]) -> None:
        super().__init__(
            f"The models and the migrations differ: {'; '.join(differences)}.",
            remedy="Draft a revision: seedbed migrate draft -m TEXT",
        )


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


class UnsupportedChange(MigrationError):
    """No statement makes this change without losing rows.

    Examples are a type that becomes another kind of type, and a plain table that becomes a partitioned one. Draft an
    empty revision, write the change by hand, and run `seedbed migrate check`.
    """

    code = "SB212"

    def __init__(self, subject: str, reason: str) -> None:
        super().__init__(
            f"{subject} cannot be drafted: {reason}.",
            remedy="Write it by hand: seedbed migrate draft --empty -m TEXT",
        )


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


class DraftCancelled(MigrationError):
    """Somebody answered a question of `seedbed migrate draft` with "stop" or with the end of the input (Ctrl-D).

    No revision was written. The remedy shows how to give the answer in the models or by an option.
    """

    code = "SB228"

    def __init__(self, subject: str, remedy: str) -> None:
        super().__init__(f"The draft stopped at the question about {subject}: no revision was written.", remedy=remedy)


class UnregisteredTableDrop(MigrationError):
    """A draft would drop a table whose class is still in the schema's directory but is not imported.

    The import was forgotten or removed, and the drop would lose the table's rows. Seedbed parses the file but does not
    import it.
    """

    code = "SB235"

    def __init__(self, table: str, location: str, reason: str, remedy: str) -> None:
        super().__init__(
            f"The models lack {table}, so it would be dropped; but its class at {location} {reason}.",
            remedy=f"To drop the table, delete the class, or draft with --drop {table}. Otherwise: {remedy}",
        )


class PostWriteHookFailure(MigrationError):
    """A program in Alembic's `[post_write_hooks]` is missing or could not be started.

    The draft was not kept.
    """

    code = "SB236"

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"A post-write hook could not be run on the new revision: {reason}.",
            remedy="Nothing was written. Install the hook's program, or remove the hook from [post_write_hooks] in "
            "alembic.ini, and draft again.",
        )


class UnknownTypeConversion(MigrationError):
    """A column changes its type, and there is no known conversion for its values.

    PostgreSQL has no cast between the two types, and Seedbed has no conversion of its own. Write the conversion as SQL
    in the model. `using` computes the new value from the old column, and `back` computes the old value from the new
    column when the revision is downgraded.
    """

    code = "SB237"

    def __init__(self, column: str, old: str, new: str) -> None:
        super().__init__(
            f"{column} changes from {old} to {new}, and there is no conversion between the two.",
            remedy='Write both conversions in the model: info=hint(using="SQL", back="SQL")',
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


class UnsupportedDifference(MigrationError):
    """The models and the migrations differ in something that Seedbed does not draft.

    Examples are replica identity, default privileges, a cast, a text search configuration, and what one partition has
    and the others have not. The comparison reads every row of the system catalogs that describes the schema, so such a
    difference is always reported. The object and the property are named as in PostgreSQL's catalogs; *should be* is
    the value in the models.

    Write the statement into a revision by hand. If instead the models lack what the migrations create, declare it
    beside the models. If the draft contains other changes, `--partial` writes them and lists the rest; write the rest
    into a second, empty revision. `seedbed migrate check` fails with this error until both agree.
    """

    code = "SB247"
    _SHOWN = 8

    def __init__(self, differences: Sequence[str], *, is_complete: bool) -> None:
        """`is_complete` means that there are no other differences, which could be drafted."""
        shown = [*differences[: self._SHOWN]]
        shown += [f"and {len(differences) - len(shown)} more"] if len(differences) > len(shown) else []
        by_hand = "seedbed migrate draft --empty -m TEXT"
        remedy = f"Write the statement into a revision by hand, or undo the change: {by_hand}"
        if not is_complete:
            partial = "seedbed migrate draft --partial -m TEXT"
            remedy = f"Draft the rest: {partial}. Then write this change into a revision by hand: {by_hand}"
        super().__init__(
            f"The models and the migrations differ in what Seedbed does not draft: {'; '.join(shown)}.", remedy=remedy
        )


class NonSchemaStatement(MigrationError):
    """A statement in `declare(...)` does not change the schema.

    It changes rows, roles or settings, or nothing at all. Seedbed compares declared statements by running them on an
    empty database, so no revision would ever contain this one. A query, a `DO` block and a `CALL` are allowed if they
    change the schema.
    """

    code = "SB248"

    def __init__(self, statement: str) -> None:
        super().__init__(
            f"The declared statement '{statement}' changes nothing about the schema, so no revision would run it.",
            remedy="Remove it from declare(...), and write it into a revision by hand: "
            "seedbed migrate draft --empty -m TEXT",
        )
