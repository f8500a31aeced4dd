"""Undo applied revisions with `seedbed migrate downgrade`."""

import re
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from seedbed.errors import (
    DowngradeFailure,
    EnvironmentMismatch,
    IrreversibleRevision,
    MigrationLockTimeout,
    NoDowngradePath,
    PooledConnection,
    RevisionNotFound,
    TableLockTimeout,
)
from seedbed.migrations.apply.downgrade import UndoneRevisions, downgrade, plan_downgrade
from seedbed.migrations.apply.lock_retry import LockRetryPolicy
from seedbed.migrations.apply.upgrade import apply
from seedbed.postgres.connection import connect
from seedbed.postgres.database import Database
from seedbed.postgres.embedded import TemporaryServer
from seedbed.postgres.environment_mark import change_mark
from seedbed.postgres.locks import migration_lock
from seedbed.settings import DatabaseUrl, Environment
from tests.support.patience import PATIENCE
from tests.support.projects import Project, execute, little_project

HERO = """
class Hero(Table, table=True):
    id: int | None = Field(default=None, primary_key=True)
"""
QUICK = LockRetryPolicy(lock_timeout=timedelta(seconds=0.1), tries=3)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """A project with three revisions: a table, a column, and a second table."""
    with little_project(tmp_path, HERO) as created:
        created.write_revision(
            "aa1_hero",
            'op.execute("CREATE TABLE hero (id serial PRIMARY KEY)")',
            downgrade='op.execute("DROP TABLE hero")',
        )
        created.write_revision(
            "ab2_age",
            'op.execute("ALTER TABLE hero ADD age integer")',
            follows="aa1_hero",
            downgrade='op.execute("ALTER TABLE hero DROP age")',
        )
        created.write_revision(
            "ac3_link",
            'op.execute("CREATE TABLE link (id serial PRIMARY KEY)")',
            follows="ab2_age",
            downgrade='op.execute("DROP TABLE link")',
        )
        yield created


@pytest.fixture
def variables(database: Database, seedbed_server: TemporaryServer) -> Mapping[str, str]:
    return {"DATABASE_URL": database.direct.reveal(), "SHADOW_DATABASE_URL": seedbed_server.url().reveal()}


def undo(
    project: Project, database: Database, target: str = "-1", retry_policy: LockRetryPolicy = QUICK
) -> UndoneRevisions:
    return downgrade(
        project.settled, database, plan_downgrade(project.settled, database, target), retry_policy=retry_policy
    )


def ids(undone: UndoneRevisions) -> list[str]:
    return [revision.id for revision in undone.undone]


def read_recorded_revisions(database: Database) -> list[str]:
    return [row[0] for row in execute(database.direct, "SELECT revision FROM seedbed.revisions ORDER BY 1")]


class TestDowngrade:
    def test_undoes_the_last_revision(self, project: Project, database: Database) -> None:
        apply(project.settled, database)

        undone = undo(project, database)

        assert (ids(undone), undone.revision) == (["ac3_link"], "ab2_age")
        assert execute(database.direct, "SELECT to_regclass('link'), to_regclass('hero') IS NULL") == [(None, False)]

    def test_deletes_the_records_of_undone_revisions(self, project: Project, database: Database) -> None:
        apply(project.settled, database)

        undo(project, database)

        assert read_recorded_revisions(database) == ["aa1_hero", "ab2_age"]

    @pytest.mark.parametrize(
        ("target", "gone"),
        [
            ("-2", ["ac3_link", "ab2_age"]),
            ("aa1_hero", ["ac3_link", "ab2_age"]),
            ("aa", ["ac3_link", "ab2_age"]),
            ("ab2-1", ["ac3_link", "ab2_age"]),
            ("base", ["ac3_link", "ab2_age", "aa1_hero"]),
            ("-3", ["ac3_link", "ab2_age", "aa1_hero"]),
        ],
    )
    def test_downgrades_to_the_given_target(
        self, project: Project, database: Database, target: str, gone: list[str]
    ) -> None:
        apply(project.settled, database)

        assert ids(undo(project, database, target)) == gone

    def test_can_be_applied_again(self, project: Project, database: Database) -> None:
        apply(project.settled, database)
        undo(project, database, "base")

        applied = apply(project.settled, database)

        assert [revision.id for revision in applied.applied] == ["aa1_hero", "ab2_age", "ac3_link"]

    def test_keeps_revisions_undone_before_a_failure(self, project: Project, database: Database) -> None:
        project.write_revision("ad4_last", "pass", follows="ac3_link", downgrade='op.execute("SELECT 1")')
        apply(project.settled, database)
        execute(database.direct, "CREATE VIEW linked AS SELECT * FROM link")

        with pytest.raises(DowngradeFailure) as failed:
            undo(project, database, "base")

        assert failed.value.message.startswith(
            "The downgrade of ac3_link failed and was rolled back; ad4_last stayed undone. PostgreSQL says: cannot "
            "drop table link because other objects depend on it"
        )
        assert read_recorded_revisions(database) == ["aa1_hero", "ab2_age", "ac3_link"]

    def test_retries_until_another_session_releases_its_lock(self, project: Project, database: Database) -> None:
        apply(project.settled, database)
        message: list[str] = []
        output = threading.Event()

        def say(line: str) -> None:
            message.append(line)
            output.set()

        def hold() -> None:
            with connect(database) as other:
                other.exec_driver_sql("LOCK TABLE link IN ACCESS SHARE MODE")
                held.set()
                output.wait(PATIENCE)
                other.rollback()

        held = threading.Event()
        holder = threading.Thread(target=hold)
        holder.start()
        held.wait(PATIENCE)
        planned = plan_downgrade(project.settled, database, "-1")
        patience = LockRetryPolicy(lock_timeout=timedelta(seconds=0.1), tries=30)
        undone = downgrade(project.settled, database, planned, retry_policy=patience, report=say)
        holder.join()

        assert ids(undone) == ["ac3_link"]
        assert message[0] == "ac3_link waits for a lock that another session holds; trying again (1 of 30)"

    def test_fails_when_the_lock_is_not_released(self, project: Project, database: Database) -> None:
        apply(project.settled, database)

        with connect(database) as other:
            other.exec_driver_sql("LOCK TABLE link IN ACCESS SHARE MODE")
            with pytest.raises(TableLockTimeout, match="nothing was undone") as busy:
                undo(project, database)

        assert busy.value.remedy.startswith("Run seedbed migrate downgrade again")
        assert read_recorded_revisions(database) == ["aa1_hero", "ab2_age", "ac3_link"]


