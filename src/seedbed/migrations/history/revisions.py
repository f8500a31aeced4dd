"""The project's revision files, in the order in which they are applied."""

import ast
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING

from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import Script, ScriptDirectory
from alembic.util import CommandError, to_tuple

from seedbed.errors import InvalidRevisionFile, MultipleHeads, RevisionNotFound, UnknownDatabaseRevision
from seedbed.schema import describe_exception, find_failing_line
from seedbed.schema.loader import prepend_import_roots
from seedbed.settings import Project

if TYPE_CHECKING:
    from sqlalchemy import Connection

PROJECT_ATTRIBUTE = "seedbed.project"
"""The attribute of Alembic's configuration that holds the project for env.py."""

_HEAD_SEPARATOR = ", "
_CONTRACT = re.compile(r"^\s*#\s*seedbed:\s*contract\b", re.MULTILINE)


@dataclass(frozen=True)
class Revision:
    """A revision file.

    A file with the note `# seedbed: contract` is a contract revision: it removes what the previous release still uses.
    A revision has several `down_revisions` where it merges a fork or depends on another branch. Its downgrade leads to
    the first one.
    """

    id: str
    message: str
    file: Path
    is_contract: bool = False
    down_revisions: tuple[str, ...] = ()


@dataclass(frozen=True)
class History:
    """The revisions of a history with one head, each after its down revisions.

    Where a fork was merged, a database can be at two revisions for a time: one of each branch.
    """

    revisions: tuple[Revision, ...]

    @property
    def head(self) -> str | None:
        return self.revisions[-1].id if self.revisions else None

    def find(self, revision_id: str) -> Revision:
        """Return the revision with this id, or with an id that starts with it.

        Raises:
            RevisionNotFound: no revision matches, or several do.
        """
        matches = [revision for revision in self.revisions if revision.id == revision_id] or [
            revision for revision in self.revisions if revision_id and revision.id.startswith(revision_id)
        ]
        if len(matches) != 1:
            raise RevisionNotFound(revision_id, [revision.id for revision in matches])
        return matches[0]

    def find_pending(self, revision: str | None, database: str) -> tuple[Revision, ...]:
        """Return the revisions that a database still needs.

        `revision` is where the database is, as `read_current_revision` returns it.

        Raises:
            UnknownDatabaseRevision: the database is at a revision that has no file.
        """
        by_id = {known.id: known for known in self.revisions}
        applied: set[str] = set()
        to_visit = [*split_heads(revision)] if revision else []
        while to_visit:
            current = to_visit.pop()
            if current not in by_id:
                raise UnknownDatabaseRevision(current, database)
            if current not in applied:
                applied.add(current)
                to_visit += by_id[current].down_revisions
        return tuple(known for known in self.revisions if known.id not in applied)


def select_applicable(pending: tuple[Revision, ...], revision: str | None, *, contract: bool) -> tuple[Revision, ...]:
    """Return the pending revisions that can be applied: those before the first contract revision.

    All of them can be applied if `contract` is true, or if the database has no revision yet: then no previous release
    uses it.
    """
    if contract or revision is None:
        return pending
    return tuple(takewhile(lambda candidate: not candidate.is_contract, pending))


def find_heads(revisions: Sequence[Revision]) -> tuple[str, ...]:
    """Return the revisions that no other one follows or depends on: where a database is that has had them all."""
    parents = {parent for revision in revisions for parent in revision.down_revisions}
    return tuple(revision.id for revision in revisions if revision.id not in parents)


def build_alembic_config(project: Project) -> Config:
    """Return the project's Alembic configuration: alembic.ini, completed by `[tool.alembic]` in pyproject.toml.

    The connection is passed as an attribute, never as a URL. Alembic resolves relative paths against the working
    directory; here they are resolved against the file that contains them.
    """
    ini = project.alembic_ini
    config = Config(ini if ini.is_file() else None, toml_file=project.root / "pyproject.toml")
    section, toml_options = config.config_ini_section, dict(config.toml_alembic_config)
    if not config.file_config.has_section(section):
        config.file_config.add_section(section)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # for how an older alembic.ini separates a list
        version_locations = config.get_version_locations_list()
    if version_locations:
        base_directory = ini.parent if config.file_config.has_option(section, "version_locations") else project.root
        config.file_config.remove_option(section, "version_locations")
        version_locations = [_resolve(base_directory, location) for location in version_locations]
    if location := config.get_alembic_option("script_location"):
        base_directory = ini.parent if config.file_config.has_option(section, "script_location") else project.root
        config.set_main_option("script_location", _resolve(base_directory, location).replace("%", "%%"))
    elif (ini.parent / "env.py").is_file():  # beside it, as in a Flask-Migrate project
        config.set_main_option("script_location", str(ini.parent).replace("%", "%%"))
    if project.draft_folder is not None:
        default_location = f"{config.get_main_option('script_location')}/versions"
        version_locations = [*(version_locations or [default_location]), str(project.draft_folder)]
    if version_locations:
        toml_options["version_locations"] = [location.replace("%", "%%") for location in version_locations]
    config.file_config.remove_option(section, "prepend_sys_path")
    toml_options.pop("prepend_sys_path", None)
    vars(config)["toml_alembic_config"] = toml_options
    prepend_import_roots(project)
    config.attributes[PROJECT_ATTRIBUTE] = project
    return config


