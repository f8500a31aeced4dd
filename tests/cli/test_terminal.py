"""What commands show and ask on a real terminal, wide, narrow, without colour and without a cursor to move."""

import shutil
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from seedbed.migrations.apply.upgrade import apply
from seedbed.migrations.draft.draft import draft
from seedbed.postgres.connection import connect
from seedbed.postgres.database import Database
from seedbed.postgres.embedded import EmbeddedServer, TemporaryServer
from seedbed.postgres.environment_mark import change_mark
from seedbed.settings import Environment, load_configuration
from tests.support.projects import Project, execute, little_project
from tests.support.terminals import CTRL_C, CTRL_D, ENTER, ESCAPE, SEEDBED, Terminal

HERO = """
class Hero(Table, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(max_length=50, sa_column_kwargs={"info": {"pii": "name"}})
"""
RENAMED = HERO.replace("    name:", "    alias:")
POWERFUL = HERO + "    power: int\n"


@pytest.fixture
def project(tmp_path: Path, seedbed_server: TemporaryServer) -> Iterator[Project]:
    with little_project(tmp_path, HERO, "seeds.add(tables.Hero, 30)") as made:
        draft(made.configuration(SHADOW_DATABASE_URL=seedbed_server.url().reveal()), "Create hero")
        yield made


@pytest.fixture
def variables(database: Database, seedbed_server: TemporaryServer) -> dict[str, str]:
    return {"DATABASE_URL": database.direct.reveal(), "SHADOW_DATABASE_URL": seedbed_server.url().reveal()}


def opened(project: Project, given: dict[str, str], *command: str, columns: int = 80) -> Terminal:
    return Terminal([*SEEDBED, *command], cwd=project.root, env=given, columns=columns)


def shown(project: Project, given: dict[str, str], *command: str, code: int = 0, columns: int = 80) -> Terminal:
    """Run a command on a terminal to its end, which must be the given one, and without a traceback."""
    terminal = opened(project, given, *command, columns=columns)
    ended = terminal.end()
    assert ended == code, terminal.shown
    assert "Traceback" not in terminal.shown
    return terminal


class TestSeedRun:
    @pytest.mark.parametrize("columns", [80, 40, 0])
    def test_shows_a_bar_of_rows(
        self, project: Project, database: Database, variables: dict[str, str], columns: int
    ) -> None:
        apply(project.settled, database)

        first = shown(project, variables, "seed", "run", columns=columns)
        again = shown(project, variables, "seed", "run", "--fresh", columns=columns)

        assert "of 30 rows" in first.shown
        assert "of 30 rows" in again.shown
        assert again.shown.endswith("hero  30 rows\n")

    def test_shows_rows_that_are_added_and_made_by_workers(
        self, project: Project, database: Database, variables: dict[str, str]
    ) -> None:
        apply(project.settled, database)
        shown(project, variables, "seed", "run", "--workers", "2")
        project.write_seeds("seeds.add(tables.Hero, 40)")

        added = shown(project, variables, "seed", "run", "--append", "--workers", "2")

        assert added.shown.endswith("hero  10 rows\n")
        assert execute(database.direct, "SELECT count(*) FROM hero") == [(40,)]

    def test_ctrl_c_ends_the_workers_without_a_word_of_theirs(
        self, project: Project, database: Database, variables: dict[str, str]
    ) -> None:
        apply(project.settled, database)
        waits = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        with connect(database) as connection:
            connection.execute(text("LOCK TABLE hero"))
            terminal = opened(project, variables, "seed", "run", "--workers", "2")
            terminal.wait_for(lambda: bool(execute(database.direct, waits)))
            terminal.type(CTRL_C)
            code = terminal.end()

        assert code == 130
        assert "Interrupted." in terminal.shown
        assert "Traceback" not in terminal.shown


class TestPlainTerminals:
    @pytest.mark.parametrize("plain", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=["NO_COLOR", "dumb"])
    def test_no_escape_is_sent(
        self, project: Project, database: Database, variables: dict[str, str], plain: dict[str, str]
    ) -> None:
        apply(project.settled, database)

        seeded = shown(project, variables | plain, "seed", "run")
        checked = shown(project, variables | plain, "migrate", "check")
        examined = shown(project, variables | plain, "doctor")
        refused = shown(project, variables | plain, "migrate", "status", "-e", "nowhere", code=1)

        assert ESCAPE not in seeded.raw + checked.raw + examined.raw + refused.raw
        assert "ok       schema" in examined.shown
        assert refused.shown.startswith("SB110 ")

    def test_an_empty_variable_leaves_colours(self, project: Project, variables: dict[str, str]) -> None:
        terminal = shown(project, variables | {"NO_COLOR": ""}, "migrate", "status", "-e", "nowhere", code=1)

        assert f"{ESCAPE}[31m{ESCAPE}[1mSB110{ESCAPE}[0m" in terminal.raw

    def test_no_escape_goes_into_a_pipe(
        self, project: Project, database: Database, variables: dict[str, str], tmp_path: Path
    ) -> None:
        apply(project.settled, database)
        with (tmp_path / "out").open("w+") as out:
            terminal = Terminal([*SEEDBED, "doctor"], cwd=project.root, env=variables, stdout=out.fileno())
            terminal.end()
            out.seek(0)
            said = out.read()

        assert "ok       schema" in said
        assert ESCAPE not in said


