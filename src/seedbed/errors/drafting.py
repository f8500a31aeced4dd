"""Errors of drafting a migration (SB2xx)."""

from collections.abc import Sequence

from seedbed.errors.base import MigrationError


class DraftProofFailure(MigrationError):
    """A draft did not survive its proof, so its file was taken away."""

    code = "SB201"

    def __init__(self, step: str, reason: str) -> None:
        super().__init__(
            f"The draft failed its proof at '{step}': {reason}",
            remedy="Nothing was written. Change the models, say how values become another type by hint(using=..., "
            "back=...), or draft an empty revision to write by hand: seedbed migrate draft --empty -m TEXT",
        )


class UndraftedModelChanges(MigrationError):
    """The models say something that no revision does."""

    code = "SB208"

    def __init__(self, differences: Sequence[str]) -> None:
        super().__init__(
            f"The models and the migrations differ: {'; '.join(differences)}.", remedy="seedbed migrate draft -m TEXT"
        )


class MissingBackfill(MigrationError):
    """A column must not be NULL, and nothing says what it is to be in the rows that exist."""

    code = "SB210"

    def __init__(self, table: str, column: str) -> None:
        self.place = f"{table}.{column}"
        super().__init__(
            f"{table}.{column} is NOT NULL, and nothing says what it is in the rows that exist.",
            remedy=f'Give the column a default, or say it once: --backfill {table}.{column}="SQL", or '
            f'sa_column_kwargs={{"info": hint(backfill="SQL")}}',
        )


class AmbiguousRename(MigrationError):
    """Something goes and something like it comes: a rename, or a loss. Only a person knows.

    `candidates` are what it may be called now, the likeliest first.
    """

    code = "SB211"

    def __init__(self, kind: str, old: str, new: str, others: Sequence[str] = ()) -> None:
        self.old, self.new, self.candidates = old, new, (new, *others)
        beside = f" Also added: {', '.join(others)}." if others else ""
        super().__init__(
            f"{kind} {old} is removed and a similar {kind} {new} is added. If {old} has another name now, say so; "
            f"otherwise its values are lost.{beside}",
            remedy=f"Say which: --rename {old}={new}, or --drop {old}. In the models: hint(renamed_from=...), "
            "hint(dropped=...).",
        )
        self.question = f"Which name does {kind} {old} have now?"
        self.answers = (*(f"--rename {old}={candidate}" for candidate in self.candidates), f"--drop {old}")


class UnsupportedChange(MigrationError):
    """A change that no statement makes without losing rows, and that is better written by hand."""

    code = "SB212"

    def __init__(self, what: str, why: str) -> None:
        super().__init__(
            f"{what} cannot be drafted: {why}.", remedy="Write it by hand: seedbed migrate draft --empty -m TEXT"
        )


class UnmatchedRename(MigrationError):
    """A rename was asked for of what is not there, or to what is not wanted; what was meant would be dropped."""

    code = "SB226"

    def __init__(self, old: str, new: str) -> None:
        super().__init__(
            f"Nothing is called {old} in the migrations that is to be {new} in the models.",
            remedy="Name a table as task, a column as task.name, a label as color.RED: --rename task.name=task.title",
        )


class DraftCancelled(MigrationError):
    """A person stopped a draft at its question, or the input ended there."""

    code = "SB228"

    def __init__(self, subject: str, remedy: str) -> None:
        super().__init__(f"The draft stopped at the question about {subject}: no revision was written.", remedy=remedy)


class UnregisteredTableDrop(MigrationError):
    """A table would be dropped, and its class is still in the project's files, where the schema does not see it."""

    code = "SB235"

    def __init__(self, table: str, place: str, reason: str, remedy: str) -> None:
        super().__init__(
            f"The models lack {table}, so it would be dropped; but its class at {place} {reason}.",
            remedy=f"If the table is to go, delete the class, or draft with --drop {table}. Otherwise: {remedy}",
        )


class PostWriteHookFailure(MigrationError):
    """A post-write hook of Alembic's could not be run on a new revision."""

    code = "SB236"

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"A post-write hook could not be run on the new revision: {reason}.",
            remedy="Nothing was written. Install the hook's program, or take the hook out of [post_write_hooks] in "
            "alembic.ini, and draft again.",
        )


class UnknownTypeConversion(MigrationError):
    """A column gets another type, and neither PostgreSQL nor Seedbed knows what its values become."""

    code = "SB237"

    def __init__(self, column: str, old: str, new: str) -> None:
        super().__init__(
            f"{column} changes from {old} to {new}, and there is no conversion between the two.",
            remedy='Write the conversion in the model, and the one back: info=hint(using="SQL", back="SQL")',
        )


class InvalidHint(MigrationError):
    """A hint cannot have an effect where it stands, or contradicts the models or another hint."""

    code = "SB243"

    def __init__(self, place: str, word: str, why: str, *, option: str | None = None) -> None:
        other = f", or say it once on the command line: {option}" if option else ""
        super().__init__(
            f"hint({word}=...) of {place} cannot be followed: {why}.",
            remedy=f"Correct the hint or remove it{other}.",
        )


class UnusedDraftOption(MigrationError):
    """An option of a draft is about something that this draft does not change."""

    code = "SB244"

    def __init__(self, option: str, name: str, why: str) -> None:
        super().__init__(
            f"{option} {name} has no effect: {why}.",
            remedy=f"Leave {option} {name} out, or correct the name: a table is task, a column task.name, a label "
            "color.RED.",
        )


class AmbiguousSwap(MigrationError):
    """Hints let names change places, and nothing tells whether they have done so already."""

    code = "SB245"

    def __init__(self, renames: Sequence[str]) -> None:
        said = ", ".join(rename.replace("=", " is to be ") for rename in renames)
        options = " ".join(f"--rename {rename}" for rename in renames)
        super().__init__(
            f"By hints of the models, {said}, and these are alike: nothing tells whether they have changed places "
            "already.",
            remedy=f"If they have, remove the hints. If not, say it once in place of the hints: {options}",
        )
        self.question = "Have they changed places already?"
        self.answers = ("remove the hints", options)


class UnsupportedDifference(MigrationError):
    """The models and the migrations differ in something that a draft does not make.

    `whole` says that they differ in nothing else.
    """

    code = "SB247"
    _SHOWN = 8

    def __init__(self, differences: Sequence[str], *, whole: bool) -> None:
        shown = [*differences[: self._SHOWN]]
        shown += [f"and {len(differences) - len(shown)} more"] if len(differences) > len(shown) else []
        by_hand = "seedbed migrate draft --empty -m TEXT"
        remedy = f"Write the statement into a revision by hand, or take it back: {by_hand}"
        if not whole:
            first = "seedbed migrate draft --partial -m TEXT"
            remedy = f"Draft the rest: {first}; then write this into a revision by hand: {by_hand}"
        super().__init__(
            f"The models and the migrations differ in what Seedbed does not draft: {'; '.join(shown)}.", remedy=remedy
        )


class NonSchemaStatement(MigrationError):
    """A declared statement changes rows, roles or settings, and nothing about the schema."""

    code = "SB248"

    def __init__(self, statement: str) -> None:
        super().__init__(
            f"The declared statement '{statement}' changes nothing about the schema, so no revision would run it.",
            remedy="Take it out of declare(...), and write it into a revision by hand: "
            "seedbed migrate draft --empty -m TEXT",
        )