class TestRefusals:
    def test_refuses_a_database_with_nothing_to_undo(self, project: Project, database: Database) -> None:
        with pytest.raises(NoDowngradePath) as error:
            undo(project, database)

        assert error.value.message == f"{database.name} is at no revision, and there is nothing to undo."

    @pytest.mark.parametrize("target", ["-4", "ac3_link", "ac3"])
    def test_refuses_a_target_that_is_not_below(self, project: Project, database: Database, target: str) -> None:
        apply(project.settled, database)

        with pytest.raises(NoDowngradePath, match=f"no downgrade leads from there to {target}"):
            undo(project, database, target)

    def test_refuses_a_revision_that_is_not_applied(self, project: Project, database: Database) -> None:
        apply(project.settled, database)
        undo(project, database, "-2")

        with pytest.raises(NoDowngradePath, match="it is not applied to the database"):
            undo(project, database, "ab2_age")

    def test_refuses_an_unknown_revision(self, project: Project, database: Database) -> None:
        apply(project.settled, database)

        with pytest.raises(RevisionNotFound, match="There is no revision zzz in migrations/versions"):
            undo(project, database, "zzz")

    def test_refuses_an_ambiguous_prefix(self, project: Project, database: Database) -> None:
        apply(project.settled, database)

        with pytest.raises(RevisionNotFound, match="a could be aa1_hero, ab2_age or ac3_link"):
            undo(project, database, "a")

    def test_refuses_an_irreversible_revision_before_anything_is_undone(
        self, project: Project, database: Database
    ) -> None:
        project.write_revision(
            "ad4_last", "pass", follows="ac3_link", downgrade='raise RuntimeError("its values are gone")'
        )
        project.write_revision("ae5_after", "pass", follows="ad4_last")
        apply(project.settled, database)

        with pytest.raises(IrreversibleRevision, match="Revision ad4_last cannot be undone: its values are gone"):
            undo(project, database, "-2")

        assert len(read_recorded_revisions(database)) == 5

    def test_refuses_a_plan_outdated_by_another_session(self, project: Project, database: Database) -> None:
        apply(project.settled, database)
        planned = plan_downgrade(project.settled, database, "-1")
        undo(project, database)

        with pytest.raises(NoDowngradePath, match="another session has migrated it since"):
            downgrade(project.settled, database, planned)

        assert read_recorded_revisions(database) == ["aa1_hero", "ab2_age"]

    def test_refuses_a_database_of_another_environment(self, project: Project, database: Database) -> None:
        apply(project.settled, database)
        change_mark(database, Environment.PREVIEW)

        with pytest.raises(EnvironmentMismatch):
            undo(project, database)

    def test_refuses_a_pooler(self, project: Project, database: Database) -> None:
        apply(project.settled, database)
        planned = plan_downgrade(project.settled, database, "-1")
        pooled = DatabaseUrl("app", "secret", "ep-cool-1-pooler.eu-central-1.aws.neon.tech", None, "shop")

        with pytest.raises(PooledConnection):
            downgrade(project.settled, replace(database, url=pooled, direct=pooled), planned)

    def test_refuses_while_another_session_migrates(self, project: Project, database: Database) -> None:
        apply(project.settled, database)
        planned = plan_downgrade(project.settled, database, "-1")

        with connect(database) as other, migration_lock(other, database.name), pytest.raises(MigrationLockTimeout):
            downgrade(project.settled, database, planned, lock_wait=timedelta(0))


