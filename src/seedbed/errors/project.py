"""Errors of a project: its folder, its settings and its schema module (SB1xx)."""

import re
from collections.abc import Sequence
from pathlib import Path

from seedbed.errors.base import ProjectError

_WORD = re.compile(r"[A-Za-z][A-Za-z_-]{0,19}")


class ProjectNotFound(ProjectError):
    """No project was found here or above."""

    code = "SB101"

    def __init__(self, start: Path) -> None:
        super().__init__(
            f"Neither {start} nor a folder above it has a pyproject.toml with a [tool.seedbed] table.",
            remedy="Change to your project's folder, name it by --project PATH, or begin one: seedbed init PATH",
        )


class SchemaImportFailure(ProjectError):
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


class InvalidProjectConfig(ProjectError):
    """The [tool.seedbed] table holds something that cannot be used."""

    code = "SB105"

    def __init__(self, file: Path, reason: str, allowed: Sequence[str]) -> None:
        known = f"[tool.seedbed] knows these keys: {', '.join(allowed)}."
        super().__init__(f"{file}: {reason}", remedy=known if allowed else "Correct the file there.")


class SchemaBuildFailure(ProjectError):
    """PostgreSQL refused something that the schema declares."""

    code = "SB106"

    def __init__(self, statement: str, reason: str) -> None:
        super().__init__(
            f"The schema cannot be built at '{statement}': {reason}", remedy="Mend what schema/ declares there."
        )


class UnknownEnvironment(ProjectError):
    """An environment was chosen that does not exist."""

    code = "SB110"

    def __init__(self, name: str, origin: str, known: Sequence[str]) -> None:
        shown = f"no environment {name!r}" if _WORD.fullmatch(name) else "no such environment"  # it may be a pasted URL
        super().__init__(f"There is {shown} ({origin}).", remedy=f"Choose one of: {', '.join(known)}.")


class DatabaseNotConfigured(ProjectError):
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


class InvalidEnvFile(ProjectError):
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


class ExistingProjectFiles(ProjectError):
    """A folder that was to become a project has files which a project has; nothing was written."""

    code = "SB120"

    def __init__(self, folder: Path, names: Sequence[str]) -> None:
        super().__init__(
            f"{folder} has {', '.join(names)} already, and nothing of yours is overwritten: nothing was written.",
            remedy="Begin in a new folder: seedbed init PATH. Or write a first table here; seedbed init then leaves "
            "what is there, and adds what is missing.",
        )


class ProjectDirectoryNotWritable(ProjectError):
    """A folder that was to become a project cannot be made or written; nothing was left in it."""

    code = "SB121"

    def __init__(self, folder: Path, reason: str) -> None:
        super().__init__(
            f"{folder} cannot be made a project: {reason}.", remedy="Choose another folder: seedbed init PATH"
        )


class MultipleMigrationHistories(ProjectError):
    """A folder holds the migrations of several databases, each of which is a project."""

    code = "SB122"

    def __init__(self, folder: Path, inis: Sequence[str], *, named: bool = False) -> None:
        super().__init__(
            f"{folder} has the migrations of {len(inis)} databases: {', '.join(inis)}.",
            remedy="Seedbed reads the section [alembic]: give each history a folder of its own, with an alembic.ini."
            if named
            else "Each is a project of its own, in the folder of its file: seedbed init FOLDER",
        )


class FileChangesNotConfirmed(ProjectError):
    """A project's files were to be written, and nobody said that they may; nothing was."""

    code = "SB123"

    def __init__(self, folder: Path, files: Sequence[str]) -> None:
        super().__init__(
            f"Nothing was written to {folder}: {', '.join(files)} would be.",
            remedy="Look at the changes above, and have them written: seedbed init --write",
        )


class NoServableTables(ProjectError):
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


class FileWriteFailure(ProjectError):
    """The system did not let a file be written: the disk is full, or the folder may only be read."""

    code = "SB125"

    def __init__(self, file: str, reason: str) -> None:
        super().__init__(
            f"{file} could not be written: {reason}.",
            remedy="Make room there, or let it be written to, and run the command again.",
        )


class MergeConflictMarkers(ProjectError):
    """A file that a command reads has the markers of a merge conflict in it."""

    code = "SB126"

    def __init__(self, file: str, line: int) -> None:
        super().__init__(
            f"{file} has merge-conflict markers, from line {line}.",
            remedy="Take the lines of both sides and delete the markers; their order does not matter. Where both sides "
            "added a revision: seedbed migrate rebase REVISION",
        )
