"""Use Seedbed in a SQLAlchemy project with an async env.py and a version table of its own."""

from pathlib import Path
from textwrap import dedent

import pytest

from seedbed.postgres.database import Database
from seedbed.postgres.embedded import TemporaryServer
from tests.support.projects import Project, execute

FILES = {
    "pyproject.toml": '[project]\nname = "library"\n',
    "src/alembic.ini": """
        [alembic]
        script_location = alembic
        sqlalchemy.url = postgresql+asyncpg://nobody@nowhere.invalid/none
        [loggers]
        keys = root
        [handlers]
        keys = console
        [formatters]
        keys = plain
        [logger_root]
        level = DEBUG
        handlers = console
        [handler_console]
        class = StreamHandler
        args = (sys.stderr,)
        formatter = plain
        [formatter_plain]
        format = %(message)s
        """,
    "src/alembic/env.py": """
        import asyncio
        from logging.config import fileConfig

        from alembic import context
        from sqlalchemy.ext.asyncio import async_engine_from_config

        from library.models import Base

        config = context.config
        fileConfig(config.config_file_name)

        def run(connection):
            context.configure(connection=connection, target_metadata=Base.metadata, version_table="library_version")
            with context.begin_transaction():
                context.run_migrations()

        async def online():
            engine = async_engine_from_config(config.get_section(config.config_ini_section), prefix="sqlalchemy.")
            async with engine.connect() as connection:
                await connection.run_sync(run)

        asyncio.run(online())
        """,
    "src/alembic/script.py.mako": """
        \"\"\"${message}\"\"\"
        from alembic import op
        import sqlalchemy as sa
        ${imports if imports else ""}
        revision = ${repr(up_revision)}
        down_revision = ${repr(down_revision)}

        def upgrade():
            ${upgrades if upgrades else "pass"}

        def downgrade():
            ${downgrades if downgrades else "pass"}
        """,
    "src/alembic/versions/2024-01-02_first.py": """
        import sqlalchemy as sa
        from alembic import op

        revision = "a1"
        down_revision = None

        def upgrade():
            op.create_table("author", sa.Column("id", sa.Integer(), primary_key=True),
                            sa.Column("name", sa.String(80), nullable=False))

        def downgrade():
            op.drop_table("author")
        """,
    "src/alembic/versions/2024-01-03_second.py": """
        import sqlalchemy as sa
        from alembic import op

        revision = "b2"
        down_revision = "a1"

        def upgrade():
            op.create_table("book", sa.Column("id", sa.Integer(), primary_key=True),
                            sa.Column("title", sa.String(200), nullable=False),
                            sa.Column("author_id", sa.Integer(), sa.ForeignKey("author.id"), nullable=False))

        def downgrade():
            op.drop_table("book")
        """,
    "src/library/models.py": """
        from sqlalchemy import ForeignKey, String
        from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

        class Base(DeclarativeBase):
            pass

        class Author(Base):
            __tablename__ = "author"
            id: Mapped[int] = mapped_column(primary_key=True)
            name: Mapped[str] = mapped_column(String(80))

        class Book(Base):
            __tablename__ = "book"
            id: Mapped[int] = mapped_column(primary_key=True)
            title: Mapped[str] = mapped_column(String(200))
            author_id: Mapped[int] = mapped_column(ForeignKey("author.id"))
            author: Mapped[Author] = relationship()
        """,
}


@pytest.fixture
def library(tmp_path: Path) -> Project:
    project = Project(tmp_path, "schema")
    for name, text in FILES.items():
        project.write(name, dedent(text).lstrip())
    return project


def rows(database: Database, statement: str) -> list[tuple[object, ...]]:
    return execute(database.direct, statement)


@pytest.fixture
def variables(database: Database, seedbed_server: TemporaryServer) -> dict[str, str]:
    """Environment variables with the database, and with a server for temporary databases."""
    return {"DATABASE_URL": database.direct.reveal(), "SHADOW_DATABASE_URL": seedbed_server.url().reveal()}


