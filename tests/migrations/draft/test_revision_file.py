"""The files of a draft, which exist only after its proof."""

import os
import signal
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from seedbed.errors import FileWriteFailure, InvalidRevisionFile, PostWriteHookFailure, UnregisteredTableDrop
from seedbed.migrations.checks.doctor_files import FILE_CHECKS
from seedbed.migrations.checks.project_check import check_project
from seedbed.migrations.draft.decisions import Decisions
from seedbed.migrations.draft.draft import draft, draft_empty
from seedbed.migrations.draft.revision_file import draft_folder, place_revisions
from seedbed.migrations.history.revisions import read_history
from seedbed.postgres.embedded import TemporaryServer, run_temporary_server
from seedbed.settings import Configuration
from tests.support.patience import PATIENCE
from tests.support.projects import Project, little_project

HERO = """
class Hero(Table, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(index=True)
"""
INVOICE = """
from sqlmodel import Field

from schema import Table


class Invoice(Table, table=True):
    id: int | None = Field(default=None, primary_key=True)
"""
HOOKS = """
[post_write_hooks]
hooks = tidy
tidy.type = {type}
tidy.{key} = {program}
tidy.options = {options}
"""


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with little_project(tmp_path, HERO) as made:
        yield made


@pytest.fixture
def variables(seedbed_server: TemporaryServer) -> Mapping[str, str]:
    """A server for this test alone, since a killed draft leaves its database there."""
    url = seedbed_server.url().reveal()
    return {"DATABASE_URL": url, "SHADOW_DATABASE_URL": url}


@pytest.fixture
def configuration(project: Project, variables: Mapping[str, str]) -> Configuration:
    return project.configuration(**variables)


def left_over(project: Project) -> list[str]:
    """Everything that a draft may have left beside the revisions."""
    known = {"env.py", "script.py.mako", "versions", "head", "__pycache__"}
    return sorted(path.name for path in (project.root / "migrations").iterdir() if path.name not in known)


def hook(project: Project, program: str, *, kind: str = "exec", options: str = "REVISION_SCRIPT_FILENAME") -> None:
    key = {"exec": "executable", "console_scripts": "entrypoint", "module": "module"}[kind]
    ini = project.root / "alembic.ini"
    text = ini.read_text(encoding="utf-8") + HOOKS.format(type=kind, key=key, program=program, options=options)
    ini.write_text(text, encoding="utf-8")


class Killed(BaseException):
    """Raised in place of a kill."""


class TestPostWriteHook:
    @pytest.mark.parametrize("kind", ["exec", "console_scripts", "module"])
    @pytest.mark.parametrize("kind_of_draft", [draft, draft_empty])
    def test_missing_hook_leaves_no_revision(
        self, project: Project, configuration: Configuration, kind: str, kind_of_draft: object
    ) -> None:
        hook(project, "no_such_formatter", kind=kind)

        with pytest.raises(PostWriteHookFailure, match="no_such_formatter"):
            kind_of_draft(configuration, "Create hero")  # type: ignore[operator]

        assert (project.revisions(), left_over(project)) == ([], [])

    def test_hook_changes_the_file_before_the_proof(self, project: Project, configuration: Configuration) -> None:
        tidy = project.write("tidy.sh", "#!/bin/sh\necho tidied\necho '# tidied' >> \"$1\"\n")
        tidy.chmod(0o755)
        hook(project, str(tidy))

        drafted = draft(configuration, "Create hero")

        assert drafted is not None
        (revision,) = drafted.revisions
        assert revision.file.parent == project.root / "migrations/versions"
        assert "# tidied" in revision.file.read_text(encoding="utf-8")

    def test_hook_that_breaks_the_file_leaves_no_revision(self, project: Project, configuration: Configuration) -> None:
        tidy = project.write("tidy.sh", "#!/bin/sh\necho 'raise ValueError(1)' >> \"$1\"\n")
        tidy.chmod(0o755)
        hook(project, str(tidy))

        with pytest.raises(Exception, match="ValueError"):
            draft(configuration, "Create hero")

        assert (project.revisions(), left_over(project)) == ([], [])

    def test_hook_output_does_not_reach_the_json(self, project: Project, variables: dict[str, str]) -> None:
        tidy = project.write("tidy.sh", "#!/bin/sh\necho tidied\n")
        tidy.chmod(0o755)
        hook(project, str(tidy))

        facts = project.json("seedbed", "migrate", "draft", "-m", "Create hero", code=0, **variables)

        assert len(facts["revisions"]) == 1