class TestMergedHistory:
    @pytest.fixture
    def merged(self, project: Project) -> Project:
        project.write_revision("ba_left", "pass", follows="ac3_link")
        project.write_revision("bb_right", "pass", follows="ac3_link")
        project.write_revision("bc_both", "pass", follows=("ba_left", "bb_right"))
        return project

    def test_is_undone_to_both_branches_by_one_step(self, merged: Project, database: Database) -> None:
        apply(merged.settled, database)

        assert undo(merged, database).revision == "ba_left, bb_right"

    def test_is_undone_to_the_fork(self, merged: Project, database: Database) -> None:
        apply(merged.settled, database)

        undone = undo(merged, database, "ac3_link")

        assert (sorted(ids(undone)), undone.revision) == (["ba_left", "bb_right", "bc_both"], "ac3_link")

    @pytest.mark.parametrize(
        ("target", "reason"),
        [
            ("-2", "several paths lead there, to ba_left, bb_right; name a revision"),
            ("ba_left", "another branch has bb_right"),
        ],
    )
    def test_is_refused_where_two_paths_lead_down(
        self, merged: Project, database: Database, target: str, reason: str
    ) -> None:
        apply(merged.settled, database)

        with pytest.raises(NoDowngradePath, match=reason):
            undo(merged, database, target)


class TestCommand:
    def test_lists_losses_and_the_next_step(
        self, project: Project, database: Database, variables: Mapping[str, str]
    ) -> None:
        apply(project.settled, database)

        completed = project.run("seedbed", "migrate", "downgrade", "-2", given=variables)

        assert completed.stderr == (
            f"Revisions to undo in {database.direct.address}:\n  ac3_link  Ac3 link\n  ab2_age   Ab2 age\n"
            "Data that is lost:\n  link (drop-table)\n  hero.age (drop-column)\n"
        )
        assert re.sub(r"\d+\.\d s", "0.1 s", completed.stdout) == (
            f"{database.name} is at aa1_hero: 2 revisions undone in 0.1 s.\n"
            "Next: edit the revision and apply it again (seedbed migrate apply), or delete its file and draft another "
            "(seedbed migrate draft -m TEXT).\n"
        )

    def test_prints_the_same_result_as_json(
        self, project: Project, database: Database, variables: Mapping[str, str]
    ) -> None:
        apply(project.settled, database)

        facts = project.json("seedbed", "migrate", "downgrade", code=0, **variables)

        assert [revision["id"] for revision in facts["undone"]] == ["ac3_link"]
        assert (facts["database"], facts["revision"]) == (database.name, "ab2_age")
        assert ("drop-table", "link") in [(hazard["rule"], hazard["location"]) for hazard in facts["hazards"]]

    def test_refuses_an_unknown_option(self, project: Project, variables: Mapping[str, str]) -> None:
        completed = project.run("seedbed", "migrate", "downgrade", "--sql", code=2, given=variables)

        assert "No such option '--sql'" in completed.stderr

    def test_of_production_requires_the_name_and_allowed_hazards(
        self, project: Project, database: Database, variables: Mapping[str, str]
    ) -> None:
        apply(project.settled, database)
        change_mark(database, Environment.PRODUCTION)
        command = ("seedbed", "migrate", "downgrade", "-e", "production")
        named = ("--yes", database.name)

        bare = project.run(*command, code=1, given=variables)
        unallowed = project.run(*command, *named, code=1, given=variables)
        unnamed = project.run(*command, "--allow", "drop-table", code=1, given=variables)
        before = read_recorded_revisions(database)
        project.run(*command, "--allow", "drop-table", *named, given=variables)

        assert "which is production" in bare.stderr
        assert f"SB218 Nothing was undone in {database.name}: link (ac3_link): " in unallowed.stderr
        assert f"SB313 {database.name} was not downgraded: its name was not given." in unnamed.stderr
        assert (len(before), read_recorded_revisions(database)) == (3, ["aa1_hero", "ab2_age"])


class TestKill:
    def test_leaves_whole_revisions_and_can_be_repeated(self, project: Project, database: Database) -> None:
        project.write_revision("ad4_slow", "pass", follows="ac3_link", downgrade='op.execute("SELECT pg_sleep(60)")')
        project.write_revision("ae5_last", "pass", follows="ad4_slow")
        apply(project.settled, database)
        project.write(
            "undo.py",
            """
            from seedbed.migrations.apply.downgrade import downgrade, plan_downgrade
            from seedbed.postgres.database import resolve_database
            from seedbed.settings import find_project, load_configuration
            from pathlib import Path

            project = find_project(Path())
            database = resolve_database(load_configuration(project))
            downgrade(project, database, plan_downgrade(project, database, "ac3_link"))
            """,
        )
        asleep = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(60)%'"

        killed = project.start("undo", DATABASE_URL=database.direct.reveal())
        until = time.monotonic() + PATIENCE
        while execute(database.direct, asleep) == [(0,)] and time.monotonic() < until:
            time.sleep(0.05)
        killed.kill()
        killed.communicate()

        assert read_recorded_revisions(database) == ["aa1_hero", "ab2_age", "ac3_link", "ad4_slow"]
        project.write_revision("ad4_slow", "pass", follows="ac3_link")
        assert ids(undo(project, database)) == ["ad4_slow"]
