"""What `seedbed init` finds in projects of different shapes, and the lines it would write."""

from pathlib import Path
from textwrap import dedent

import pytest

from seedbed.errors import MultipleMigrationHistories, ProjectDirectoryNotWritable
from seedbed.migrations.apply.shared_connection import accepts_connection
from seedbed.settings import find_project
from seedbed.starter.adoption import plan_adoption, write_changes
from seedbed.starter.alembic_setup import add_shared_connection
from seedbed.starter.project_discovery import DiscoveredProject, DiscoveredTables, discover_project
from seedbed.starter.project_writer import ProjectParts

pytestmark = pytest.mark.unit

MODELS = """
from sqlalchemy.orm import Mapped, mapped_column
from {package}.db import Base

class {name}(Base):
    __tablename__ = "{table}"
    id: Mapped[int] = mapped_column(primary_key=True)
"""
BASE = "from sqlalchemy.orm import DeclarativeBase\n\nclass Base(DeclarativeBase):\n    pass\n"
INI = "[alembic]\nscript_location = alembic\nprepend_sys_path = .\n"
ENV = """
from alembic import context
from shop.db import Base
from shop import models  # noqa: F401
from shop.settings import settings

target_metadata = Base.metadata

def online():
    context.configure(connection=None, version_table="shop_version", version_table_schema="meta")

if context.is_offline_mode():
    print("offline")
else:
    online()
"""
ASYNC = """
import asyncio
from alembic import context

async def run():
    pass

asyncio.run(
    run(),
)
"""


def write(root: Path, **files: str) -> Path:
    for name, text in files.items():
        file = root / name.replace("__", "/").replace("_py", ".py").replace("_ini", ".ini").replace("_toml", ".toml")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(dedent(text))
    return root


def of(root: Path) -> tuple[DiscoveredProject, DiscoveredTables]:
    found = discover_project(root)
    assert found is not None
    assert found.tables is not None
    return found, found.tables


@pytest.fixture
def declarative(tmp_path: Path) -> Path:
    root = write(
        tmp_path / "project",
        pyproject_toml='[project]\nname = "shop"\n',
        alembic_ini=INI,
        alembic__env_py=ENV,
        alembic__versions__one_py='revision = "a1"\ndown_revision = None\n',
        alembic__versions__two_py='revision: str = "b2"\ndown_revision: str = "a1"\n',
        shop__db_py=BASE,
        shop__settings_py="settings = 1\n",
        shop__legacy_py=MODELS.format(package="shop", name="Old", table="old"),
        shop__models__user_py=MODELS.format(package="shop", name="User", table="user"),
    )
    (root / "shop/__init__.py").touch()
    (root / "shop/models/__init__.py").write_text("from .user import User\n")
    (root / ".env").write_text("export DATABASE_URL='postgresql://u:s3cret@h/d'\nOTHER=1\n")
    return root


class TestFind:
    def test_reads_a_declarative_project_from_its_env(self, declarative: Path) -> None:
        found, tables = of(declarative)

        assert (tables.schema, tables.imports, tables.import_path) == ("shop.models", (), ())
        assert tables.metadata == "shop.db:Base.metadata"
        assert tables.classes == ("shop.models.user.User",)
        assert tables.unregistered_modules == ("shop.legacy",)
        assert found.history is not None
        assert (found.history.revisions, found.history.heads) == (2, ("b2",))
        assert found.history.version_table == "meta.shop_version"
        assert not found.history.accepts_connection
        assert found.environment_files == {".env": ("DATABASE_URL",)}
        assert "s3cret" not in repr(found)

    def test_finds_sqlmodel_under_src_without_a_history(self, tmp_path: Path) -> None:
        model = "from sqlmodel import SQLModel\n\nclass Hero(SQLModel, table=True):\n    id: int\n"
        root = write(tmp_path, src__game__heroes_py=model, tests__test_x_py=model)
        (root / "src/game/__init__.py").touch()

        found, tables = of(root)

        assert found.history is None
        assert (tables.schema, tables.metadata, tables.import_path) == ("game.heroes", None, ("src",))
        assert tables.classes == ("game.heroes.Hero",)

    def test_follows_imports_by_a_text(self, tmp_path: Path) -> None:
        env = """
        import importlib, pkgutil
        from alembic import context
        from app.db import Base

        def load(package):
            for one in pkgutil.walk_packages(importlib.import_module(package).__path__, package + "."):
                importlib.import_module(one.name)

        load("app.models")
        target_metadata = Base.metadata
        """
        root = write(
            tmp_path,
            pyproject_toml="",
            src__alembic_ini=INI,
            src__alembic__env_py=env,
            src__app__db_py=BASE,
            src__app__models__a_py=MODELS.format(package="app", name="A", table="a"),
            src__app__models__b_py=MODELS.format(package="app", name="B", table="b"),
        )
        (root / "src/app/models/__init__.py").touch()

        found, tables = of(root)

        assert found.root == root
        assert (tables.schema, tables.imports, tables.import_path) == ("app.models.a", ("app.models.b",), ("src",))
        assert tables.unregistered_modules == ()

    def test_knows_a_table_whose_name_and_key_are_a_mixins(self, tmp_path: Path) -> None:
        mixins = """
        from sqlalchemy.orm import DeclarativeBase, Mapped, declared_attr, mapped_column

        class Base(DeclarativeBase):
            pass

        class KeyMixin:
            id: Mapped[int] = mapped_column(primary_key=True)

        class NamedMixin(KeyMixin):
            note: Mapped[str | None] = mapped_column()

            @declared_attr
            def __tablename__(cls):
                return cls.__name__.lower()
        """
        model = "from app.db import *\n\nclass Account(NamedMixin, Base):\n    name: Mapped[str]\n"

        _, tables = of(write(tmp_path, app__db_py=mixins, app__models_py=model))

        assert (tables.schema, tables.classes) == ("app.models", ("app.models.Account",))

    def test_counts_on_no_import_that_importing_does_not_run(self, tmp_path: Path) -> None:
        lazy = """
        from typing import TYPE_CHECKING

        if TYPE_CHECKING:
            from app.one import One

        def create_app():
            from app import two
        """
        root = write(
            tmp_path,
            app____init___py=lazy,
            app__db_py=BASE,
            app__one_py=MODELS.format(package="app", name="One", table="one"),
            app__two_py=MODELS.format(package="app", name="Two", table="two"),
        )

        _, tables = of(root)

        assert (tables.schema, tables.imports) == ("app.one", ("app.two",))

    def test_names_variables_of_a_database_whatever_they_are_called(self, tmp_path: Path) -> None:
        root = write(tmp_path, heroes_py="from sqlmodel import SQLModel\n\nclass Hero(SQLModel, table=True): ...\n")
        (root / ".env").write_text("SHOP_DB_HOST=h\nPG_DSN=d\nACME_DSN=d\nPGHOST=h\nSENTRY_DSN=s\nDEBUG=1\n")

        found, _ = of(root)

        assert found.environment_files == {".env": ("SHOP_DB_HOST", "PG_DSN", "ACME_DSN", "PGHOST")}

    def test_finds_nothing_where_there_is_nothing(self, tmp_path: Path) -> None:
        assert discover_project(write(tmp_path, hello_py="print()")) is None

    def test_names_the_folders_of_several_databases(self, tmp_path: Path) -> None:
        root = write(tmp_path, one__alembic_ini=INI, two__alembic_ini=INI, one__x_py="", two__x_py="")

        with pytest.raises(MultipleMigrationHistories, match=r"2 databases: one/alembic.ini, two/alembic.ini"):
            discover_project(root)