class TestDraft:
    def test_a_rename_is_a_rename_when_the_person_says_so(self, project: Project, variables: dict[str, str]) -> None:
        project.write_tables(RENAMED)

        terminal = opened(project, variables, "migrate", "draft", "-m", "Call it alias")
        terminal.expect("Was hero.name renamed to hero.alias? Type rename, drop or stop:")
        terminal.type(ENTER)
        terminal.expect("Type rename, drop or stop:")
        terminal.type("yes" + ENTER)
        terminal.expect("Type rename, drop or stop:")
        terminal.type("rename" + ENTER)

        assert terminal.end() == 0, terminal.shown
        assert len(project.revisions()) == 2
        assert 'new_column_name="alias"' in drafted(project)

    def test_a_drop_has_to_be_typed(self, project: Project, variables: dict[str, str]) -> None:
        project.write_tables(RENAMED.replace("max_length=50", "max_length=50, nullable=True"))

        terminal = opened(project, variables, "migrate", "draft", "-m", "Another name")
        terminal.expect("Type rename, drop or stop:")
        terminal.type("drop" + ENTER)
        if "An SQL expression" in terminal.shown:
            terminal.type("''" + ENTER)

        assert terminal.end() == 0, terminal.shown
        assert "drop_column" in drafted(project)

    @pytest.mark.parametrize("keys", ["stop" + ENTER, CTRL_D], ids=["stop", "end of input"])
    def test_stopping_writes_nothing(self, project: Project, variables: dict[str, str], keys: str) -> None:
        project.write_tables(RENAMED)

        terminal = opened(project, variables, "migrate", "draft", "-m", "Call it alias")
        terminal.expect("Type rename, drop or stop:")
        terminal.type(keys)

        assert terminal.end() == 1
        assert "SB228 The draft stopped at the question about hero.name: no revision was written." in terminal.shown
        assert "--rename hero.name=hero.alias" in terminal.shown
        assert len(project.revisions()) == 1

    def test_ctrl_c_at_the_question_writes_nothing(self, project: Project, variables: dict[str, str]) -> None:
        project.write_tables(RENAMED)

        terminal = opened(project, variables, "migrate", "draft", "-m", "Call it alias")
        terminal.expect("Type rename, drop or stop:")
        terminal.type(CTRL_C)

        assert terminal.end() == 130
        assert terminal.shown.endswith("Interrupted. No revision was written.\n")
        assert len(project.revisions()) == 1

    def test_a_value_for_existing_rows_is_asked_for(self, project: Project, variables: dict[str, str]) -> None:
        project.write_tables(POWERFUL)

        terminal = opened(project, variables, "migrate", "draft", "-m", "Give power")
        terminal.expect("SQL expression for it:")
        terminal.type("length(name)" + ENTER)

        assert terminal.end() == 0, terminal.shown
        assert "length(name)" in drafted(project)


class TestApply:
    def test_asks_for_the_name_of_production(
        self, project: Project, database: Database, variables: dict[str, str]
    ) -> None:
        apply(project.settled, database)
        change_mark(database, Environment.PRODUCTION)
        project.write_revision("second", 'op.drop_column("hero", "name")', follows=head(project))
        given = variables | {"SEEDBED_ENV": "production"}

        refused = opened(project, given, "migrate", "apply", "--allow", "drop-column")
        refused.expect("Type its name to continue:")
        refused.type(ENTER)
        assert refused.end() == 1
        ended = opened(project, given, "migrate", "apply", "--allow", "drop-column")
        ended.expect("Type its name to continue:")
        ended.type(CTRL_D)
        assert ended.end() == 1
        applied = opened(project, given, "migrate", "apply", "--allow", "drop-column")
        applied.expect("Type its name to continue:")
        applied.type(database.name + ENTER)

        assert applied.end() == 0, applied.shown
        assert "SB313" in refused.shown
        assert "SB313" in ended.shown
        assert "drop-column: hero.name (second)" in applied.shown

    def test_shows_how_far_an_index_is(self, project: Project, database: Database, variables: dict[str, str]) -> None:
        apply(project.settled, database)
        project.write_revision(
            "second",
            """
            with op.get_context().autocommit_block():
                op.execute("CREATE INDEX CONCURRENTLY IF NOT EXISTS by_name ON hero (name)")
            """,
            follows=head(project),
        )
        with connect(database) as connection:
            connection.execute(text("INSERT INTO hero (name) VALUES ('Deadpond')"))
            terminal = opened(project, variables, "migrate", "apply")
            terminal.expect("index on hero: waiting for writers before build")
            connection.rollback()

        assert terminal.end() == 0, terminal.shown
        assert "1 revision applied" in terminal.shown


