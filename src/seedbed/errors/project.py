"""Errors about a project's files, its schema module and its installed packages (SB101 to SB107, SB120 to SB126)."""

from collections.abc import Sequence
from pathlib import Path

from seedbed.errors.base import ProjectError


class ProjectNotFound(ProjectError):
    """Neither the working directory nor a directory above it is a Seedbed project.

    A command looks for the nearest `pyproject.toml` with a `[tool.seedbed]` table, from the working directory upwards.
    Change to the project's directory, or name it with `--project PATH` before the command.
    """

    code = "SB101"

    def __init__(self, start: Path) -> None:
        super().__init__(
            f"Not a Seedbed project: no pyproject.toml with a [tool.seedbed] table in {start} or its parents.",
            remedy="Change to your project's directory, name it with --project PATH, or create one: seedbed init PATH",
        )


class SchemaImportFailure(ProjectError):
    """The schema module raised an exception while it was imported.

    The location is the last line of your own code in the traceback. Fix that line; importing the module in Python
    shows the whole traceback.
    """

    code = "SB102"

    def __init__(self, module: str, location: str, reason: str) -> None:
        super().__init__(
            f"Importing {module} failed at {location}: {reason}",
            remedy=f"Fix the import error. Full traceback: python -c 'import {module}'",
        )


class SchemaShadowed(ProjectError):
    """Another installed module has the name of the project's schema module.

    The project's root comes first on `sys.path`. So this happens when the project has no directory of that name, or
    when the other module was imported earlier. Rename your directory and set the new name in `pyproject.toml`.
    """

    code = "SB103"

    def __init__(self, module: str, file: str, root: Path) -> None:
        super().__init__(
            f"import {module} finds {file}, which is not under {root}.",
            remedy=f'Rename your directory, say to my_tables, and set [tool.seedbed] schema = "my_tables", '
            f"or uninstall the package that contains {module}.",
        )


class SchemaWithoutTables(ProjectError):
    """The schema module defines no table.

    Usually a new file of tables is not imported in `schema/__init__.py`, or a class lacks `table=True`. If the module
    has a `metadata`, only the tables in that metadata count.
    """

    code = "SB104"

    def __init__(self, module: str) -> None:
        super().__init__(
            f"{module} defines no table.",
            remedy=f"Import every module that has tables in {module}, or name them: [tool.seedbed] imports, metadata.",
        )


class InvalidProjectConfig(ProjectError):
    """The `[tool.seedbed]` table has an unknown key or an invalid value.

    For example, the schema is not a module name, or `ignore` is not a list of names. A `pyproject.toml` that is not
    valid TOML gives the same error. [All keys](../how-to/adopt.md#configuration-keys) are listed there.
    """

    code = "SB105"

    def __init__(self, file: Path, reason: str, allowed: Sequence[str]) -> None:
        super().__init__(
            f"{file}: {reason}",
            remedy=f"Keys of [tool.seedbed]: {', '.join(allowed)}." if allowed else "Correct the file there.",
        )


class SchemaBuildFailure(ProjectError):
    """PostgreSQL rejected a statement that the schema declares.

    Seedbed builds the models, and the statements in `declare(...)`, on a temporary database, and one statement failed.
    Fix the model or the declaration that it comes from.
    """

    code = "SB106"

    def __init__(self, statement: str, reason: str) -> None:
        super().__init__(
            f"The schema cannot be built at '{statement}': {reason}", remedy="Fix that declaration in the schema."
        )


class ExtraMissing(ProjectError):
    """A command or a feature needs packages of an extra that is not installed.

    Seedbed alone can migrate. Other features come with extras: `seed` (Faker's values), `service` (the read service),
    `testing` (the pytest plugin), `embedded` (PostgreSQL itself), `dask`, and `emulator` (Neon's API). `seedbed[all]`
    installs all of them.
    """

    code = "SB107"

    def __init__(self, feature: str, extra: str, package: str, *, alternative: str | None = None) -> None:
        super().__init__(
            f"{feature} needs the package {package}, which is not installed.",
            remedy=f"pip install 'seedbed[{extra}]'" + (f", or {alternative}." if alternative else ""),
        )


