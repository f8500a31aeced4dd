"""Which database a test gets, and its isolation from other tests."""

import pytest

from tests.testing.conftest import Shop

pytestmark = pytest.mark.slow

pytest_plugins = ["pytester"]


class TestTransaction:
    def test_is_rolled_back_after_commits_ddl_and_locks(self, project: Shop) -> None:
        project.write(
            "tests/test_shop.py",
            """
            @pytest.mark.parametrize("turn", [1, 2])
            def test_commits(db, turn):
                db.add(User(email="ada@example.com"))
                db.commit()
                assert users(db) == USERS + 1

            def test_rolls_back_to_its_last_commit(db):
                db.add(User(email="ada@example.com"))
                db.commit()
                db.add(User(email="eve@example.com"))
                db.rollback()
                assert users(db) == USERS + 1

            def test_drops_the_schema(db):
                db.execute(text("DROP SCHEMA public CASCADE"))
                db.commit()

            def test_takes_a_lock(db):
                db.execute(text("SELECT pg_advisory_lock(7)"))

            def test_has_the_seeds_and_nothing_else(db):
                assert users(db) == USERS
                assert db.execute(text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")).scalar() == 0

            def test_is_no_superuser(db):
                assert not db.execute(text("SELECT usesuper FROM pg_user WHERE usename = current_user")).scalar()

            @pytest.mark.db(seed=None)
            def test_may_do_without_seeds(db):
                assert users(db) == 0

            @pytest.mark.db(seed="development")
            def test_may_have_other_seeds(db):
                assert users(db) > USERS
            """,
        )

        project.run(passed=9)

    def test_that_a_test_ends_is_reported_and_replaced(self, project: Shop) -> None:
        project.write(
            "tests/test_shop.py",
            """
            def test_commits_for_real(db):
                db.add(User(email="ada@example.com"))
                db.commit()
                db.connection().commit()

            def test_says_commit(db):
                db.add(User(email="ada@example.com"))
                db.flush()
                db.execute(text("COMMIT"))

            def test_closes_its_connection(db):
                with db.connection() as connection:
                    connection.execute(text("SELECT 1"))

            @pytest.mark.anyio
            async def test_commits_for_real_asynchronously(async_db):
                async_db.add(User(email="ada@example.com"))
                await async_db.commit()
                await (await async_db.connection()).commit()

            def test_is_as_before(db):
                assert users(db) == USERS
            """,
        )

        said = project.run("-p", "no:randomly", passed=5, errors=4)

        assert said.count("SB702 tests/test_shop.py::test_") == 4

    def test_works_on_the_asynchronous_driver(self, project: Shop) -> None:
        project.write(
            "tests/test_shop.py",
            """
            @pytest.mark.anyio
            @pytest.mark.parametrize("turn", [1, 2])
            async def test_commits(async_db, turn):
                async_db.add(User(email="ada@example.com"))
                await async_db.commit()
                assert len((await async_db.exec(select(User))).all()) == USERS + 1

            @pytest.mark.anyio
            async def test_fails_and_goes_on(async_db):
                async_db.add(User(email=None))
                with pytest.raises(Exception, match="null value"):
                    await async_db.commit()
                await async_db.rollback()
                assert len((await async_db.exec(select(User))).all()) == USERS

            def test_is_not_used(async_db):
                pass

            @pytest.mark.anyio
            async def test_sees_what_the_other_driver_committed(async_db, make, db):
                user = make(User)
                db.commit()
                assert await async_db.get(User, user.id)

            @pytest.mark.anyio
            @pytest.mark.db("own")
            async def test_is_real_on_an_own_database(async_db, db_engine):
                async_db.add(User(email="ada@example.com"))
                await async_db.commit()
                with Session(db_engine) as other:
                    assert users(other) == USERS + 1
            """,
        )

        project.run(passed=6)

    def test_of_a_class_or_module_encloses_those_of_its_tests(self, project: Shop) -> None:
        project.write(
            "tests/test_shop.py",
            """
            @pytest.fixture(scope="module")
            def ada(module_db):
                module_db.add(user := User(email="ada@example.com"))
                module_db.commit()
                return user.id

            @pytest.fixture(scope="class")
            def eve(class_db):
                class_db.add(user := User(email="eve@example.com"))
                class_db.commit()
                return user.id

            class TestBoth:
                @pytest.mark.parametrize("turn", [1, 2])
                def test_has_both(self, ada, eve, db, turn):
                    assert users(db) == USERS + 2
                    db.delete(db.get(User, ada))
                    db.delete(db.get(User, eve))
                    db.commit()

            def test_has_the_modules(ada, db):
                assert users(db) == USERS + 1
            """,
        )
        project.write("tests/test_then.py", "def test_has_neither(db):\n    assert users(db) == USERS\n")

        project.run(passed=4)

    def test_of_a_module_survives_a_failed_test(self, project: Shop) -> None:
        project.write(
            "tests/test_shop.py",
            """
            @pytest.fixture(scope="module")
            def ada(module_db):
                module_db.add(user := User(email="ada@example.com"))
                module_db.commit()
                return user.id

            def test_fails(ada, db):
                db.delete(db.get(User, ada))
                db.commit()
                assert False

            @pytest.mark.anyio
            async def test_fails_too(async_db):
                await async_db.exec(select(User))
                assert False

            def test_leaves_a_session(ada, db):
                global left
                left = create_engine(db.connection().engine.url).connect()
                left.execute(text("SELECT 1"))

            def test_has_its_row(ada, db):
                assert db.get(User, ada)
            """,
        )

        said = project.run(failed=2, passed=2)

        assert said.count("is not kept: other tests need the rows that tests/test_shop.py has put in") == 2
        assert said.count(" left a client without a name (pid") == 1

    def test_of_a_module_that_is_ended_fails_the_tests_that_need_it(self, project: Shop) -> None:
        project.write(
            "tests/test_shop.py",
            """
            @pytest.fixture(scope="module")
            def ada(module_db):
                module_db.add(user := User(email="ada@example.com"))
                module_db.commit()
                return user.id

            def test_commits(ada, db):
                db.execute(text("COMMIT"))

            def test_wants_its_row(ada, db):
                assert db.get(User, ada)

            def test_wants_none(db):
                assert users(db) == USERS
            """,
        )
        project.write("tests/test_then.py", "def test_has_neither(db):\n    assert users(db) == USERS\n")

        said = project.run(passed=3, errors=2)

        gone = "SB707 The rows that tests/test_shop.py inserted for its tests are gone: "
        assert f"{gone}tests/test_shop.py::test_commits ended the transaction that contained them." in said

    def test_begins_on_another_database_after_a_terminated_connection(self, project: Shop) -> None:
        project.write(
            "tests/test_shop.py",
            """
            ENDS = text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE usename = current_user AND pid <> pg_backend_pid()"
            )

            def test_ends_all_others(db, db_engine):
                with db_engine.connect() as connection:
                    connection.execute(ENDS)

            @pytest.mark.parametrize("turn", [1, 2])
            def test_goes_on(db, turn):
                assert users(db) == USERS

            @pytest.mark.anyio
            async def test_ends_its_own(async_db):
                with pytest.raises(Exception, match="terminat"):
                    await (await async_db.connection()).execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))

            @pytest.mark.anyio
            async def test_goes_on_too(async_db):
                assert len((await async_db.exec(select(User))).all()) == USERS
            """,
        )

        project.run(passed=5)

    def test_does_not_reuse_statements_prepared_for_another_schema(self, project: Shop) -> None:
        project.write(
            "tests/test_shop.py",
            """
            def emails(session):
                for _ in range(8):
                    found = session.execute(text('SELECT * FROM "user"')).all()
                return found

            def test_has_another_column(db):
                db.execute(text('ALTER TABLE "user" ADD COLUMN shoe_size int'))
                emails(db)
                db.execute(text("PREPARE mine AS SELECT 1"))

            def test_has_not(db):
                emails(db)
                db.execute(text("PREPARE mine AS SELECT 1"))

            @pytest.mark.parametrize(
                "statement",
                [
                    '-- why\\n /* and how */ alter\\ntable "user" add hat_size int',
                    'DO $$ BEGIN ALTER TABLE "user" ADD hat_size int; END $$',
                ],
            )
            def test_has_another_column_by_other_words(db, statement):
                emails(db)
                db.rollback()
                db.execute(text(statement))
                db.execute(text("DEALLOCATE ALL"))
                emails(db)

            def test_has_still_not(db):
                emails(db)

            async def async_emails(session):
                for _ in range(8):
                    await (await session.connection()).execute(text('SELECT * FROM "user"'))

            @pytest.mark.anyio
            async def test_has_another_column_asynchronously(async_db):
                added = text('ALTER TABLE "user" ADD COLUMN shoe_size int')
                await (await async_db.connection()).execute(added)
                await async_emails(async_db)

            @pytest.mark.anyio
            async def test_has_not_asynchronously(async_db):
                await async_emails(async_db)
            """,
        )

        project.run(passed=7)

    def test_resets_execution_options(self, project: Shop) -> None:
        project.write(
            "tests/test_shop.py",
            """
            @pytest.fixture(scope="module")
            def ada(module_db):
                module_db.add(user := User(email="ada@example.com"))
                module_db.commit()

            def test_streams(db):
                streaming = db.connection().execution_options(stream_results=True)
                assert streaming.execute(text("SELECT 1")).scalar() == 1

            def test_does_not(db):
                assert not db.connection().get_execution_options()
                db.add(User(email="eve@example.com"))
                db.commit()

            @pytest.mark.anyio
            async def test_streams_asynchronously(async_db):
                streaming = await (await async_db.connection()).execution_options(stream_results=True)
                assert [row async for row in await streaming.stream(text("SELECT 1"))]

            @pytest.mark.anyio
            async def test_does_not_asynchronously(async_db):
                async_db.add(User(email="eve@example.com"))
                await async_db.commit()

            def test_streams_in_a_module(db, ada):
                streaming = db.connection().execution_options(stream_results=True)
                assert streaming.execute(text("SELECT 1")).scalar() == 1

            def test_does_not_in_a_module(db, ada):
                db.add(User(email="eve@example.com"))
                db.commit()
            """,
        )

        project.run(passed=6)


