"""Ten ordinary changes applied under load, as Seedbed drafts and applies them and as Alembic does by itself."""

import argparse
import shutil
import statistics
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg2

from benchmarks.harness import machine, table
from benchmarks.load import Load, Waits
from benchmarks.places import ALEMBIC, ROOT, SEEDBED, create_database, environment, places, run
from seedbed.migrations.history.revisions import read_history
from seedbed.postgres.embedded import EmbeddedServer, find_binaries
from seedbed.settings import find_project, load_configuration

FIRST = "two tables"
HEAD = """
from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, DateTime, Identity, Index, Text, UniqueConstraint, func, text
from sqlmodel import Field

from schema.base import Table

metadata = Table.metadata


class Account(Table, table=True):
    id: int | None = Field(default=None, primary_key=True, sa_type=BigInteger, sa_column_args=[Identity()])


class Task(Table, table=True):
"""
COLUMNS = {
    "id": "int | None = Field(default=None, primary_key=True, sa_type=BigInteger, sa_column_args=[Identity()])",
    "title": "str = Field(sa_type=Text)",
    "code": "str = Field(sa_type=Text)",
    "note": "str | None = Field(default=None, sa_type=Text)",
    "points": "int",
    "account_id": "int = Field(sa_type=BigInteger)",
}
CHANGES: Sequence[tuple[str, dict[str, str], Sequence[str]]] = (
    ("an index", {"title": "str = Field(sa_type=Text, index=True)"}, ()),
    ("a foreign key", {"account_id": 'int = Field(sa_type=BigInteger, foreign_key="account.id")'}, ()),
    ("a column that may no longer be NULL", {"note": "str = Field(sa_type=Text)"}, ()),
    ("a check", {}, ("CheckConstraint('points >= 0', name='positive')",)),
    ("a column with a default", {"open": 'bool = Field(sa_column_kwargs={"server_default": text("true")})'}, ()),
    ("a unique key", {}, ("UniqueConstraint('code')",)),
    (
        "a column with a default that differs by row",
        {"token": 'UUID = Field(sa_column_kwargs={"server_default": func.gen_random_uuid()})'},
        (),
    ),
    ("an index of two columns", {}, ("Index('ix_task_account_points', 'account_id', 'points')",)),
    (
        "a column without a default",
        {"due": "datetime | None = Field(default=None, sa_type=DateTime(timezone=True))"},
        (),
    ),
    ("an index less", {"title": COLUMNS["title"]}, ()),
)
ROWS = """
INSERT INTO account SELECT FROM generate_series(1, {rows} / 10);
INSERT INTO task (title, code, note, points, account_id)
SELECT 'title ' || n, 'code-' || n, 'note ' || n, n % 100, 1 + n % ({rows} / 10) FROM generate_series(1, {rows}) n;
ANALYZE;
"""
OWN_ENV = """
from alembic import context
from sqlalchemy import create_engine

from schema import metadata

url = context.get_x_argument(as_dictionary=True)["url"]
with create_engine(url).connect() as connection:
    context.configure(connection=connection, target_metadata=metadata, autogenerate_plugins=[
        "alembic.autogenerate.*", "alembic.ext.checkconstraint_byname"])
    with context.begin_transaction():
        context.run_migrations()
"""


OURS, THEIRS = "seedbeds", "alembics"
Words = Sequence[str | Path]


@dataclass(frozen=True)
class Contender:
    """What is applied to a copy of a filled database: the folder and the command, told the copy's URL."""

    name: str
    base: str
    command: Callable[[str], tuple[Path, Words]] | None


@dataclass(frozen=True)
class Outcome:
    """The longest that any client waited in a round, and how long applying took; in seconds."""

    waits: Waits
    took: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--hold", type=float, default=5.0, help="seconds for which a reader keeps its locks")
    options = parser.parse_args()
    print(f"{machine()}\nPostgreSQL {find_binaries().version}, {find_binaries().source}\n")
    with places() as made:
        ours, theirs = _seedbed_project(made.project()), _alembic_project(made.fresh())
        run(ours, SEEDBED, "db", "start")
        server = EmbeddedServer.from_configuration(load_configuration(find_project(ours)))
        server.ensure_owner_role()
        create_database(server, "drafts")
        _draft(ours, theirs, _url(server, "drafts"))
        contenders = (
            Contender("nothing applied", _base(server, ours, options.rows, OURS), None),
            Contender("seedbed migrate apply", OURS, lambda url: (ours, _with(url, SEEDBED, "migrate", "apply"))),
            Contender(
                "alembic upgrade, its own drafts",
                _base(server, theirs, options.rows, THEIRS),
                lambda url: (theirs, _alembic(url, "upgrade", "head")),
            ),
        )
        found: dict[str, list[Outcome]] = {one.name: [] for one in contenders}
        for turn in range(options.rounds):
            for one in contenders:
                found[one.name].append(_tried(server, one, f"round_{turn}", options.rows, options.hold))
        head = ("20 clients", "longest wait", "min..max", "99.9 % within", "failed", "applied in")
        table(head, [_row(name, outcomes) for name, outcomes in found.items()])


