"""Errors about changes for which no revision can be drafted (SB201 to SB248)."""

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