class TestOwn:
    def test_is_new_for_each_test_and_commits_are_real(self, project: Shop) -> None:
        project.write(
            "tests/test_shop.py",
            """
            @pytest.mark.parametrize("turn", range(4))
            def test_commits(db_engine, db_url, db, turn):
                with Session(db_engine) as other:
                    other.add(User(email="ada@example.com"))
                    other.commit()
                assert users(db) == USERS + 1
                with create_engine(db_url).connect() as third:
                    assert third.execute(text("SELECT count(*) FROM \\"user\\"")).scalar() == USERS + 1

            @pytest.mark.db("own", scope="class")
            class TestShared:
                def test_puts_in(self, db):
                    db.add(User(email="ada@example.com"))
                    db.commit()

                def test_finds(self, db):
                    assert users(db) == USERS + 1

            @pytest.mark.db("empty")
            def test_is_empty(db):
                assert db.execute(text("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")).scalar() == 0
            """,
        )

        project.run(passed=7)

    def test_has_a_url_that_every_driver_accepts(self, project: Shop) -> None:
        project.write(
            "tests/test_shop.py",
            """
            import asyncio
            import asyncpg
            import psycopg2
            from sqlalchemy.ext.asyncio import create_async_engine

            async def asked(url):
                engine = create_async_engine(url)
                async with engine.connect() as connection:
                    found = (await connection.execute(text('SELECT count(*) FROM "user"'))).scalar()
                await engine.dispose()
                return found

            @pytest.mark.parametrize("driver", ["asyncpg", "psycopg"])
            def test_asynchronous(db_url, db_engine, driver):
                url = db_engine.url.set(drivername=f"postgresql+{driver}")
                assert asyncio.run(asked(url)) == USERS
                assert asyncio.run(asked(db_url.replace("postgresql:", f"postgresql+{driver}:"))) == USERS

            def test_alone(db_url):
                async def connected():
                    await (await asyncpg.connect(db_url)).close()

                asyncio.run(connected())
                psycopg2.connect(db_url).close()
            """,
        )

        project.run(passed=3)

    def test_can_be_empty_without_a_project(self, pytester: pytest.Pytester) -> None:
        pytester.makepyfile(
            """
            def test_migrates(empty_db):
                with empty_db.begin() as connection:
                    connection.exec_driver_sql("CREATE TABLE hero (id int)")
            """
        )

        pytester.runpytest_subprocess().assert_outcomes(passed=1)