def _tried(server: EmbeddedServer, one: Contender, database: str, rows: int, hold: float) -> Outcome:
    create_database(server, database, template=one.base)
    url = _url(server, database)
    with Load(url, rows=rows, hold=hold) as work:
        took = work.beside(None if one.command is None else _started(*one.command(url)))
    with server.admin_cursor() as cursor:
        cursor.execute(f"DROP DATABASE {database} WITH (FORCE)")
    return Outcome(work.waits(), took)


def _row(name: str, outcomes: Sequence[Outcome]) -> Sequence[str]:
    longest = [one.waits.longest for one in outcomes]
    return (
        name,
        f"{statistics.median(longest):.2f} s",
        f"{min(longest):.2f}..{max(longest):.2f} s",
        f"{statistics.median(one.waits.nearly_all for one in outcomes) * 1000:.0f} ms",
        str(sum(one.waits.failed for one in outcomes)),
        f"{statistics.median(one.took for one in outcomes):.1f} s",
    )


def _tables(changes: Sequence[tuple[str, dict[str, str], Sequence[str]]]) -> str:
    columns, arguments = dict(COLUMNS), list[str]()
    for _, changed, added in changes:
        columns.update(changed)
        arguments += added
    given = f"    __table_args__ = ({', '.join(arguments)},)\n" if arguments else ""
    return HEAD + given + "".join(f"    {name}: {said}\n" for name, said in columns.items())


def _draft(ours: Path, theirs: Path, drafts: str) -> None:
    """Draft the beginning and each change with both."""
    for done in range(len(CHANGES) + 1):
        said = FIRST if done == 0 else CHANGES[done - 1][0]
        for root in (ours, theirs):
            (root / "schema" / "__init__.py").write_text(_tables(CHANGES[:done]), encoding="utf-8")
        run(ours, SEEDBED, "migrate", "draft", "-m", said)
        run(theirs, *_alembic(drafts, "revision", "--autogenerate", "-m", said, "--rev-id", f"r{done:02}"))
        run(theirs, *_alembic(drafts, "upgrade", "head"))


def _seedbed_project(root: Path) -> Path:
    for folder in ("migrations/versions", "seeds", "schema"):
        shutil.rmtree(root / folder)
        (root / folder).mkdir()
    (root / "migrations" / "head").unlink(missing_ok=True)
    shutil.copy2(ROOT / "schema" / "base.py", root / "schema" / "base.py")
    return root


def _alembic_project(root: Path) -> Path:
    for folder in ("migrations/versions", "schema"):
        (root / folder).mkdir(parents=True)
    for file in ("migrations/script.py.mako", "schema/base.py"):
        shutil.copy2(ROOT / file, root / file)
    (root / "migrations" / "env.py").write_text(OWN_ENV, encoding="utf-8")
    ini = "[alembic]\nscript_location = migrations\nprepend_sys_path = .\n"
    (root / "alembic.ini").write_text(ini, encoding="utf-8")
    return root


def _base(server: EmbeddedServer, root: Path, rows: int, name: str) -> str:
    """The tables of the first revision, filled."""
    create_database(server, name)
    url = _url(server, name)
    if name == OURS:
        first = read_history(find_project(root)).revisions[0].id
        run(root, *_with(url, ALEMBIC, "upgrade", first))
    else:
        run(root, *_alembic(url, "upgrade", "r00"))
    connection = psycopg2.connect(url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(ROWS.format(rows=rows))
        cursor.execute("VACUUM ANALYZE")
    connection.close()
    return name


def _alembic(url: str, *words: str) -> Words:
    return (ALEMBIC, "-x", f"url={url.replace('postgresql://', 'postgresql+psycopg2://')}", *words)


def _with(url: str, *command: str | Path) -> Words:
    return ("env", f"DATABASE_URL={url}", *command)


def _started(root: Path, command: Words) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(command, cwd=root, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def _url(server: EmbeddedServer, database: str) -> str:
    return server.owner_url(database).reveal()


if __name__ == "__main__":
    main()
