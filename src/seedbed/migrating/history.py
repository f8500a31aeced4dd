"""The project's revisions as files, in the order in which they are applied."""

import re
import warnings
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING

from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from seedbed.errors import ForkedHistory, UnknownRevision, UnreadableRevision
from seedbed.modelling import failing_place, in_words
from seedbed.modelling.loading import put_first
from seedbed.settings import Project

if TYPE_CHECKING:
    from sqlalchemy import Connection

PROJECT = "seedbed.project"
"""Under which attribute of Alembic's configuration env.py finds the project."""

_CONTRACT = re.compile(r"^\s*#\s*seedbed:\s*contract\b", re.MULTILINE)


@dataclass(frozen=True)
class Revision:
    """One file of migrations/versions. A `contract` one says so in a note, `# seedbed: contract`: it takes away what
    programs of before the deploy still use.
    """

    id: str
    message: str
    file: Path
    contract: bool = False


@dataclass(frozen=True)
class History:
    """A history with one head, oldest revision first. It is not `linear` where a fork was merged: then there are
    moments at which a database has two revisions, and no single step leads back from the merge.
    """

    revisions: tuple[Revision, ...]
    linear: bool = True

    @property
    def head(self) -> str | None:
        return self.revisions[-1].id if self.revisions else None

    def after(self, revision: str | None, database: str) -> tuple[Revision, ...]:
        """The revisions a database still needs.

        Raises:
            UnknownRevision: the database is at one that no file has.
        """
        if revision is None:
            return self.revisions
        ids = [known.id for known in self.revisions]
        if revision not in ids:
            raise UnknownRevision(revision, database)
        return self.revisions[ids.index(revision) + 1 :]


def due(pending: tuple[Revision, ...], at: str | None, *, contract: bool) -> tuple[Revision, ...]:
    """Those of the pending revisions that can be applied: up to the first contract one, unless `contract` says that the
    programs of before are gone, or the database is `at` no revision yet and never had any.
    """
    if contract or at is None:
        return pending
    return tuple(takewhile(lambda revision: not revision.contract, pending))


def alembic_config(project: Project) -> Config:
    """Alembic's configuration of the project; the connection is handed over as an attribute, never as a URL."""
    config = Config(project.alembic_ini)
    location = config.get_main_option("script_location")
    if location and ":" not in location and not Path(location).is_absolute():
        # Alembic takes it from the working folder, and Seedbed from the file that says it.
        config.set_main_option("script_location", str(project.alembic_ini.parent / location).replace("%", "%%"))
    config.file_config.remove_option(config.config_ini_section, "prepend_sys_path")
    put_first(project)
    config.attributes[PROJECT] = project
    return config


def script_folder(project: Project) -> Path:
    """Where env.py, the template and the revisions are."""
    return Path(ScriptDirectory.from_config(alembic_config(project)).dir)


def version_table(project: Project) -> dict[str, str]:
    """How Alembic is told which table has a database's revision."""
    schema, _, name = project.version_table.rpartition(".")
    return {"version_table": name} | ({"version_table_schema": schema} if schema else {})


def read_history(project: Project) -> History:
    """Read the revisions' files.

    Raises:
        ForkedHistory: more than one revision is newest.
        UnreadableRevision: a file cannot be imported, is one of two with the same revision, or follows one that is
            missing.
    """
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("error", r"Revision .* is (not present|present more than once)", UserWarning)
            directory = ScriptDirectory.from_config(alembic_config(project))
            heads = directory.get_heads()
            if len(heads) > 1:
                raise ForkedHistory(sorted(heads))
            scripts = list(directory.walk_revisions("base", "heads"))
    except ForkedHistory:
        raise
    except (CommandError, UserWarning) as error:
        raise UnreadableRevision(str(error)) from error
    except Exception as error:
        place = failing_place(project.root, error)
        raise UnreadableRevision(f"{place}: {in_words(error)}") from error
    read = tuple(_read(script.revision, script.doc, Path(script.path)) for script in reversed(scripts))
    return History(read, linear=not any(script.is_merge_point for script in scripts))


def _read(revision: str, doc: str | None, file: Path) -> Revision:
    contract = _CONTRACT.search(file.read_text(encoding="utf-8")) is not None
    return Revision(revision, doc.splitlines()[0] if doc else "", file, contract)


def current_revision(connection: "Connection", project: Project) -> str | None:
    """The revision a database is at, in no transaction afterwards; between a fork and its merge, several."""
    heads = MigrationContext.configure(connection, opts=version_table(project)).get_current_heads()
    connection.rollback()
    return ", ".join(sorted(heads)) or None
