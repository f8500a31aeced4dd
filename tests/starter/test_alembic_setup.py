"""Where a history is, by whichever file says so."""

from pathlib import Path

import pytest

from seedbed.errors import MultipleMigrationHistories, ProjectDirectoryNotWritable
from seedbed.migrations.history.revisions import build_alembic_config, find_script_directory, has_history, read_history
from seedbed.settings import find_project
from seedbed.starter.adoption import plan_adoption, write_changes
from seedbed.starter.alembic_setup import add_shared_connection, find_histories
from seedbed.starter.project_discovery import discover_project

pytestmark = pytest.mark.unit

REVISION = 'revision = "{}"\ndown_revision = None\n\n\ndef upgrade():\n    pass\n\n\ndef downgrade():\n    pass\n'
ENV = """
from alembic import context

from app import Base

target_metadata = Base.metadata

if context.is_offline_mode():
    pass
"""
APP = """
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "user"
    id: Mapped[int] = mapped_column(primary_key=True)
"""


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


class TestPyproject:
    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        table = (
            '[tool.alembic]\nscript_location = "%(here)s/db"\nprepend_sys_path = ["."]\n'
            'version_locations = ["db/new"]\n'
        )
        return write(
            tmp_path, {"pyproject.toml": table, "db/env.py": ENV, "app.py": APP, "db/new/a1.py": REVISION.format("a1")}
        )

    @pytest.mark.parametrize(
        "beside", [None, "[alembic]\nsqlalchemy.url = postgresql://h/d\n", "[loggers]\nkeys = root\n"]
    )
    def test_says_where_the_history_is(self, root: Path, monkeypatch: pytest.MonkeyPatch, beside: str | None) -> None:
        if beside is not None:
            (root / "alembic.ini").write_text(beside)
        monkeypatch.chdir("/")

        found = discover_project(root)
        assert found is not None
        write_changes(plan_adoption(found))
        project = find_project(root)

        assert found.history is not None
        assert (found.history.config_file.name, found.history.revisions, found.history.heads) == (
            "pyproject.toml",
            1,
            ("a1",),
        )
        assert project.alembic == "alembic.ini"
        assert has_history(project)
        assert find_script_directory(project) == root / "db"
        assert [revision.id for revision in read_history(project).revisions] == ["a1"]
        assert build_alembic_config(project).get_prepend_sys_paths_list() is None

    def test_gives_way_to_alembic_ini(self, root: Path) -> None:
        write(root, {"alembic.ini": "[alembic]\nscript_location = other\n", "other/env.py": ENV})

        (said,) = find_histories(root)

        assert (said.file.name, said.script_location) == ("alembic.ini", root / "other")


