"""Record the rows of seeded databases, as hashes that do not depend on Seedbed's own digests."""

import hashlib
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import psycopg2
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from sqlalchemy import Dialect, MetaData
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from seedbed.errors import SeedbedError
from seedbed.postgres.connection import connect
from seedbed.postgres.embedded import TemporaryServer, find_binaries, run_temporary_server
from seedbed.schema import Schema
from seedbed.schema.creation import create_schema
from seedbed.seeding.loading.load import load_seeds
from seedbed.seeding.planning.seed_plan import plan
from seedbed.settings import DatabaseUrl, Environment
from tests.seeding.test_random_schemas import schemas
from tests.support.baseline.command_server import CommandServer, command_server
from tests.support.baseline.drafts import normalize_revision
from tests.support.baseline.projects import SEEDS_OF, SOURCES, lock_of
from tests.support.baseline.results import Folder
from tests.support.postgres.services import service
from tests.support.projects import Project, fresh_database, little_project, reference_copy

_TABLES = """
    SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'seedbed')
      AND c.relname <> 'alembic_version'
    ORDER BY 1, 2
"""
_SEQUENCES = """
    SELECT format('%I.%I', schemaname, sequencename), coalesce(last_value::text, 'unused') FROM pg_sequences ORDER BY 1
"""
_SESSION = (
    "SET TimeZone = 'UTC'",
    "SET DateStyle = 'ISO, YMD'",
    "SET IntervalStyle = 'postgres'",
    "SET bytea_output = 'hex'",
    "SET extra_float_digits = 1",
)


class _Hash:
    """A file for COPY that hashes what is written to it, and counts the lines."""

    def __init__(self) -> None:
        self._sha = hashlib.sha256()
        self.lines = 0

    def write(self, data: bytes) -> int:
        self._sha.update(data)
        self.lines += data.count(b"\n")
        return len(data)

    def hexdigest(self) -> str:
        return self._sha.hexdigest()


def hash_rows(url: DatabaseUrl) -> str:
    """List each table with its row count and the SHA-256 of its rows, and each sequence with its last value.

    Rows are hashed as COPY prints them, sorted by their text.
    """
    arguments: dict[str, Any] = {**url.connect_arguments()}
    connection = psycopg2.connect(**arguments)
    lines = []
    try:
        with connection.cursor() as cursor:
            for setting in _SESSION:
                cursor.execute(setting)
            cursor.execute(_TABLES)
            for schema, table in cursor.fetchall():
                name = f'"{schema}"."{table}"'
                hashed = _Hash()
                cursor.copy_expert(
                    f'COPY (SELECT * FROM ONLY {name} AS t ORDER BY (t.*)::text COLLATE "C") TO STDOUT', hashed
                )
                lines.append(f"{schema}.{table}\t{hashed.lines}\t{hashed.hexdigest()}")
            cursor.execute(_SEQUENCES)
            lines += [f"sequence {name}\t{value}" for name, value in cursor.fetchall()]
    finally:
        connection.close()
    return "\n".join(lines)


def record_projects(folder: Path) -> None:
    """Draft, migrate, seed and serve each project with the commands, with two seeds each."""
    results = Folder(folder)
    with run_temporary_server(find_binaries()) as server, command_server() as commands:
        for source in SOURCES:
            with _temporary_folder() as root:
                _record_project(results, source.name, source.write(root), server, commands, is_served=source.is_served)
        with _temporary_folder() as root, reference_copy(root) as project:
            (root / "seeds/testing.py").write_bytes((root / "seeds/development.py").read_bytes())
            project.write("seeds/testing.lock", lock_of(SEEDS_OF["testing"]))
            _record_project(results, "reference", project, server, commands, is_served=True)


