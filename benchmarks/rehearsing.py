"""The time for which a rehearsal says a table is locked, against what a real run on the same rows is seen to lock."""

import argparse
import statistics
import threading
import time
from collections.abc import Mapping
from pathlib import Path

import psycopg2

from benchmarks.harness import machine, table
from benchmarks.places import SEEDBED, create_database, places, run
from seedbed.migrations.apply.plan import plan_upgrade
from seedbed.migrations.apply.upgrade import apply
from seedbed.migrations.hazards.rehearsal import rehearse
from seedbed.postgres.database import Database
from seedbed.postgres.embedded import EmbeddedServer, find_binaries
from seedbed.settings import Configuration, find_project, load_configuration

STATEMENTS: Mapping[str, str] = {
    "an index, not concurrently": "CREATE INDEX ix_title ON task (title)",
    "an index of text, backwards": "CREATE INDEX ix_note ON task (reverse(note))",
    "a unique key": "ALTER TABLE task ADD CONSTRAINT uq UNIQUE (code)",
    "a foreign key, validated": "ALTER TABLE task ADD CONSTRAINT fk FOREIGN KEY (account_id) REFERENCES account",
    "a check, validated": "ALTER TABLE task ADD CONSTRAINT ck CHECK (length(title || note) > points - 1000)",
    "NOT NULL after a scan": "ALTER TABLE task ALTER COLUMN note SET NOT NULL",
    "a type, rewritten": "ALTER TABLE task ALTER COLUMN points TYPE numeric(12, 2)",
    "a default that differs by row": "ALTER TABLE task ADD COLUMN token uuid NOT NULL DEFAULT gen_random_uuid()",
    "rows updated before an ALTER": "ALTER TABLE task ADD COLUMN seen int; UPDATE task SET seen = points",
}
ROWS = """
CREATE TABLE account (id bigint PRIMARY KEY);
CREATE TABLE task (id bigint PRIMARY KEY, title text, code text, note text, points int, account_id bigint);
INSERT INTO account SELECT generate_series(1, {rows} / 10);
INSERT INTO task SELECT n, 'title ' || n, 'code-' || n, 'note ' || n, n % 100, 1 + n % ({rows} / 10)
FROM generate_series(1, {rows}) n;
"""
_NOTICED = 0.1
_BLOCKS_WRITES = ("ShareLock", "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock")
_LOCKED = """
SELECT count(*) FROM pg_locks WHERE relation = 'task'::regclass AND granted AND mode = ANY (%s)
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    print(f"{machine()}\nPostgreSQL {find_binaries().version}, {find_binaries().source}\n")
    with places() as made:
        root = made.project()
        run(root, SEEDBED, "db", "start")
        configuration = load_configuration(find_project(root))
        server = EmbeddedServer.from_configuration(configuration)
        server.ensure_owner_role()
        create_database(server, "base")
        _write(root, "first", None, "SELECT 1")
        base = _database(server, configuration, "base")
        apply(configuration.project, base)
        _execute(server, "base", ROWS.format(rows=options.rows))
        _execute(server, "base", "VACUUM ANALYZE")
        rows = []
        for name, statement in STATEMENTS.items():
            _write(root, "second", "first", statement)
            said, seen = [], []
            for turn in range(options.rounds):
                said.append(_rehearsed(configuration, base))
                seen.append(_applied(server, configuration, f"real_{turn}"))
            rows.append(_row(name, said, seen))
        table(("locked against writes", "rehearsed", "min..max", "real", "min..max", "ratio of medians", ""), rows)


def _row(name: str, said: list[float], seen: list[float]) -> tuple[str, ...]:
    ratio = statistics.median(said) / statistics.median(seen)
    short = "too short to count" if statistics.median(seen) < _NOTICED else ""
    return (name, *_written(said), *_written(seen), f"{ratio:.2f}", short)


def _written(seconds: list[float]) -> tuple[str, str]:
    low, middle, high = (value * 1000 for value in (min(seconds), statistics.median(seconds), max(seconds)))
    return f"{middle:.0f} ms", f"{low:.0f}..{high:.0f}"


def _rehearsed(configuration: Configuration, base: Database) -> float:
    found = rehearse(configuration, base, plan_upgrade(configuration.project, base))
    return max((one.seconds for one in found.blocked if one.table == "task"), default=0.0)


def _applied(server: EmbeddedServer, configuration: Configuration, name: str) -> float:
    """Apply on a copy while another session looks, every two milliseconds, whether the table is locked."""
    create_database(server, name, template="base")
    over, held = threading.Event(), [0.0]

    def look() -> None:
        connection = psycopg2.connect(server.owner_url(name).reveal())
        connection.autocommit = True
        begun = None
        with connection.cursor() as cursor:
            while not over.wait(0.002):
                cursor.execute(_LOCKED, (list(_BLOCKS_WRITES),))
                locked = cursor.fetchone() != (0,)
                begun = begun or time.monotonic() if locked else None
                held[0] = max(held[0], time.monotonic() - begun if begun else 0.0)
        connection.close()

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        apply(configuration.project, _database(server, configuration, name))
    finally:
        over.set()
        watcher.join()
    with server.admin_cursor() as cursor:
        cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")
    return held[0]


def _database(server: EmbeddedServer, configuration: Configuration, name: str) -> Database:
    url = server.owner_url(name)
    return Database(url, url, configuration.environment, configuration.get_origin("DATABASE_URL"), server)


def _execute(server: EmbeddedServer, name: str, statements: str) -> None:
    connection = psycopg2.connect(server.owner_url(name).reveal())
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(statements)
    connection.close()


def _write(root: Path, name: str, follows: str | None, statements: str) -> None:
    versions = root / "migrations" / "versions"
    if follows is None:
        for file in versions.glob("*.py"):
            file.unlink()
    steps = "".join(f"    op.execute({statement.strip()!r})\n" for statement in statements.split(";"))
    (versions / f"{name}.py").write_text(
        f"from alembic import op\n\nrevision = {name!r}\ndown_revision = {follows!r}\n\n\n"
        f"def upgrade():\n{steps}\n\ndef downgrade():\n    raise RuntimeError('no way back')\n",
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()