def _resolve(directory: Path, path: str) -> str:
    """Return a path relative to a directory as Alembic expects it; `package:directory` stays as it is."""
    return path if ":" in path else str(directory / path)


def has_history(project: Project) -> bool:
    """Return whether the project configures where its revisions are."""
    return build_alembic_config(project).get_main_option("script_location") is not None


def find_irreversible_reason(revision: Revision) -> str | None:
    """Return why a revision cannot be undone, or None where it can.

    It cannot where its `downgrade` only raises an exception. The reason is the message of the exception, and is empty
    where the message is no literal.
    """
    for node in ast.parse(revision.file.read_bytes()).body:
        if isinstance(node, ast.FunctionDef) and node.name == "downgrade":
            statements = [statement for statement in node.body if not isinstance(statement, ast.Expr)]
            if statements and isinstance(statements[0], ast.Raise):
                return _literal_text(statements[0].exc)
    return None


def _literal_text(raised: ast.expr | None) -> str:
    arguments = raised.args if isinstance(raised, ast.Call) else []
    texts = [node.value for node in arguments if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return " ".join(texts)


def find_script_directory(project: Project) -> Path:
    """Return the directory with env.py, the revision template and the revisions."""
    return Path(ScriptDirectory.from_config(build_alembic_config(project)).dir)


def get_version_table_options(project: Project) -> dict[str, str]:
    """Return the options that tell Alembic which table holds the revision of a database."""
    schema, _, name = project.version_table.rpartition(".")
    return {"version_table": name} | ({"version_table_schema": schema} if schema else {})


def read_history(project: Project) -> History:
    """Read the revision files.

    Raises:
        MultipleHeads: the history has several heads.
        InvalidRevisionFile: a file cannot be imported, repeats the id of another file, or follows a missing revision.
    """
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("error", r"Revision .* is (not present|present more than once)", UserWarning)
            directory = ScriptDirectory.from_config(build_alembic_config(project))
            revisions = tuple(
                _read_revision(script, directory) for script in directory.walk_revisions("base", "heads")
            )[::-1]
    except (CommandError, UserWarning) as error:
        raise InvalidRevisionFile(str(error)) from error
    except Exception as error:
        location = find_failing_line(project.root, error)
        raise InvalidRevisionFile(f"{location}: {describe_exception(error)}") from error
    if len(heads := find_heads(revisions)) > 1:
        raise MultipleHeads(sorted(heads))
    return History(revisions)


def _read_revision(script: Script, directory: ScriptDirectory) -> Revision:
    file = Path(script.path)
    contract = _CONTRACT.search(file.read_text(encoding="utf-8")) is not None
    dependencies = (directory.get_revision(dependency) for dependency in to_tuple(script.dependencies, default=()))
    down_revisions = [
        *to_tuple(script.down_revision, default=()),
        *(dependency.revision for dependency in dependencies if dependency is not None),
    ]
    message = script.doc.splitlines()[0] if script.doc else ""
    return Revision(script.revision, message, file, contract, tuple(dict.fromkeys(down_revisions)))


def split_heads(revision: str) -> tuple[str, ...]:
    """Split what `read_current_revision` returns into the ids of the heads."""
    return tuple(revision.split(_HEAD_SEPARATOR))


def read_current_revision(connection: "Connection", project: Project) -> str | None:
    """Return the revision that a database is at, and end the transaction.

    Between a fork and its merge there are several, joined by a comma.
    """
    heads = MigrationContext.configure(connection, opts=get_version_table_options(project)).get_current_heads()
    connection.rollback()
    return _HEAD_SEPARATOR.join(sorted(heads)) or None