class TestMask:
    def test_asks_for_the_databases_name(self, project: Project, database: Database, variables: dict[str, str]) -> None:
        apply(project.settled, database)
        execute(database.direct, "INSERT INTO hero (name) VALUES ('Deadpond')")

        terminal = opened(project, variables, "seed", "mask")
        terminal.expect("Type its name to continue:")
        terminal.type(database.name + ENTER)

        assert terminal.end() == 0, terminal.shown
        assert "hero.name  1 values" in terminal.shown
        assert execute(database.direct, "SELECT name FROM hero") != [("Deadpond",)]


class TestInit:
    @pytest.mark.parametrize(("keys", "code"), [("y" + ENTER, 0), (ENTER, 1), (CTRL_D, 1), (CTRL_C, 130)])
    def test_asks_before_it_writes_to_a_project(self, tmp_path: Path, keys: str, code: int) -> None:
        shop = Project(tmp_path, "shop")
        shop.write(
            "shop/__init__.py",
            """
            from sqlmodel import Field, SQLModel

            class Order(SQLModel, table=True):
                id: int = Field(primary_key=True)
            """,
        )

        terminal = Terminal([*SEEDBED, "init"], cwd=tmp_path)
        terminal.expect("[y/N]:")
        terminal.type(keys)

        assert terminal.end() == code, terminal.shown
        assert (tmp_path / "alembic.ini").exists() == (code == 0)
        assert "Traceback" not in terminal.shown


class TestCopies:
    """Commands of a project with an embedded server of its own."""

    @pytest.fixture
    def home(self) -> Iterator[Path]:
        home = Path(tempfile.mkdtemp(prefix="seedbed-server-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
        home.chmod(0o711)
        yield home
        shutil.rmtree(home)

    @pytest.fixture
    def given(self, project: Project, home: Path) -> Iterator[dict[str, str]]:
        yield {"SEEDBED_DATA_DIR": str(home)}
        EmbeddedServer.from_configuration(
            load_configuration(project.settled, environ={"SEEDBED_DATA_DIR": str(home)})
        ).stop()

    def test_rehearse_and_previews_show_their_steps(self, project: Project, given: dict[str, str]) -> None:
        project.write_seeds("seeds.add(tables.Hero, 5)", environment="preview")
        project.write_revision("second", 'op.execute("CREATE TABLE extra (id int)")', follows=head(project))
        shown(project, given, "migrate", "apply")
        project.write_revision("third", 'op.drop_table("extra")', follows="second")

        rehearsed = shown(project, given, "migrate", "rehearse", columns=40)
        brought = shown(project, given, "preview", "up", "pr-1")
        based = shown(project, given, "preview", "base", "--data", "copy")
        listed = shown(project, given, "preview", "gc", "--older-than", "1d")
        down = shown(project, given, "preview", "down", "pr-1")

        assert "blocks nobody" in rehearsed.shown
        assert "revision  third" in based.shown
        assert "preview     pr-1" in brought.shown
        assert "Data is lost:\n  drop-table: extra (third)" in brought.shown
        assert listed.shown.endswith("There is nothing to delete.\n")
        assert down.shown.endswith("Deleted pr-1.\n")

    def test_up_shows_its_steps_and_ends_by_ctrl_c(self, project: Project, given: dict[str, str]) -> None:
        project.write_revision("second", 'op.execute("CREATE TABLE extra (id int)")', follows=head(project))
        shown(project, given, "migrate", "apply")
        project.write_revision("third", 'op.drop_table("extra")', follows="second")

        terminal = opened(project, given, "up", columns=40)
        terminal.expect("API docs")
        terminal.expect("/docs")
        address = terminal.shown.rpartition("API docs")[2].split()[0]
        with urllib.request.urlopen(f"{address.removesuffix('/docs')}/health/ready", timeout=60) as answer:
            status = answer.status
        terminal.type(CTRL_C)

        assert terminal.end() == 0, terminal.shown
        assert status == 200
        assert "Data is lost:\n  drop-table: extra (third)" in terminal.shown
        assert "30 rows loaded" in terminal.shown
        assert "Traceback" not in terminal.shown


def head(project: Project) -> str:
    return project.revisions()[0].split("_")[2]


def drafted(project: Project) -> str:
    """The text of all revisions; one is the project's own, which creates the table."""
    return "".join(file.read_text(encoding="utf-8") for file in (project.root / "migrations/versions").glob("*.py"))