def _record_project(
    results: Folder, name: str, project: Project, server: TemporaryServer, commands: CommandServer, *, is_served: bool
) -> None:
    shadow = {"SHADOW_DATABASE_URL": server.url().reveal()}
    if not project.revisions():
        with fresh_database(server) as database:
            variables = {**shadow, "DATABASE_URL": database.url.reveal()}
            draft = ("migrate", "draft", "-m", "Create tables", "--plain")
            commands.json(*draft, folder=project.root, variables=variables)
        (first,) = (project.root / "migrations/versions").glob("*.py")
        text, _ = normalize_revision(first.read_text(encoding="utf-8"), [])
        results.write(f"drafts/projects/{name}.py.txt", text)
    for environment, seed_ in SEEDS_OF.items():
        with fresh_database(server, Environment(environment)) as database:
            variables = {**shadow, "DATABASE_URL": database.url.reveal(), "SEEDBED_ENV": environment}
            run_command = partial(commands.json, folder=project.root, variables=variables)
            run_command("migrate", "apply")
            planned = run_command("seed", "plan")
            run_command("seed", "check", "--accept")
            checked = run_command("seed", "check")
            loaded = run_command("seed", "run")
            results.write(f"rows/{name}-{seed_}.tsv", hash_rows(database.direct))
            if is_served and environment == "development":
                with service(project.root, database.url, SEEDBED_ENV=environment) as served:
                    document = served.get("/openapi.json").body
                results.write_json(f"openapi/{name}.json", document, sort_keys=False)
        digests = {"plan": _digest(planned), "check": _digest(checked), "run": _digest(loaded)}
        results.write_json(f"digests/{name}-{seed_}.json", digests)
        for command, printed in (("seed plan", planned), ("seed check", checked)):
            kept = _without_digests(printed)
            value = {"command": command, "exit": 0, "output": kept, "errors": []}
            results.write_json(f"json/{command.replace(' ', '-')}-of-{name}-{seed_}.json", value)


_DIGEST = re.compile(r"\b[0-9a-f]{16}\b")


def _digest(printed: Any) -> str:
    """Find Seedbed's digest in what a command printed."""
    found = {value for value in printed.values() if isinstance(value, str) and _DIGEST.fullmatch(value)}
    assert len(found) == 1, f"one digest expected, found {sorted(found)}"
    return str(found.pop())


def _without_digests(printed: Any) -> Any:
    return {
        key: "<digest>" if isinstance(value, str) and _DIGEST.fullmatch(value) else value
        for key, value in printed.items()
    }


def record_random(folder: Path, count: int) -> None:
    """Seed random schemas, which Hypothesis draws from a fixed seed, with two seeds each."""
    results = Folder(folder)
    drawn: list[tuple[MetaData, int]] = []

    @seed(16)
    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(metadata=schemas(), rows=st.sampled_from([7, 40, 260]))
    def draw(metadata: MetaData, rows: int) -> None:
        drawn.append((metadata, rows))

    draw()
    with (
        run_temporary_server(find_binaries()) as server,
        _temporary_folder() as root,
        little_project(root, "") as project,
    ):
        for number, (metadata, rows) in enumerate(drawn):
            project.write("seeds/development.py", f"def plan(seeds):\n    seeds.rest({rows})\n")
            for seed_ in SEEDS_OF.values():
                project.write("seeds/development.lock", lock_of(seed_))
                rows_text = _seed_random(project, server, metadata)
                results.write(f"rows/random/{number:03}-{seed_}.tsv", f"{_describe(metadata)}\n{rows_text}")


def _seed_random(project: Project, server: TemporaryServer, metadata: MetaData) -> str:
    schema = Schema(metadata, {})
    with fresh_database(server) as database:
        with connect(database) as connection:
            create_schema(connection, schema)
        try:
            load_seeds(plan(project.settled, schema, Environment.DEVELOPMENT), database, revision=None)
        except SeedbedError as error:
            return f"refused {error.code}"
        return hash_rows(database.direct)


def _describe(metadata: MetaData) -> str:
    """Hash the tables themselves, to tell a different schema from different rows."""
    dialect: Dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    text = "".join(str(CreateTable(table).compile(dialect=dialect)) for table in metadata.sorted_tables)
    return f"schema\t{hashlib.sha256(text.encode()).hexdigest()}"


@contextmanager
def _temporary_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="seedbed-baseline-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)