class ExistingProjectFiles(ProjectError):
    """The directory for a new project already has project files, but no table and no Alembic history.

    `seedbed init` creates a project in a new or empty directory and never overwrites a file. If the directory has a
    table, it [adds what is missing](../how-to/adopt.md) instead. No file was changed.
    """

    code = "SB120"

    def __init__(self, directory: Path, names: Sequence[str]) -> None:
        super().__init__(
            f"No files were changed: {directory} already contains {', '.join(names)}.",
            remedy="Create the project in a new directory: seedbed init PATH. Or write a first table here; seedbed "
            "init then keeps the existing files and adds what is missing.",
        )


class ProjectDirectoryNotWritable(ProjectError):
    """The directory for a new project cannot be created or written.

    The reason is the operating system's, such as a missing permission or a full disk. No file was left in it.
    """

    code = "SB121"

    def __init__(self, directory: Path, reason: str) -> None:
        super().__init__(
            f"Cannot create a project in {directory}: {reason}.",
            remedy="Choose another directory: seedbed init PATH",
        )


class MultipleMigrationHistories(ProjectError):
    """A directory has the Alembic histories of several databases.

    Each database is a project of its own: a directory with a `pyproject.toml` that has a `[tool.seedbed]` table. The
    histories are several `alembic.ini` files, or several sections of one file for `alembic -n`, which Seedbed does
    not read.
    """

    code = "SB122"

    def __init__(self, directory: Path, config_files: Sequence[str], *, in_sections: bool = False) -> None:
        super().__init__(
            f"{directory} has the migrations of {len(config_files)} databases: {', '.join(config_files)}.",
            remedy="Seedbed reads the section [alembic] only: move each history to its own directory with an "
            "alembic.ini."
            if in_sections
            else "Each is a project of its own; use the directory of its file: seedbed init DIRECTORY",
        )


class FileChangesNotConfirmed(ProjectError):
    """`seedbed init` showed changes to existing files, and nobody confirmed them.

    A terminal asks for confirmation; elsewhere `--write` confirms. No file was changed.
    """

    code = "SB123"

    def __init__(self, directory: Path, files: Sequence[str]) -> None:
        super().__init__(
            f"No files were changed in {directory}; these would be: {', '.join(files)}.",
            remedy="Review the changes above, then write them: seedbed init --write",
        )


class NoServableTables(ProjectError):
    """The schema has no SQLModel table to serve, or `pyproject.toml` disables the service.

    The service builds its answers from the fields of SQLModel classes. SQLAlchemy's own declarative classes can be
    migrated, seeded and used in tests, but they have no routes. `seedbed init --no-service` writes `service = false`.
    """

    code = "SB124"

    def __init__(self, module: str, *, is_disabled: bool = False) -> None:
        if is_disabled:
            super().__init__(
                "pyproject.toml says service = false, so there is nothing to serve.",
                remedy="To serve the tables, remove that line from [tool.seedbed].",
            )
            return
        super().__init__(
            f"{module} has no SQLModel table, so there is nothing to serve.",
            remedy="Migrations, seeds and tests work without; the service needs the tables as SQLModel classes.",
        )


class FileWriteFailure(ProjectError):
    """The operating system refused to write a file.

    The disk is full, the file system is read-only, or the directory belongs to another user. Seedbed writes a file
    completely or not at all, so the previous file is unchanged.
    """

    code = "SB125"

    def __init__(self, file: str, reason: str) -> None:
        super().__init__(
            f"{file} could not be written: {reason}.",
            remedy="Free some space or make the file writable, then run the command again.",
        )


class MergeConflictMarkers(ProjectError):
    """A file that Seedbed reads contains merge-conflict markers (`<<<<<<<`, `=======`, `>>>>>>>`).

    `migrations/head` has one line per revision, so the lines of both sides belong in it. `seedbed migrate check
    --seal` rewrites the file from the revisions.
    """

    code = "SB126"

    def __init__(self, file: str, line: int) -> None:
        super().__init__(
            f"{file} has merge-conflict markers, from line {line}.",
            remedy="Keep the lines of both sides and delete the markers; their order does not matter. If both sides "
            "added a revision: seedbed migrate rebase REVISION",
        )