class TestPlan:
    def test_writes_only_what_is_missing_and_the_table_is_read_back(self, declarative: Path) -> None:
        found = discover_project(declarative)
        assert found is not None
        planned = plan_adoption(found)

        write_changes(planned)

        assert [change.file for change in planned.changes] == [
            "pyproject.toml", "alembic/env.py", "seeds/development.py", "seeds/testing.py",
        ]  # fmt: skip
        assert planned.changes[1].diff[3:] == (
            " ",
            " if context.is_offline_mode():",
            '     print("offline")',
            '+elif context.config.attributes.get("connection") is not None:  # passed by Seedbed',
            "+    from seedbed.migrations import environment",
            "+",
            "+    environment.run()",
            " else:",
            "     online()",
        )
        project = find_project(declarative)
        assert (project.schema, project.metadata) == ("shop.models", "shop.db:Base.metadata")
        assert project.version_table == "meta.shop_version"
        again = discover_project(declarative)
        assert again is not None
        assert plan_adoption(again).changes == ()

    def test_adds_the_parts_that_are_asked_for(self, declarative: Path) -> None:
        found = discover_project(declarative)
        assert found is not None

        write_changes(plan_adoption(found, ProjectParts(neon=True, service=False)))

        assert find_project(declarative).service is False
        assert (declarative / ".github/workflows/previews.yml").is_file()

    @pytest.mark.parametrize(
        ("name", "text", "installs"),
        [
            ("pyproject.toml", '[build-system]\nrequires = ["hatchling"]\n', "pip install seedbed ."),
            (
                "pyproject.toml",
                '[project]\nname = "shop"\n',
                "pip install uv && uv pip install --system seedbed -r pyproject.toml",
            ),
            ("requirements.txt", "sqlmodel\n", "pip install seedbed -r requirements.txt"),
        ],
    )
    def test_has_the_previews_workflow_install_what_the_project_can(
        self, declarative: Path, name: str, text: str, installs: str
    ) -> None:
        (declarative / name).write_text(text)
        found = discover_project(declarative)
        assert found is not None

        changes = {change.file: change.after for change in plan_adoption(found, ProjectParts(neon=True)).changes}

        assert changes[".github/workflows/previews.yml"].count(f"- run: {installs}\n") == 3

    def test_puts_everything_back_when_a_file_has_changed_meanwhile(self, declarative: Path) -> None:
        found = discover_project(declarative)
        assert found is not None
        planned = plan_adoption(found)
        (declarative / "alembic/env.py").write_text("mine")

        with pytest.raises(ProjectDirectoryNotWritable, match=r"alembic/env.py has changed since the plan"):
            write_changes(planned)

        assert (declarative / "pyproject.toml").read_text() == '[project]\nname = "shop"\n'
        assert (declarative / "alembic/env.py").read_text() == "mine"
        assert not (declarative / "seeds").exists()


class TestEnvLines:
    def test_wrap_the_last_statement_where_nothing_asks_for_offline(self) -> None:
        written = add_shared_connection(ASYNC)

        assert written is not None
        assert written.endswith(
            'if context.config.attributes.get("connection") is not None:  # passed by Seedbed\n'
            "    from seedbed.migrations import environment\n\n    environment.run()\n"
            "else:\n    asyncio.run(\n        run(),\n    )\n"
        )
        assert not accepts_connection(ASYNC)
        assert accepts_connection(written)

    @pytest.mark.parametrize(
        "line", ['config.attributes.get("connection", None)', 'x = context.config.attributes["connection"]']
    )
    def test_are_not_needed_where_it_takes_one(self, line: str) -> None:
        assert accepts_connection(line)

    def test_are_not_guessed(self) -> None:
        assert add_shared_connection("import env\n\ndef run():\n    pass\n") is None
