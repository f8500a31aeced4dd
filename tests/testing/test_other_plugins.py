"""The plugin together with other pytest plugins and with unittest."""

import re
import subprocess
import sys

import pytest

from seedbed.postgres.embedded import find_binaries
from seedbed.postgres.embedded.binaries import ensure_runnable
from seedbed.postgres.embedded.os_account import get_server_account
from tests.acceptance.conftest import people
from tests.support.patience import PATIENCE
from tests.testing.conftest import Shop, handed_over

pytestmark = pytest.mark.slow

ORDER = """
@pytest.mark.parametrize("turn", range(12))
def test_in_any_order(db, turn):
    db.add(User(email="ada@example.com"))
    db.commit()
    assert users(db) == USERS + 1

@pytest.mark.db("own", scope="class")
class TestShared:
    def test_one(self, db):
        assert users(db) == USERS

    def test_other(self, db_engine):
        with Session(db_engine) as session:
            assert users(session) == USERS
"""


class TestRandomly:
    def test_can_run_in_random_order(self, project: Shop) -> None:
        project.write("tests/test_shop.py", ORDER)

        said = [project.run("-vv", f"--randomly-seed={seed}", passed=14) for seed in (1, 2)]

        first, second = (re.findall(r"^(\S+) PASSED", text, flags=re.MULTILINE) for text in said)
        assert sorted(first) == sorted(second)
        assert first != second


WARNED = ("-W", "error", "-o", "asyncio_default_fixture_loop_scope=function")
ASYNCHRONOUS = """
import pytest_asyncio

{mark}
async def test_commits(async_db):
    async_db.add(User(email="ada@example.com"))
    await async_db.commit()
    assert len((await async_db.exec(select(User))).all()) == USERS + 1

{fixture}
async def ada(async_db):
    async_db.add(user := User(email="ada@example.com"))
    await async_db.commit()
    return user

{mark}
async def test_has_what_a_fixture_put_in(ada, async_db):
    assert (await async_db.get(User, ada.id)).email == ada.email

{mark}
async def test_own(async_db, make, db):
    user = make(User)
    db.commit()
    assert await async_db.get(User, user.id)
"""


class TestAsyncio:
    @pytest.mark.parametrize("mode", ["auto", "strict"])
    def test_sessions_work_in_its_event_loops(self, project: Shop, mode: str) -> None:
        strict = mode == "strict"
        project.write(
            "tests/test_shop.py",
            ASYNCHRONOUS.format(
                mark="@pytest.mark.asyncio" if strict else "",
                fixture="@pytest_asyncio.fixture" if strict else "@pytest.fixture",
            ),
        )

        project.run(*WARNED, f"--asyncio-mode={mode}", passed=3)

    def test_a_module_loop_shares_one_session(self, project: Shop) -> None:
        project.write(
            "tests/test_shop.py",
            ASYNCHRONOUS.format(mark='@pytest.mark.asyncio(loop_scope="module")', fixture="@pytest.fixture"),
        )

        project.run(*WARNED, "--asyncio-mode=auto", passed=3)

    @pytest.mark.parametrize("scope", ["function", "module"])
    def test_an_unfinished_task_is_reported(self, project: Shop, scope: str) -> None:
        project.write(
            "tests/test_shop.py",
            f"""
            import asyncio

            pytestmark = pytest.mark.asyncio(loop_scope="{scope}")

            async def leave_task(session):
                session.add(User(email="ada@example.com"))
                await session.commit()
                asyncio.create_task(session.execute(text("SELECT pg_sleep(1)")))
                await asyncio.sleep(0.1)

            @pytest.mark.parametrize("turn", [1, 2])
            async def test_leaves_one(async_db, turn):
                await leave_task(async_db)

            async def test_leaves_one_in_its_first_step(async_db):
                asyncio.create_task(async_db.execute(text("SELECT pg_sleep(1)")))
                await asyncio.sleep(0)

            @pytest.mark.db("own")
            async def test_leaves_one_on_its_own(async_db):
                await leave_task(async_db)

            async def test_fails(async_db):
                await leave_task(async_db)
                assert False

            async def test_is_as_before(async_db):
                assert len((await async_db.exec(select(User))).all()) == USERS
            """,
        )

        said = project.run("--asyncio-mode=auto", "-W", "ignore", failed=1, passed=5)

        left = re.findall(r"^tests/test_shop.py::(\S+) left a task at work on its session$", said, flags=re.MULTILINE)
        ones = ["test_leaves_one[1]", "test_leaves_one[2]", "test_leaves_one_on_its_own"]
        assert left == (ones if scope == "module" else [])

    def test_anyio_works_without_it(self, project: Shop) -> None:
        project.write(
            "tests/test_shop.py",
            ASYNCHRONOUS.format(mark="@pytest.mark.anyio", fixture="@pytest.fixture").replace(
                "import pytest_asyncio", ""
            ),
        )

        project.run("-W", "error", "-p", "no:asyncio", passed=3)


