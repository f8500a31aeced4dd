"""The project's revisions as files, in the order in which they are applied."""

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

from seedbed.errors import MultipleHeads, RevisionNotFound, UnknownDatabaseRevision, InvalidRevisionFile
from seedbed.schema import failing_place, in_words
from seedbed.schema.loader import put_first
from seedbed.settings import Project

if TYPE_CHECKING:
    from sqlalchemy import Connection

PROJECT_ATTRIBUTE = "seedbed.project"
"""Under which attribute of Alembic's configuration env.py finds the project."""

_AND = ", "
_CONTRACT = re.compile(r"^\s*#\s*seedbed:\s*contract\b", re.MULTILINE)


@dataclass(frozen=True)
class Revision:
    """One file of migrations/versions. A `is_contract` one says so in a note, `# seedbed: contract`: it takes away what
    programs of before the deploy still use. It `down_revisions` several where it merges a fork, or depends on another branch;
    the first is the one that its downgrade leads to.
    """

    id: str
    message: str
    file: Path
    is_contract: bool = False
    down_revisions: tuple[str, ...] = ()


@dataclass(frozen=True)
class History:
    """A history with one head, oldest revision first: none comes before one that it follows. Where a fork was merged,
    a database may be at two revisions for a time, one of each side.
    """

    revisions: tuple[Revision, ...]

    @property
    def head(self) -> str | None:
        return self.revisions[-1].id if self.revisions else None

    def find(self, revision_id: str) -> Revision:
        """Return the revision of an id, or of enough of its first letters.

        Raises:
            RevisionNotFound: there is none, or there are several.
        """
        found = [one for one in self.revisions if one.id == revision_id] or [
            one for one in self.revisions if revision_id and one.id.startswith(revision_id)
        ]
        if len(found) != 1:
            raise RevisionNotFound(revision_id, [one.id for one in found])
        return found[0]

    def find_pending(self, revision: str | None, database: str) -> tuple[Revision, ...]:
        """The revisions a database still needs: those that do not lead to where it is, as `read_current_revision` says it.

        Raises:
            UnknownDatabaseRevision: the database is at one that no file has.
        """
        known = {one.id: one for one in self.revisions}
        passed: set[str] = set()
        waiting = [*split_heads(revision)] if revision else []
        while waiting:
            one = waiting.pop()
            if one not in known:
                raise UnknownDatabaseRevision(one, database)
            if one not in passed:
                passed.add(one)
                waiting += known[one].down_revisions
        return tuple(one for one in self.revisions if one.id not in passed)


def select_applicable(pending: tuple[Revision, ...], revision: str | None, *, contract: bool) -> tuple[Revision, ...]:
    """Those of the pending revisions that can be applied: up to the first contract one, unless `contract` says that the
    programs of before are gone, or the database is `revision` no revision yet and never had any.
    """
    if contract or revision is None:
        return pending
    return tuple(takewhile(lambda revision: not revision.is_contract, pending))


def find_heads(revisions: Sequence[Revision]) -> tuple[str, ...]:
    """Those that none of the others follows or depends on: where a database is that has had them all."""
    followed = {parent for revision in revisions for parent in revision.down_revisions}
    return tuple(revision.id for revision in revisions if revision.id not in followed)


def build_alembic_config(project: Project) -> Config:
    """Alembic's configuration of the project: alembic.ini, and what it does not say, of `[tool.alembic]` in
    pyproject.toml. The connection is handed over as an attribute, never as a URL.

    Alembic takes relative paths from the working folder, and Seedbed from the file that says them.
    """
    ini = project.alembic_ini
    config = Config(ini if ini.is_file() else None, toml_file=project.root / "pyproject.toml")
    section, said = config.config_ini_section, dict(config.toml_alembic_config)
    if not config.file_config.has_section(section):
        config.file_config.add_section(section)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # how a list is parted in an older alembic.ini
        versions = config.get_version_locations_list()
    if versions:
        base = ini.parent if config.file_config.has_option(section, "version_locations") else project.root
        config.file_config.remove_option(section, "version_locations")
        versions = [_from(base, place) for place in versions]
    if location := config.get_alembic_option("script_location"):
        base = ini.parent if config.file_config.has_option(section, "script_location") else project.root
        config.set_main_option("script_location", _from(base, location).replace("%", "%%"))
    elif (ini.parent / "env.py").is_file():  # beside it, as Flask-Migrate has it
        config.set_main_option("script_location", str(ini.parent).replace("%", "%%"))
    if project.draft_folder is not None:
        usual = f"{config.get_main_option('script_location')}/versions"
        versions = [*(versions or [usual]), str(project.draft_folder)]
    if versions:
        said["version_locations"] = [place.replace("%", "%%") for place in versions]
    config.file_config.remove_option(section, "prepend_sys_path")
    said.pop("prepend_sys_path", None)
    vars(config)["toml_alembic_config"] = said
    put_first(project)
    config.attributes[PROJECT_ATTRIBUTE] = project
    return config


def _from(folder: Path, place: str) -> str:
    """A path as Alembic takes it from a folder; `package:folder` stays."""
    return place if ":" in place else str(folder / place)


def has_history(project: Project) -> bool:
    """Whether the project says where its revisions are."""
    return build_alembic_config(project).get_main_option("script_location") is not None


def find_script_directory(project: Project) -> Path:
    """Where env.py, the template and the revisions are."""
    return Path(ScriptDirectory.from_config(build_alembic_config(project)).dir)


def get_version_table_options(project: Project) -> dict[str, str]:
    """How Alembic is told which table has a database's revision."""
    schema, _, name = project.version_table.rpartition(".")
    return {"version_table": name} | ({"version_table_schema": schema} if schema else {})


def read_history(project: Project) -> History:
    """Read the revisions' files.

    Raises:
        MultipleHeads: more than one revision is newest.
        InvalidRevisionFile: a file cannot be imported, is one of two with the same revision, or follows one that is
            missing.
    """
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("error", r"Revision .* is (not present|present more than once)", UserWarning)
            directory = ScriptDirectory.from_config(build_alembic_config(project))
            read = tuple(_read(script, directory) for script in directory.walk_revisions("base", "heads"))[::-1]
    except (CommandError, UserWarning) as error:
        raise InvalidRevisionFile(str(error)) from error
    except Exception as error:
        place = failing_place(project.root, error)
        raise InvalidRevisionFile(f"{place}: {in_words(error)}") from error
    if len(heads := find_heads(read)) > 1:
        raise MultipleHeads(sorted(heads))
    return History(read)


def _read(script: Script, directory: ScriptDirectory) -> Revision:
    file = Path(script.path)
    contract = _CONTRACT.search(file.read_text(encoding="utf-8")) is not None
    needed = (directory.get_revision(one) for one in to_tuple(script.dependencies, default=()))
    follows = [*to_tuple(script.down_revision, default=()), *(one.revision for one in needed if one is not None)]
    message = script.doc.splitlines()[0] if script.doc else ""
    return Revision(script.revision, message, file, contract, tuple(dict.fromkeys(follows)))


def split_heads(revision: str) -> tuple[str, ...]:
    """Where a database is, as several revisions."""
    return tuple(revision.split(_AND))


def read_current_revision(connection: "Connection", project: Project) -> str | None:
    """The revision a database is at, in no transaction afterwards; between a fork and its merge, several."""
    heads = MigrationContext.configure(connection, opts=get_version_table_options(project)).get_current_heads()
    connection.rollback()
    return _AND.join(sorted(heads)) or None