class TestAdoptedProject:
    def test_can_be_migrated_seeded_and_drafted(
        self, library: Project, database: Database, variables: dict[str, str]
    ) -> None:
        displayed = library.run("seedbed", "init", code=1, given=variables)

        library.run("seedbed", "init", "--write", given=variables)
        checked = library.run("seedbed", "migrate", "check", given=variables)
        applied = library.run("seedbed", "migrate", "apply", given=variables)
        seeded = library.run("seedbed", "seed", "run", given=variables)
        models = library.root / "src/library/models.py"
        models.write_text(models.read_text().replace("(String(80))", "(String(90))"))
        drafted = library.run("seedbed", "migrate", "draft", "-m", "Longer names", given=variables)
        library.run("seedbed", "migrate", "apply", given=variables)
        unserved = library.run("seedbed", "serve", code=1, given=variables)

        assert "  env.py         asynchronous, connects by itself\n" in displayed.stdout
        assert displayed.stderr.startswith("SB123 ")
        assert "2 revisions: one head, every revision is reversible" in checked.stdout
        assert [line.split()[0] for line in applied.stdout.splitlines()][:2] == ["a1", "b2"]
        assert "Running upgrade" not in applied.stderr
        assert rows(database, "SELECT (SELECT count(*) FROM author), (SELECT count(*) FROM book)") == [(50, 50)]
        assert "author" in seeded.stdout
        assert "rows kept" in drafted.stdout
        assert rows(database, "SELECT count(*) FROM library_version WHERE version_num <> 'b2'") == [(1,)]
        assert rows(database, "SELECT to_regclass('alembic_version')") == [(None,)]
        assert unserved.stderr.startswith("SB124 ")

    def test_is_not_migrated_by_an_env_py_that_connects_itself(self, library: Project, database: Database) -> None:
        table = '[project]\nname = "library"\n[tool.seedbed]\nschema = "library.models"\npath = ["src"]\n'
        library.write("pyproject.toml", table + 'alembic = "src/alembic.ini"\n')

        error = library.run("seedbed", "migrate", "apply", code=1, DATABASE_URL=database.direct.reveal())

        assert error.stderr.startswith("SB223 src/alembic/env.py ignores the connection")
        assert rows(database, "SELECT count(*) FROM pg_tables WHERE schemaname IN ('public', 'seedbed')") == [(0,)]

    def test_reports_what_env_py_raises_before_revisions_run(self, library: Project, variables: dict[str, str]) -> None:
        library.run("seedbed", "init", "--write", given=variables)
        env = library.root / "src/alembic/env.py"
        asks = "import os\nos.environ['LIBRARY_DSN']\nconfig = context.config"
        env.write_text(env.read_text().replace("config = context.config", asks))
        line = env.read_text().splitlines().index("os.environ['LIBRARY_DSN']") + 1
        message = (
            f"SB227 src/alembic/env.py failed at src/alembic/env.py, line {line}, before any revision: "
            "KeyError: 'LIBRARY_DSN'\n"
        )

        for command in (["apply"], ["check"], ["plan"], ["plan", "--offline"]):
            failed = library.run("seedbed", "migrate", *command, code=1, given=variables)
            assert failed.stderr.startswith(message), command

        library.run("seedbed", "migrate", "apply", given={**variables, "LIBRARY_DSN": "any"})

    def test_reports_the_line_at_which_a_revision_raises(self, library: Project, variables: dict[str, str]) -> None:
        library.run("seedbed", "init", "--write", given=variables)
        revision = library.root / "src/alembic/versions/2024-01-03_second.py"
        revision.write_text(revision.read_text().replace("def upgrade():\n", "def upgrade():\n    {}['admin']\n"))
        message = "src/alembic/versions/2024-01-03_second.py, line 8: KeyError: 'admin'\n"

        for command in ("check", "plan", "apply"):
            failed = library.run("seedbed", "migrate", command, code=1, given=variables)
            assert failed.stderr.startswith("SB204 Revision b2 failed and was rolled back; "), command
            assert message in failed.stderr, command

    def test_suggests_a_first_draft_without_a_history(self, tmp_path: Path) -> None:
        project = Project(tmp_path, "models")
        project.write("models.py", "from sqlmodel import SQLModel\n\nclass Note(SQLModel, table=True): ...\n")

        written = project.run("seedbed", "init", "--write").stdout

        assert written.endswith('Written. Next:\n  seedbed migrate draft -m "First tables"\n  seedbed up\n')
