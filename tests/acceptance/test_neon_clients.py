"""Neon's own command and SDK against the emulator, and its answers against Neon's own description of them."""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft4Validator

from tests.support.emulators import Neon, ask, emulated
from tests.support.servers import needs_psql

PACKAGES = ("neon@6.2.3", "@neon/sdk@6.1.2", "@neondatabase/api-client@2.7.3")
PR = "preview/pr-42"
SDK = """
import { createNeonClient } from "@neon/sdk";
const [projectId] = process.argv.slice(2);
const neon = createNeonClient({
  apiKey: process.env.NEON_API_KEY, baseUrl: process.env.NEON_API_HOST, throwOnError: true,
  wait: { pollIntervalMs: 20 },
});
const made = await neon.branches.create({ projectId, name: "by-sdk" });
if (made.name !== "by-sdk") throw new Error(JSON.stringify(made));
const branchId = made.id;
await neon.branches.delete({ projectId, branchId });
console.log(JSON.stringify(branchId));
"""


@pytest.fixture(scope="module")
def packages() -> Path:
    """Installed once for all runs, and without running what packages bring to be run."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("this machine has no Node to run Neon's own clients with")
    folder = Path(tempfile.gettempdir()) / f"seedbed-neon-clients-{os.getuid()}"
    if not (folder / "node_modules/.bin/neon").exists():
        folder.mkdir(mode=0o700, exist_ok=True)
        done = subprocess.run(
            ["npm", "install", *PACKAGES, "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", folder],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            pytest.skip(f"npm could not install Neon's clients: {done.stderr[-200:]}")
    assert folder.stat().st_uid == os.getuid()
    return folder


@pytest.fixture(scope="module")
def emulator() -> Iterator[Neon]:
    with emulated() as neon:
        yield neon


@pytest.fixture
def neon(emulator: Neon, packages: Path, tmp_path: Path) -> "Command":
    return Command(emulator, packages, tmp_path)


class Command:
    """Neon's command, run in a home of its own."""

    def __init__(self, emulator: Neon, packages: Path, home: Path) -> None:
        self.emulator, self.packages = emulator, packages
        self.project = emulator.run.cloud.project
        self.environment = {
            "PATH": os.environ["PATH"], "HOME": str(home), "CI": "1", "NO_COLOR": "1", **emulator.variables
        }  # fmt: skip

    def __call__(self, *arguments: str, code: int = 0) -> str:
        self.settle()
        command = [str(self.packages / "node_modules/.bin/neon"), "--no-analytics", *arguments[:2]]
        done = subprocess.run(
            [*command, "--project-id", self.project, *arguments[2:]],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, f"{arguments}: {done.stdout}{done.stderr}"
        return done.stdout + (done.stderr if code else "")

    def json(self, *arguments: str) -> Any:
        return json.loads(self(*arguments, "-o", "json"))

    def settle(self) -> None:
        """The command returns while Neon is at work still, and its next one would be told to wait."""
        while any(operation.is_running for operation in self.emulator.run.cloud.operations.done):
            pass


class TestNeonsCommand:
    @needs_psql
    def test_does_all_that_a_preview_needs(self, neon: Command, emulator: Neon) -> None:
        made = neon.json(
            "branches", "create", "--name", PR, "--expires-at", _days(3), "--annotation", '{"pr":"42"}'
        )  # fmt: skip
        listed = neon.json("branches", "list")
        again = neon("branches", "create", "--name", PR, code=1)
        direct = neon("connection-string", PR).strip()
        pooled = neon("connection-string", PR, "--pooled").strip()
        told = neon("psql", PR, "--pooled", "--", "-At", "-c", "SELECT body FROM note")

        assert made["branch"]["name"] == PR
        assert made["branch"]["expires_at"].startswith(_days(3)[:10])
        assert {branch["name"] for branch in listed} == {"main", PR}
        assert "already exists" in again
        assert made["endpoints"][0]["host"] in direct
        assert pooled == direct.replace(".us-east-2", "-pooler.us-east-2")
        assert told.strip() == "hello"

        ask(direct, "ALTER TABLE note ADD COLUMN extra integer", "DELETE FROM note")
        diff = neon("branches", "schema-diff", "main", PR)
        assert "+    extra integer" in diff

        neon("branches", "reset", PR, "--parent")
        neon.settle()
        assert ask(direct, "SELECT * FROM note") == [("hello",)]

        neon("branches", "set-expiration", PR, "--expires-at", _days(5))
        assert neon.json("branches", "get", PR)["expires_at"].startswith(_days(5)[:10])

        neon("branches", "delete", PR)
        assert "not found" in neon("branches", "delete", PR, code=1)
        assert emulator.names() == ["main"]

    def test_makes_a_root_with_the_schema_alone(self, neon: Command, emulator: Neon) -> None:
        neon("branches", "create", "--name", "empty", "--schema-only", "--no-secrets")
        neon.settle()

        assert ask(neon("connection-string", "empty").strip(), "SELECT count(*) FROM note") == [(0,)]

        (made,) = [branch for branch in emulator.run.cloud.branches.values() if branch.name == "empty"]
        emulator.call("DELETE", f"/api/v2/projects/{neon.project}/branches/{made.id}")


class TestNeonsSdk:
    def test_makes_a_branch_waits_for_it_and_deletes_it(self, neon: Command, emulator: Neon) -> None:
        script = neon.packages / "seedbed-sdk.mjs"
        script.write_text(SDK)

        done = subprocess.run(
            ["node", script, neon.project], env=neon.environment, capture_output=True, text=True, check=False
        )

        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout).startswith("br-")
        neon.settle()
        assert emulator.names() == ["main"]


