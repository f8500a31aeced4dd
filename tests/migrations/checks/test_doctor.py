"""`seedbed doctor` on a healthy project and on projects with problems."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from seedbed.postgres.database import Database
from seedbed.postgres.embedded import TemporaryServer
from tests.support.emulators import emulated
from tests.support.projects import Project, execute, reference_copy


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with reference_copy(tmp_path) as copied:
        yield copied


def build_variables(database: Database, server: TemporaryServer) -> dict[str, str]:
    return {"DATABASE_URL": database.direct.reveal(), "SHADOW_DATABASE_URL": server.url().reveal()}


def run_doctor(project: Project, code: int, variables: dict[str, str]) -> list[dict[str, Any]]:
    output = project.run("seedbed", "doctor", "--json", code=code, given=variables).stdout
    result: list[dict[str, Any]] = json.loads(output)
    return result


class TestDoctor:
    def test_finds_no_problem_in_the_reference_project(
        self, project: Project, database: Database, seedbed_server: TemporaryServer
    ) -> None:
        project.run("seedbed", "migrate", "apply", given=build_variables(database, seedbed_server))

        result = run_doctor(project, 0, build_variables(database, seedbed_server))

        assert [item["message"] for item in result if item["is_problem"]] == []
        assert {item["subject"] for item in result} == {
            "versions", "environment", "schema", "history", "env.py", "seeds", "programs", "drafts", "server",
            "connection", "encryption", "role", "mark", "revision", "extensions", "size", "drift",
        }  # fmt: skip
        assert f":{database.direct.password}@" not in str(result)

    def test_reports_problems_with_remedies(
        self, project: Project, database: Database, seedbed_server: TemporaryServer
    ) -> None:
        project.run("seedbed", "migrate", "apply", given=build_variables(database, seedbed_server))
        execute(
            database.direct,
            "ALTER TABLE task ADD extra integer",
            "UPDATE seedbed.environment SET name = 'preview'",
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'ix_task_user_id'::regclass",
        )
        (project.root / "migrations/env.py").write_text("from alembic import context\n")

        result = run_doctor(project, 1, build_variables(database, seedbed_server))

        wrong = {item["subject"]: item for item in result if item["is_problem"]}
        assert set(wrong) == {"history", "mark", "indexes", "drift"}
        assert wrong["history"]["message"].startswith("SB223 migrations/env.py")
        assert wrong["mark"]["message"] == f"{database.name} is marked preview"
        assert wrong["indexes"]["remedy"].startswith("DROP INDEX CONCURRENTLY ix_task_user_id")
        assert all(item["remedy"] for item in wrong.values())

    def test_reports_encryption_that_ends_at_a_proxy(self, project: Project, seedbed_server: TemporaryServer) -> None:
        with emulated() as neon:
            neon.main("DROP TABLE note")
            variables = {**neon.variables, "DATABASE_URL": neon.run.database_url()}
            given = {**variables, "SHADOW_DATABASE_URL": seedbed_server.url().reveal()}
            project.run("seedbed", "migrate", "apply", given=given)

            result = run_doctor(project, 0, given)

        encryption = next(item for item in result if item["subject"] == "encryption")
        assert encryption["is_problem"] is False
        assert re.fullmatch(r"TLSv1\.[23], TLS_\w+", encryption["message"])

    def test_checks_seeds_and_missing_files(self, project: Project) -> None:
        (project.root / "seeds/development.py").write_text("def plan(seeds):\n    seeds.add(1)\n")
        next((project.root / "migrations/versions").glob("*.py")).unlink()
        (project.root / "migrations/env.py").unlink()

        result = run_doctor(project, 1, {"DATABASE_URL": "postgresql://u:p@127.0.0.1:1/none"})

        wrong = {item["subject"]: item["message"] for item in result if item["is_problem"]}
        assert wrong["seeds"].startswith("SB402 seeds/development.py, line 2: ")
        assert wrong["history"].startswith("SB225 migrations/head lists e2be48669f4b")
        assert wrong["env.py"].startswith("there is no ")

    def test_reports_once_that_an_environment_has_no_database(self, project: Project) -> None:
        output = project.run("seedbed", "doctor", "-e", "production", code=1).stdout

        assert output.count("SB111") == 1

    def test_continues_when_the_database_is_unreachable(self, project: Project) -> None:
        output = project.run("seedbed", "doctor", code=1, DATABASE_URL="postgresql://u:s3cret@127.0.0.1:1/none")

        assert "problem  server" in output.stdout
        assert "SB304 Cannot connect to 127.0.0.1:1/none" in output.stdout
        assert output.stdout.splitlines()[-1].endswith(" checks found a problem.")
        assert "s3cret" not in output.stdout