class TestIni:
    def test_of_one_history_may_be_several(self, tmp_path: Path) -> None:
        ini = "[alembic]\nscript_location = alembic\n"
        root = write(tmp_path, {"alembic.ini": ini, "alembic_test.ini": ini, "alembic/env.py": ENV, "app.py": APP})

        assert [said.file.name for said in find_histories(root)] == ["alembic.ini"]

    def test_names_folders_of_revisions_from_its_own(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        places = "path_separator = space\nversion_locations = alembic/old alembic/new\n"
        ini = f"[alembic]\nscript_location = alembic\n{places}"
        root = write(
            tmp_path,
            {
                "pyproject.toml": "[tool.seedbed]\n",
                "alembic.ini": ini,
                "alembic/env.py": ENV,
                "app.py": APP,
                "alembic/old/a1.py": REVISION.format("a1"),
                "alembic/new/b2.py": REVISION.format("b2").replace("None", '"a1"'),
            },
        )
        monkeypatch.chdir("/")

        found = discover_project(root)

        assert found is not None
        assert found.history is not None
        assert (found.history.revisions, found.history.heads) == (2, ("b2",))
        assert [revision.id for revision in read_history(find_project(root)).revisions] == ["a1", "b2"]

    def test_with_histories_in_sections_of_other_names_is_refused(self, tmp_path: Path) -> None:
        ini = "[alembic]\n\n[core]\nscript_location = core\n\n[tenant]\nscript_location = tenant\n"
        root = write(tmp_path, {"alembic.ini": ini, "core/env.py": ENV, "tenant/env.py": ENV, "app.py": APP})

        with pytest.raises(
            MultipleMigrationHistories, match=r"2 databases: alembic.ini \[core\], alembic.ini \[tenant\]"
        ):
            discover_project(root)

    def test_stands_beside_env_as_flask_migrate_has_it(self, tmp_path: Path) -> None:
        env = (
            "from alembic import context\nfrom flask import current_app\n\nconfig = context.config\n"
            "target_db = current_app.extensions['migrate'].db\n\n\ndef online():\n    pass\n\n\nonline()\n"
        )
        models = "from app import db\n\nclass User(db.Model):\n    id = db.Column(db.Integer, primary_key=True)\n"
        root = write(
            tmp_path,
            {
                "migrations/alembic.ini": "[alembic]\nfile_template = %%(rev)s\n",
                "migrations/env.py": env,
                "migrations/versions/a1.py": REVISION.format("a1"),
                "app/__init__.py": "from flask_sqlalchemy import SQLAlchemy\n\ndb = SQLAlchemy()\n",
                "app/models.py": models,
            },
        )

        found = discover_project(root)
        assert found is not None
        write_changes(plan_adoption(found))
        project = find_project(root)

        assert found.root == root
        assert (project.schema, project.metadata) == ("app.models", "app:db.metadata")
        assert project.alembic == "migrations/alembic.ini"
        assert find_script_directory(project) == root / "migrations"
        written = (root / "migrations/env.py").read_text()
        assert written.startswith(
            "from alembic import context\nfrom flask import current_app\n\n"
            'if context.config.attributes.get("connection") is not None:  # passed by Seedbed\n'
            "    from seedbed.migrations import environment\n\n    environment.run()\n"
            "else:\n    config = context.config\n"
        )


class TestNotes:
    def test_say_what_env_leaves_out_and_that_it_has_several_metadata(self, tmp_path: Path) -> None:
        env = (
            ENV.replace("Base.metadata", "[Base.metadata, Base.metadata]") + "context.configure(include_object=print)\n"
        )
        root = write(tmp_path, {"alembic.ini": "[alembic]\nscript_location = a\n", "a/env.py": env, "app.py": APP})
        found = discover_project(root)
        assert found is not None

        notes = " ".join(plan_adoption(found).notes)

        assert "several metadata" in notes
        assert "with include_object" in notes


class TestLines:
    def test_keep_the_endings_of_a_file(self, tmp_path: Path) -> None:
        root = write(tmp_path, {"alembic.ini": "[alembic]\nscript_location = a\n", "app.py": APP})
        (root / "a").mkdir()
        (root / "a/env.py").write_bytes(ENV.replace("\n", "\r\n").encode())
        (root / "pyproject.toml").write_bytes(b'[project]\r\nname = "x"\r\n')
        found = discover_project(root)
        assert found is not None

        write_changes(plan_adoption(found))

        for name in ("a/env.py", "pyproject.toml"):
            text = (root / name).read_bytes()
            assert text.count(b"\n") == text.count(b"\r\n")
        assert b"environment.run()" in (root / "a/env.py").read_bytes()

    def test_are_refused_after_what_is_no_toml(self, tmp_path: Path) -> None:
        found = discover_project(write(tmp_path, {"pyproject.toml": "[project\n", "app.py": APP}))
        assert found is not None

        with pytest.raises(ProjectDirectoryNotWritable, match=r"pyproject.toml is not valid TOML"):
            plan_adoption(found)

    def test_are_none_for_what_is_no_python(self) -> None:
        assert add_shared_connection("from alembic import context\ndef (\n") is None
