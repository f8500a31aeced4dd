"""The report of a failed test and its kept database, and of sessions that tests leave open."""

import re
import subprocess
import sys

import pytest

from tests.support.servers import needs_psql
from tests.testing.conftest import Shop

LEFT = """SELECT email FROM "user" WHERE email LIKE '%@left'"""


def psql(project: Shop, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *arguments],
        input=LEFT,
        cwd=project.root,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


class TestFailure:
    @needs_psql
    def test_keeps_the_database_and_reports_its_name(self, project: Shop) -> None:
        project.write(
            "tests/test_shop.py",
            """
            def test_is_wrong(db):
                db.add(User(email="ada@left"))
                db.commit()
                db.add(User(email="eve@left"))
                db.flush()
                assert users(db) == USERS

            def test_stumbles(db):
                db.add(User(email="bob@left"))
                db.commit()
                db.add(User(email="gone@left"))
                db.flush()
                db.execute(text("SELECT 1 / 0"))

            @pytest.mark.db("own")
            def test_has_its_own(db):
                db.add(User(email="own@left"))
                db.commit()
                assert users(db) == USERS

            @pytest.mark.anyio
            async def test_waits(async_db):
                async_db.add(User(email="async@left"))
                await async_db.commit()
                raise ValueError

            def test_too_many(db):
                db.add(User(email="many@left"))
                db.commit()
                assert users(db) == USERS

            def test_is_well(db):
                assert users(db) == USERS
            """,
        )

        said = project.run("--seedbed-keep", "4", failed=5, passed=1)

        names = re.findall(r"after it: pytest --seedbed-psql (\S+)", said)
        assert len(names) == 4
        assert "is not kept: 4 others are already (--seedbed-keep)" in said
        assert re.search(rf"{names[0]} is kept, and open while this run lasts: postgresql://\S+/{names[0]}\?", said)
        assert "its last statements:\n  INSERT INTO" in said
        emails = [re.findall(r"(\w+@left)", psql(project, "--seedbed-psql", name)) for name in names]
        assert emails == [["ada@left", "eve@left"], ["bob@left"], ["own@left"], ["async@left"]]
        assert "own@left" in psql(project, "--seedbed-psql", "tests/test_shop.py::test_has_its_own")
        assert "async@left" in psql(project, "--seedbed-psql")

    def test_of_several_tests_on_one_database_counts_once(self, project: Shop) -> None:
        project.write(
            "tests/test_shop.py",
            """
            @pytest.mark.db("own", scope="module")
            @pytest.mark.parametrize("turn", range(3))
            def test_fails(db, turn):
                raise ValueError

            @pytest.mark.db("own")
            def test_fails_alone(db):
                raise ValueError
            """,
        )

        said = project.run("--seedbed-keep", "2", failed=4)

        names = re.findall(r"after it: pytest --seedbed-psql (\S+)", said)
        assert len(names) == 4
        assert len(set(names)) == 2

    def test_without_failures_keeps_nothing(self, project: Shop) -> None:
        project.write("tests/test_shop.py", "def test_well(db):\n    pass\n")
        project.run(passed=1)

        assert "SB704 No database of a failed test is kept." in psql(project, "--seedbed-psql")
        assert "SB704 No database nothing of a failed test is kept." in psql(project, "--seedbed-psql", "nothing")


class TestQueries:
    def test_are_counted_and_listed_if_the_number_differs(self, project: Shop) -> None:
        project.write(
            "tests/test_shop.py",
            """
            def test_right(db, assert_queries):
                with assert_queries(2):
                    db.add(User(email="ada@example.com"))
                    db.commit()
                    users(db)

            @pytest.mark.anyio
            async def test_right_asynchronously(async_db, assert_queries):
                with assert_queries(1):
                    await async_db.exec(select(User))

            def test_many(db, assert_queries):
                with assert_queries(1):
                    users(db)
                    db.exec(select(Task)).all()
            """,
        )

        said = project.run(failed=1, passed=2)

        assert "AssertionError: 2 statements were sent, and 1 expected:" in said
        assert re.search(r"E +SELECT task.id", said)


class TestOpenSessions:
    @pytest.mark.parametrize("workers", [[], ["-n2"]], ids=["alone", "workers"])
    def test_are_reported_with_their_test(self, project: Shop, workers: list[str]) -> None:
        project.write(
            "tests/test_shop.py",
            """
            OPEN = []

            def leave(engine):
                OPEN.append(engine.connect())
                OPEN[-1].execute(text("SELECT 1"))

            def test_leaves_one(db_url):
                leave(create_engine(db_url, connect_args={"application_name": "left here"}))

            def test_leaves_one_in_turn(db):
                leave(create_engine(db.connection().engine.url, connect_args={"application_name": "left there"}))

            def test_has_closed_what_it_opened(db):
                with db.get_bind().engine.connect() as connection:
                    connection.execute(text("SELECT 1"))

            def test_leaves_none(db, db_url):
                engine = create_engine(db_url)
                with engine.connect() as connection:
                    connection.execute(text("SELECT 1"))
                engine.dispose()
            """,
        )

        said = project.run(*workers, passed=4)

        assert "sessions left open on test databases" in said
        left = sorted(re.findall(r"^(tests/\S+ left .*?) \(pid \d+, (.*)\)$", said, flags=re.MULTILINE))
        assert left == [
            ("tests/test_shop.py::test_leaves_one left left here", "idle in transaction"),
            ("tests/test_shop.py::test_leaves_one_in_turn left left there", "idle in transaction"),
        ]