class TestMarker:
    @pytest.mark.parametrize(
        ("mark", "reason"),
        [
            ('"clone"', "there is no mode 'clone'"),
            ('seed="summer"', "there are no seeds 'summer'"),
            ('scope="class"', "scope='class' cannot be combined with 'transaction'"),
            ('"own", "empty"', "its arguments are a mode, seed= and scope="),
        ],
    )
    def test_explains_invalid_arguments(self, project: Shop, mark: str, reason: str) -> None:
        project.write("tests/test_shop.py", f"@pytest.mark.db({mark})\ndef test_shop(db):\n    pass\n")

        said = project.run(error=1)

        assert f"SB703 The marker db of tests/test_shop.py::test_shop is invalid: {reason}.\n" in said
        assert "Traceback" not in said
        assert "- database -" not in said


class TestProjectFixtures:
    def test_of_the_same_names_take_precedence(self, project: Shop) -> None:
        project.write(
            "tests/conftest.py",
            """
            @pytest.fixture
            def db():
                return "mine"

            @pytest.fixture
            def client():
                return "mine"
            """,
        )
        project.write("tests/test_shop.py", "def test_mine(db, client):\n    assert (db, client) == ('mine', 'mine')\n")

        project.run(passed=1)

    def test_of_the_same_names_need_no_project(self, pytester: pytest.Pytester) -> None:
        pytester.makeconftest(
            """
            import pytest

            @pytest.fixture
            def db(postgresql):
                return postgresql
            """
        )
        pytester.makepyfile("def test_mine(db):\n    db.execute('SELECT 1')\n")

        pytester.runpytest_subprocess().assert_outcomes(passed=1)

    def test_that_request_the_original_find_the_template_built(self, project: Shop) -> None:
        project.write(
            "tests/conftest.py",
            """
            from seedbed.testing.databases import template

            def seed(*_):
                raise AssertionError("it is made")

            template.plan_and_load_seeds = seed

            @pytest.fixture
            def db(db):
                db.add(User(email="ada@example.com"))
                return db

            @pytest.fixture
            def db_url():
                return "mine"
            """,
        )
        project.write(
            "tests/test_shop.py",
            """
            def test_adds(db, db_url, seedbed_run):
                assert users(db) == USERS + 1
                assert list(seedbed_run._shared_databases) == ["testing"]
            """,
        )

        project.run(passed=1)

    def test_of_pytest_postgresql_use_the_same_server(self, project: Shop) -> None:
        project.write(
            "tests/test_shop.py",
            """
            from pytest_postgresql import factories

            ours = factories.postgresql("seedbed_proc")

            def load(**at):
                import psycopg
                at.pop("autocommit")
                with psycopg.connect(**at) as connection:
                    connection.execute("CREATE TABLE hero (id int)")

            loaded = factories.postgresql("loading")
            loading = factories.postgresql_noproc(depends_on="seedbed_proc", load=[load])

            def test_all(ours, loaded, postgresql, db):
                port = db.connection().connection.driver_connection.info.port
                assert {ours.info.port, loaded.info.port, postgresql.info.port} == {port}
                assert loaded.execute("SELECT count(*) FROM hero").fetchone() == (0,)
            """.replace("def test_all(ours, loaded, postgresql, db)", "def test_all(ours, loaded, db)").replace(
                ", postgresql.info.port", ""
            )
            + """
            def test_its_own(postgresql):
                postgresql.execute("CREATE TABLE hero (id int)")
            """,
        )

        project.run(passed=2)
