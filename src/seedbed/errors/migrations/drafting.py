"""Errors about changes that cannot be drafted, or only after a decision of the user (SB201 to SB248)."""

from collections.abc import Sequence

from seedbed.errors.base import MigrationError


class DraftProofFailure(MigrationError):
    """The generated migration failed its verification.

    The message names the step that failed, with PostgreSQL's reason or with the differences. No file was kept. Change
    the models, define how values are converted with `hint(using=..., back=...)`, or write the revision by hand.
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
    """A column is NOT NULL, but existing rows have no value for it.

    If new rows should have a default too, add it to the model. For this draft only, pass an SQL expression to
    `--backfill`. The expression may use other columns of the row.
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
    """An object was removed and a similar one was added: this is a rename, or a drop that loses data.

    Seedbed does not guess, because a wrong guess loses the rows' values. The message names the most likely new name
    first, by similarity of the names, type and nullability. A terminal asks the question. In a script, answer with an
    option or in the models. With `--json`, the error has a `question`, and its `answers` are options of the command.
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
    """`--rename` names an object that the migrations do not create, or that the models do not have.

    The object may already have its new name. Seedbed drafted nothing, because a draft would drop the object that you
    meant. Correct the names.
    """

    code = "SB226"

    def __init__(self, old: str, new: str) -> None:
        super().__init__(
            f"--rename {old}={new} matches nothing: {old} must be in the migrations, and {new} in the models.",
            remedy="Name a table as task, a column as task.name, a label as color.RED: --rename task.name=task.title",
        )


class DraftCancelled(MigrationError):
    """You stopped `seedbed migrate draft` at a question, with the answer "stop" or the end of the input (Ctrl-D).

    No revision was written. The remedy shows how to answer the question in the models or with an option.
    """

    code = "SB228"

    def __init__(self, subject: str, remedy: str) -> None:
        super().__init__(f"The draft stopped at the question about {subject}: no revision was written.", remedy=remedy)


class UnregisteredTableDrop(MigrationError):
    """A draft would drop a table whose class is still in the schema's directory.

    The file of the class is not imported, or the class belongs to another metadata. Dropping the table would lose its
    rows. Seedbed parses a file that is not imported, but does not import it. The remedy shows how to add the class to
    the schema. To drop the table, delete the class.
    """

    code = "SB235"

    def __init__(self, table: str, location: str, reason: str, remedy: str) -> None:
        super().__init__(
            f"The models lack {table}, so it would be dropped; but its class at {location} {reason}.",
            remedy=f"To drop the table, delete the class, or draft with --drop {table}. Otherwise: {remedy}",
        )


class PostWriteHookFailure(MigrationError):
    """A program in Alembic's `[post_write_hooks]` is missing or cannot be started.

    The draft was not kept. Install the program, or remove the hook from `alembic.ini`.
    """

    code = "SB236"

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"A post-write hook could not be run on the new revision: {reason}.",
            remedy="Nothing was written. Install the hook's program, or remove the hook from [post_write_hooks] in "
            "alembic.ini, and draft again.",
        )


class UnknownTypeConversion(MigrationError):
    """A column changes its type, and Seedbed knows no conversion for its values.

    PostgreSQL has no cast between the two types, and Seedbed has no built-in conversion. Write the conversion as SQL in
    the model. `using` computes the new value from the old column. `back` computes the old value from the new column for
    a downgrade.
    """

    code = "SB237"

    def __init__(self, column: str, old: str, new: str) -> None:
        super().__init__(
            f"{column} changes from {old} to {new}, and there is no conversion between the two.",
            remedy='Write both conversions in the model: info=hint(using="SQL", back="SQL")',
        )


class InvalidHint(MigrationError):
    """A hint has no effect, or it contradicts the models or another hint.

    `renamed_from` names an object that does not exist, that is still in the models, or that another hint also names.
    `using` is on a new column. `renamed_values` is on a column without a database enum. A hint for columns is on a
    table, or a hint for tables is on a column. Correct the hint or remove it.
    """

    code = "SB243"

    def __init__(self, location: str, argument: str, reason: str, *, option: str | None = None) -> None:
        alternative = f", or use the command-line option once: {option}" if option else ""
        super().__init__(
            f"hint({argument}=...) of {location} cannot be used: {reason}.",
            remedy=f"Correct the hint or remove it{alternative}.",
        )


class UnusedDraftOption(MigrationError):
    """`--drop` or `--backfill` names an object that this draft does not drop or fill.

    The name may contain a typing error, and the change that you meant would be missing from the draft. Nothing was
    drafted. Correct the name, or remove the option.
    """

    code = "SB244"

    def __init__(self, option: str, name: str, reason: str) -> None:
        super().__init__(
            f"{option} {name} has no effect: {reason}.",
            remedy=f"Remove {option} {name}, or correct the name: a table is task, a column task.name, a label "
            "color.RED.",
        )


class AmbiguousSwap(MigrationError):
    """Hints swap the names of columns or tables, and Seedbed cannot tell whether the swap has already happened.

    The objects are alike, so the schema is the same before and after the swap. If their types or other properties
    differ, Seedbed recognizes a finished swap, and the hints then have no effect. If the swap has happened, remove the
    hints. If not, use `--rename` once instead of the hints.
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
    """The models and the migrations differ in a property that Seedbed does not draft.

    Examples are replica identity, default privileges, a cast, a text search configuration, and a property that only
    some partitions have. Seedbed always reports such a difference, because it compares every row of the system catalogs
    that describes the schema. The message names the object and the property as PostgreSQL's catalogs do; *should be* is
    the value in the models.

    Write the statement into a revision by hand. If the migrations are right and the models lack the object, declare it
    beside the models. If the draft contains other changes, `--partial` writes those and lists the rest; write the rest
    into a second, empty revision. `seedbed migrate check` fails with this error until the models and the migrations
    agree.
    """

    code = "SB247"
    _SHOWN = 8

    def __init__(self, differences: Sequence[str], *, is_complete: bool) -> None:
        """`is_complete` means that there are no other differences that could be drafted."""
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

    The statement changes rows, roles or settings, or nothing at all. Seedbed compares declared statements by running
    them on an empty database, so no revision would ever contain this one. A query, a `DO` block or a `CALL` is allowed
    if it changes the schema. Remove the statement, and write it into a revision by hand.
    """

    code = "SB248"

    def __init__(self, statement: str) -> None:
        super().__init__(
            f"The declared statement '{statement}' changes nothing about the schema, so no revision would run it.",
            remedy="Remove it from declare(...), and write it into a revision by hand: "
            "seedbed migrate draft --empty -m TEXT",
        )
