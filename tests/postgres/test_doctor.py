"""What `seedbed doctor` finds in a project that is well, and in one that is not."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from seedbed.postgres.database import Database
from seedbed.postgres.embedded import TemporaryServer
from tests.emulators import emulated
from tests.projects import Project, execute, reference_copy


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with reference_copy(tmp_path) as copied:
        yield copied


def given(database: Database, server: TemporaryServer) -> dict[str, str]:
    return {"DATABASE_URL": database.direct.reveal(), "SHADOW_DATABASE_URL": server.url().reveal()}


def facts(project: Project, code: int, variables: dict[str, str]) -> list[dict[str, Any]]:
    told = project.run("seedbed", "doctor", "--json", code=code, given=variables).stdout
    found: list[dict[str, Any]] = json.loads(told)
    return found


class TestDoctor:
    def test_finds_no_problem_in_the_reference_project(
        self, project: Project, database: Database, seedbed_server: TemporaryServer
    ) -> None:
        project.run("seedbed", "migrate", "apply", given=given(database, seedbed_server))

        found = facts(project, 0, given(database, seedbed_server))

        assert [one["message"] for one in found if one["is_problem"]] == []
        assert {one["subject"] for one in found} == {
            "versions", "environment", "schema", "history", "env.py", "seeds", "programs", "drafts", "server", "connection",
            "encryption", "role", "mark", "revision", "extensions", "size", "drift",
        }  # fmt: skip
        assert f":{database.direct.password}@" not in str(found)

    def test_reports_problems_with_remedies(
        self, project: Project, database: Database, seedbed_server: TemporaryServer
    ) -> None:
        project.run("seedbed", "migrate", "apply", given=given(database, seedbed_server))
        execute(
            database.direct,
            "ALTER TABLE task ADD extra integer",
            "UPDATE seedbed.environment SET name = 'preview'",
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'ix_task_user_id'::regclass",
        )
        (project.root / "migrations/env.py").write_text("from alembic import context\n")

        found = facts(project, 1, given(database, seedbed_server))

        wrong = {one["subject"]: one for one in found if one["is_problem"]}
        assert set(wrong) == {"history", "mark", "indexes", "drift"}
        assert wrong["history"]["message"].startswith("SB223 migrations/env.py")
        assert wrong["mark"]["message"] == f"{database.name} is marked preview"
        assert wrong["indexes"]["remedy"].startswith("DROP INDEX CONCURRENTLY ix_task_user_id")
        assert all(one["remedy"] for one in wrong.values())

    def test_reports_encryption_that_ends_at_a_proxy(self, project: Project, seedbed_server: TemporaryServer) -> None:
        with emulated() as neon:
            neon.main("DROP TABLE note")
            variables = {**neon.variables, "DATABASE_URL": neon.run.database_url()}
            given = {**variables, "SHADOW_DATABASE_URL": seedbed_server.url().reveal()}
            project.run("seedbed", "migrate", "apply", given=given)

            found = facts(project, 0, given)

        encryption = next(one for one in found if one["subject"] == "encryption")
        assert encryption["is_problem"] is False
        assert re.fullmatch(r"TLSv1\.[23], TLS_\w+", encryption["message"])

    def test_checks_seeds_and_missing_files(self, project: Project) -> None:
        (project.root / "seeds/development.py").write_text("def plan(seeds):\n    seeds.add(1)\n")
        next((project.root / "migrations/versions").glob("*.py")).unlink()
        (project.root / "migrations/env.py").unlink()

        found = facts(project, 1, {"DATABASE_URL": "postgresql://u:p@127.0.0.1:1/none"})

        wrong = {one["subject"]: one["message"] for one in found if one["is_problem"]}
        assert wrong["seeds"].startswith("SB402 seeds/development.py, line 2: ")
        assert wrong["history"].startswith("SB225 migrations/head lists e2be48669f4b")
        assert wrong["env.py"].startswith("there is no ")

    def test_reports_once_that_an_environment_has_no_database(self, project: Project) -> None:
        told = project.run("seedbed", "doctor", "-e", "production", code=1).stdout

        assert told.count("SB111") == 1

    def test_continues_when_the_database_is_unreachable(self, project: Project) -> None:
        told = project.run("seedbed", "doctor", code=1, DATABASE_URL="postgresql://u:s3cret@127.0.0.1:1/none")

        assert "wrong  server" in told.stdout
        assert "SB304 Cannot connect to 127.0.0.1:1/none" in told.stdout
        assert told.stdout.splitlines()[-1].endswith(" are wrong.")
        assert "s3cret" not in told.stdout