class TestKill:
    @pytest.fixture
    def variables(self) -> Iterator[Mapping[str, str]]:
        """A server for this test alone, since a killed draft leaves its database there."""
        with run_temporary_server() as server:
            url = server.url().reveal()
            yield {"DATABASE_URL": url, "SHADOW_DATABASE_URL": url}

    def test_kill_during_a_draft_leaves_nothing_to_apply(
        self, project: Project, configuration: Configuration, variables: Mapping[str, str]
    ) -> None:
        process = project.start("seedbed", "migrate", "draft", "-m", "Create hero", **variables)
        until = time.monotonic() + PATIENCE
        while not list((project.root / "migrations").glob(".draft-*/*.py")) and time.monotonic() < until:
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.communicate()

        assert left_over(project) != []
        assert (project.revisions(), read_history(project.settled).revisions) == ([], ())
        assert draft(configuration, "Create hero") is not None
        assert left_over(project) == []

    def test_kill_between_two_files_leaves_nothing_to_apply(
        self, project: Project, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def write(file: Path, text: str) -> None:
            if "second" not in file.name:
                raise Killed
            file.write_text(text, encoding="utf-8")

        monkeypatch.setattr("seedbed.migrations.draft.revision_file.write_atomically", write)
        monkeypatch.setattr(Path, "unlink", lambda *_, **__: None)  # a kill leaves what is there
        with draft_folder(project.settled) as drafted:
            assert drafted.draft_folder is not None
            for name, follows in (("first", None), ("second", "first")):
                file = project.write_revision(name, "pass", follows=follows)
                file.rename(drafted.draft_folder / file.name)
            with pytest.raises(Killed):
                place_revisions(project.settled, drafted, read_history(drafted).revisions)

        assert project.revisions() == ["second.py"]
        with pytest.raises(InvalidRevisionFile, match="first"):
            read_history(project.settled)


class TestVersionLocations:
    def test_draft_goes_to_the_folder_of_the_newest_revision(
        self, project: Project, configuration: Configuration
    ) -> None:
        ini = project.root / "alembic.ini"
        more = "version_locations = %(here)s/migrations/versions:%(here)s/billing/versions\n"
        text = ini.read_text(encoding="utf-8").replace("[alembic]\n", f"[alembic]\n{more}")
        ini.write_text(text, encoding="utf-8")
        project.write(
            "billing/versions/first.py",
            "revision = 'first'\ndown_revision = None\n\n\ndef upgrade():\n    pass\n\n\ndef downgrade():\n    pass\n",
        )

        drafted = draft(configuration, "Create hero")

        assert drafted is not None
        assert drafted.revisions[0].file.parent == project.root / "billing/versions"

    def test_first_draft_goes_to_the_first_folder(self, project: Project, configuration: Configuration) -> None:
        ini = project.root / "alembic.ini"
        more = "version_locations = %(here)s/billing/versions:%(here)s/migrations/versions\n"
        text = ini.read_text(encoding="utf-8").replace("[alembic]\n", f"[alembic]\n{more}")
        ini.write_text(text, encoding="utf-8")

        assert draft_empty(configuration, "First").revisions[0].file.parent == project.root / "billing/versions"

    def test_unwritable_folder_is_named_before_the_draft(
        self, project: Project, configuration: Configuration, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ask = os.access
        monkeypatch.setattr("os.access", lambda path, mode: Path(path).name != "versions" and ask(path, mode))

        with pytest.raises(FileWriteFailure, match="migrations/versions could not be written: Permission denied"):
            draft(configuration, "Create hero")


class TestUnregisteredTable:
    @pytest.fixture
    def dropping(self, project: Project, variables: Mapping[str, str]) -> Project:
        """A project that has drafted a table whose class nothing imports any more."""
        project.write(f"{project.schema}/invoice.py", INVOICE.replace("schema", project.schema))
        file = project.root / project.schema / "__init__.py"
        text = file.read_text(encoding="utf-8")
        file.write_text(f"{text}\n\nfrom {project.schema}.invoice import Invoice  # noqa: F401\n", encoding="utf-8")
        project.run("seedbed", "migrate", "draft", "-m", "First", given=variables)
        file.write_text(text, encoding="utf-8")
        return project

    def test_draft_does_not_drop_the_table(self, dropping: Project, configuration: Configuration) -> None:
        with pytest.raises(UnregisteredTableDrop) as refused:
            draft(configuration, "Something else")

        name = dropping.schema
        assert refused.value.message == (
            f"The models lack invoice, so it would be dropped; but its class at {name}/invoice.py:7 is not imported."
        )
        assert refused.value.remedy.endswith(
            f"--drop invoice. Otherwise: Add to {name}/__init__.py: from {name}.invoice import Invoice"
        )
        assert len(dropping.revisions()) == 1

    def test_check_names_the_table(self, dropping: Project, configuration: Configuration) -> None:
        with pytest.raises(UnregisteredTableDrop):
            check_project(configuration)

    def test_drop_option_drops_the_table(self, dropping: Project, configuration: Configuration) -> None:
        drafted = draft(configuration, "Drop it", decisions=Decisions(dropped=frozenset({"invoice"})))

        assert drafted is not None
        assert drafted.steps == ('op.drop_table("invoice")',)

    def test_warning_if_nothing_is_dropped(
        self, project: Project, configuration: Configuration, variables: Mapping[str, str]
    ) -> None:
        project.write(f"{project.schema}/invoice.py", INVOICE.replace("schema", project.schema))
        warning = f"{project.schema}/invoice.py:7: Invoice is a table that is not imported."

        drafted = project.run("seedbed", "migrate", "draft", "-m", "First", given=variables)
        checked = project.run("seedbed", "migrate", "check", given=variables)
        (_, found) = FILE_CHECKS["schema"](configuration)

        assert f"Warning: {warning}" in drafted.stderr
        assert f"Warning: {warning}" in checked.stderr
        assert (found.is_problem, f"{found.message}.") == (True, warning)
