"""Errors about a project's files, its schema module and its installed packages (SB101 to SB107, SB120 to SB126)."""

from collections.abc import Sequence
from pathlib import Path

from seedbed.errors.base import ProjectError


class ProjectNotFound(ProjectError):
    """Neither the working directory nor any of its parents is a Seedbed project.

    Every command looks for the nearest `pyproject.toml` with a `[tool.seedbed]` table, from the working directory
    upwards. Change to the project's directory, or name it with `--project PATH` before the command.
    """

    code = "SB101"

    def __init__(self, start: Path) -> None:
        super().__init__(
            f"Not a Seedbed project: no pyproject.toml with a [tool.seedbed] table in {start} or its parents.",
            remedy="Change to your project's directory, name it with --project PATH, or create one: seedbed init PATH",
        )


class SchemaImportFailure(ProjectError):
    """The schema module raised an exception during its import.

    The message names the last line of your own code in the traceback. Fix that line. To see the whole traceback, import
    the module in Python.
    """

    code = "SB102"

    def __init__(self, module: str, location: str, reason: str) -> None:
        super().__init__(
            f"Importing {module} failed at {location}: {reason}",
            remedy=f"Fix the import error. Full traceback: python -c 'import {module}'",
        )


class SchemaShadowed(ProjectError):
    """Another module has the name of the project's schema module.

    The project's root comes first on `sys.path`. The conflict therefore has one of two causes: the project has no
    directory of that name, or the other module was imported earlier. Rename your directory, and set the new name in
    `pyproject.toml`.
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

    Usually `schema/__init__.py` does not import a new file of tables, or a class lacks `table=True`. If the module has
    a `metadata`, only the tables in that metadata count. Import every module that defines tables.
    """

    code = "SB104"

    def __init__(self, module: str) -> None:
        super().__init__(
            f"{module} defines no table.",
            remedy=f"Import every module that has tables in {module}, or name them: [tool.seedbed] imports, metadata.",
        )


class InvalidProjectConfig(ProjectError):
    """The `[tool.seedbed]` table has an unknown key or an invalid value.

    For example, `schema` is not a module name, or `ignore` is not a list of names. A `pyproject.toml` that is not valid
    TOML causes the same error. See the list of [all keys](../how-to/adopt.md#configuration-keys).
    """

    code = "SB105"

    def __init__(self, file: Path, reason: str, allowed: Sequence[str]) -> None:
        super().__init__(
            f"{file}: {reason}",
            remedy=f"Keys of [tool.seedbed]: {', '.join(allowed)}." if allowed else "Correct the file there.",
        )


class SchemaBuildFailure(ProjectError):
    """PostgreSQL rejected a statement that the schema declares.

    Seedbed builds the models and the statements in `declare(...)` on a temporary database. One of these statements
    failed. Fix the model or the declaration that contains it.
    """

    code = "SB106"

    def __init__(self, statement: str, reason: str) -> None:
        super().__init__(
            f"The schema cannot be built at '{statement}': {reason}", remedy="Fix that declaration in the schema."
        )


class ExtraMissing(ProjectError):
    """A command or a feature needs an optional package that is not installed.

    Seedbed alone can run migrations. Other features need an extra: `seed` (Faker's values), `service` (the read
    service), `testing` (the pytest plugin), `embedded` (PostgreSQL itself), `dask`, or `emulator` (Neon's API).
    `seedbed[all]` installs all extras.
    """

    code = "SB107"

    def __init__(self, feature: str, extra: str, package: str, *, alternative: str | None = None) -> None:
        super().__init__(
            f"{feature} needs the package {package}, which is not installed.",
            remedy=f"pip install 'seedbed[{extra}]'" + (f", or {alternative}." if alternative else ""),
        )


class ExistingProjectFiles(ProjectError):
    """The directory for a new project contains project files, but no table and no Alembic history.

    `seedbed init` creates a project in a new or empty directory, and never overwrites a file. No file was changed.
    Choose another directory, or write a first table in this one: `seedbed init` then
    [adds what is missing](../how-to/adopt.md).
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

    The message shows the operating system's reason, such as a missing permission or a full disk. Seedbed left no file
    in the directory. Fix the cause, or choose another directory.
    """

    code = "SB121"

    def __init__(self, directory: Path, reason: str) -> None:
        super().__init__(
            f"Cannot create a project in {directory}: {reason}.",
            remedy="Choose another directory: seedbed init PATH",
        )


class MultipleMigrationHistories(ProjectError):
    """A directory contains the Alembic histories of several databases.

    The histories are in several `alembic.ini` files, or in several sections of one file for `alembic -n`. Seedbed does
    not read such sections. Each database needs its own project: a directory with a `pyproject.toml` that has a
    `[tool.seedbed]` table.
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
    """`seedbed init` would change existing files, and the changes were not confirmed.

    On a terminal, `seedbed init` shows the changes and asks for confirmation. In a script, `--write` confirms them. No
    file was changed.
    """

    code = "SB123"

    def __init__(self, directory: Path, files: Sequence[str]) -> None:
        super().__init__(
            f"No files were changed in {directory}; these would be: {', '.join(files)}.",
            remedy="Review the changes above, then write them: seedbed init --write",
        )


class NoServableTables(ProjectError):
    """The schema has no SQLModel table to serve, or `pyproject.toml` disables the service.

    The service builds its responses from the fields of SQLModel classes. SQLAlchemy's own declarative classes work with
    migrations, seeds and tests, but have no routes. `seedbed init --no-service` writes `service = false`; to serve the
    tables, remove that line.
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
    completely or not at all, so the previous file is unchanged. Fix the cause, and run the command again.
    """

    code = "SB125"

    def __init__(self, file: str, reason: str) -> None:
        super().__init__(
            f"{file} could not be written: {reason}.",
            remedy="Free some space or make the file writable, then run the command again.",
        )


class MergeConflictMarkers(ProjectError):
    """A file that Seedbed reads contains merge-conflict markers (`<<<<<<<`, `=======`, `>>>>>>>`).

    `migrations/head` has one line per revision. Keep the lines of both sides in it, and delete the markers.
    Alternatively, `seedbed migrate check --seal` rewrites the file from the revisions.
    """

    code = "SB126"

    def __init__(self, file: str, line: int) -> None:
        super().__init__(
            f"{file} has merge-conflict markers, from line {line}.",
            remedy="Keep the lines of both sides and delete the markers; their order does not matter. If both sides "
            "added a revision: seedbed migrate rebase REVISION",
        )