class TestAnswers:
    def test_are_as_neon_describes_them(self, neon: Command, emulator: Neon) -> None:
        text = (neon.packages / "node_modules/@neondatabase/api-client/public-v2-for-users.gen.yaml").read_text()
        described = Described(yaml.safe_load(text))
        project, main = neon.project, next(iter(emulator.run.cloud.branches))
        body = {"branch": {"name": "described"}, "endpoints": [{"type": "read_write"}], "annotation_value": {"a": "b"}}

        def call(method: str, path: str, given: Any = None, **ids: str) -> Any:
            neon.settle()
            concrete = path.format(project_id=project, **ids)
            answer = emulator.call(method, f"/api/v2{concrete}", given)
            described.check(method, path.partition("?")[0], answer)
            return answer

        base = "/projects/{project_id}"
        made = call("POST", f"{base}/branches", body)
        branch, endpoint = made["branch"]["id"], made["endpoints"][0]["id"]
        ids = {"branch_id": branch, "endpoint_id": endpoint, "role_name": "neondb_owner", "database_name": "neondb"}
        for path in (
            "/projects", base, "/users/me", "/users/me/organizations", f"{base}/branches", f"{base}/branches/count",
            f"{base}/branches/{{branch_id}}", f"{base}/branches/{{branch_id}}/endpoints", f"{base}/endpoints",
            f"{base}/branches/{{branch_id}}/roles", f"{base}/branches/{{branch_id}}/databases", f"{base}/operations",
            f"{base}/branches/{{branch_id}}/roles/{{role_name}}/reveal_password",
            f"{base}/branches/{{branch_id}}/roles/{{role_name}}", f"{base}/endpoints/{{endpoint_id}}",
            f"{base}/branches/{{branch_id}}/databases/{{database_name}}",
            f"{base}/branches/{{branch_id}}/schema?db_name=neondb",
            f"{base}/branches/{{branch_id}}/compare_schema?db_name=neondb",
            f"{base}/connection_uri?database_name=neondb&role_name=neondb_owner",
        ):  # fmt: skip
            call("GET", path, **ids)
        call("GET", f"{base}/operations/{{operation_id}}", operation_id=made["operations"][0]["id"])
        roles, databases = f"{base}/branches/{{branch_id}}/roles", f"{base}/branches/{{branch_id}}/databases"
        new = {"branch_id": branch, "role_name": "reader", "database_name": "more"}
        call("POST", roles, {"role": {"name": "reader"}}, **new)
        call("POST", f"{roles}/{{role_name}}/reset_password", **new)
        call("POST", databases, {"database": {"name": "more", "owner_name": "reader"}}, **new)
        call("DELETE", f"{databases}/{{database_name}}", **new)
        call("DELETE", f"{roles}/{{role_name}}", **new)
        call("PATCH", f"{base}/endpoints/{{endpoint_id}}", {"endpoint": {"suspend_timeout_seconds": 60}}, **ids)
        call("PATCH", f"{base}/branches/{{branch_id}}", {"branch": {"expires_at": _days(2)}}, **ids)
        call("POST", f"{base}/branches/{{branch_id}}/restore", {"source_branch_id": main}, **ids)
        for verb in ("suspend", "start", "restart"):
            call("POST", f"{base}/endpoints/{{endpoint_id}}/{verb}", **ids)
        call("DELETE", f"{base}/branches/{{branch_id}}", **ids)

        assert described.checked == 33


class Described:
    """Neon's OpenAPI document, whose schemas are JSON Schema but for `nullable` and what descriptions add."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document, self.checked = document, 0

    def check(self, method: str, path: str, answer: Any) -> None:
        responses = self.document["paths"][path][method.lower()]["responses"]
        response = next(found for status, found in responses.items() if str(status).startswith("20"))
        if "$ref" in response:
            response = self.document["components"]["responses"][response["$ref"].rpartition("/")[2]]
        schema = response["content"]["application/json"]["schema"]
        errors = Draft4Validator({**schema, "components": self.document["components"]}).iter_errors(answer)
        said = [f"{method} {path}: {'/'.join(map(str, error.absolute_path))}: {error.message}" for error in errors]
        assert said == []
        self.checked += 1


def _days(number: int) -> str:
    from datetime import UTC, datetime, timedelta

    return (datetime.now(UTC) + timedelta(days=number)).strftime("%Y-%m-%dT%H:%M:%SZ")