class TestUnittest:
    def test_gets_fixtures_by_usefixtures_and_by_an_autouse_fixture(self, project: Shop) -> None:
        project.write(
            "tests/test_shop.py",
            """
            import unittest

            @pytest.mark.usefixtures("db")
            class TestUsed(unittest.TestCase):
                def test_runs(self):
                    pass

            class TestShop(unittest.TestCase):
                @pytest.fixture(autouse=True)
                def _sessions(self, db, make):
                    self.db, self.make = db, make

                def test_commits(self):
                    self.db.add(User(email="ada@example.com"))
                    self.db.commit()
                    self.assertEqual(users(self.db), USERS + 1)

                def test_makes(self):
                    self.make(Task)
                    self.assertEqual(users(self.db), USERS + 1)

            @pytest.mark.db("own", scope="class")
            class TestOwn(unittest.TestCase):
                @pytest.fixture(autouse=True)
                def _sessions(self, db):
                    self.db = db

                def test_1_puts_in(self):
                    self.db.add(User(email="ada@example.com"))
                    self.db.commit()

                def test_2_finds(self):
                    self.assertEqual(users(self.db), USERS + 1)
            """,
        )

        project.run(passed=5)


class TestPytest:
    def test_last_failed_runs_only_failed_tests(self, project: Shop) -> None:
        project.write(
            "tests/test_shop.py",
            """
            def test_well(db):
                pass

            def test_fails(db, db_url):
                assert users(db) == 0
            """,
        )
        caching = ("-o", "cache_dir=.cacheprovider")

        first = project.run(*caching, failed=1, passed=1)
        last = project.run(*caching, "--lf", failed=1)

        assert "test_fails" in first
        assert "test_well" not in last

    def test_works_without_this_plugin_or_the_others(self, project: Shop) -> None:
        project.write("tests/test_shop.py", "def test_shop(db):\n    pass\n")

        without = project.run("-p", "no:seedbed", error=1)
        project.run("-p", "no:xdist", "-p", "no:pytest_postgresql", "-p", "no:anyio", passed=1)

        assert "fixture 'db' not found" in without

    def test_lists_fixtures_and_markers_without_starting_a_server(self, project: Shop) -> None:
        project.write("tests/test_shop.py", "def test_shop(db):\n    pass\n")

        fixtures = project.run("--fixtures", "-v")
        marks = project.run("--markers")
        setup = project.run("--collect-only")

        assert "A SQLModel session on a migrated and seeded database" in fixtures
        assert "@pytest.mark.db(mode, *, seed=" in marks
        assert "1 test collected" in setup


class TestPytestPostgresql:
    def test_uses_its_own_server_if_it_finds_postgresql(self, project: Shop) -> None:
        program = find_binaries().program_path("pg_ctl")
        project.write(
            "tests/test_shop.py", "def test_shop(postgresql_proc):\n    print('runs', type(postgresql_proc))\n"
        )

        given = project.run("--setup-plan", f"--postgresql-exec={program}")
        configured = project.run("--setup-plan", "-o", f"postgresql_exec={program}")
        neither = project.run("--setup-plan", "-o", "postgresql_exec=/nowhere/pg_ctl")

        assert "seedbed_proc" not in given + configured
        assert "seedbed_proc" in neither

    def test_runs_its_server_as_an_ordinary_user(self, begun: Shop) -> None:
        person = people()[-1]
        program = ensure_runnable(get_server_account(), find_binaries()).program_path("pg_ctl")
        with handed_over(begun, person) as shop:
            shop.write(
                "tests/test_shop.py",
                """
                from pytest_postgresql import factories

                mine_proc = factories.postgresql_proc(port=None)
                mine = factories.postgresql("mine_proc")

                def test_has_both(mine, postgresql, db, seedbed_server):
                    mine.execute("CREATE TABLE hero (id int)")
                    postgresql.execute("CREATE TABLE hero (id int)")
                    assert users(db) == USERS
                    assert seedbed_server.port not in {mine.info.port, postgresql.info.port}
                """,
            )

            out, _ = shop.start(f"--postgresql-exec={program}", **person.options).communicate(timeout=PATIENCE)

        assert "1 passed" in out, out


def test_modules_of_the_plugin_are_light() -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys, seedbed.testing.plugin, seedbed.testing.fixtures.fixtures; print(*sys.modules)",
        ],
        capture_output=True,
        text=True,
        check=True,
    )

    heavy = {"sqlalchemy", "psycopg", "numpy", "seedbed.errors"}
    assert heavy.isdisjoint(done.stdout.split())


FROZEN = """
import freezegun

@pytest.fixture(autouse=True)
def frozen():
    with freezegun.freeze_time("2001-02-03"):
        yield

def test_service(client):
    assert len(client.get("/users").json()) == USERS
"""


class TestFreezegun:
    def test_the_service_is_imported_before_the_clock_is_frozen(self, project: Shop) -> None:
        project.write("tests/test_shop.py", FROZEN)

        project.run(passed=1)
