"""A branch made on the embedded server, beside CREATE DATABASE itself with each of its strategies."""

import argparse
import os
import shutil
import statistics
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg2
from psycopg2.extensions import cursor as Cursor  # noqa: N812 - a type, whatever its author called it

from benchmarks.harness import Contender, machine, race, report
from seedbed.branching.lifecycle import create_branch
from seedbed.branching.local.provider import LocalBranches
from seedbed.postgres.clone import supports_reflink
from seedbed.postgres.connection import autocommit_cursor
from seedbed.postgres.database import resolve_database
from seedbed.postgres.embedded import EmbeddedServer
from seedbed.settings import Configuration, find_project, load_configuration

ROOT = Path(__file__).parents[1]
SEEDBED = "seedbed branch"
WAL_UP_TO = 500
"""Megabytes; more of WAL takes longer than anybody would wait for it."""

FILL = (
    "CREATE TABLE filler (id bigint, body text STORAGE plain)",
    "INSERT INTO filler SELECT i, repeat(md5(i::text), 62) FROM generate_series(1, {megabytes} * 512) i",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, nargs="+", default=[8, 500, 2000], help="sizes of the parents")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--xfs", action="store_true", help="on an XFS that is mounted for it, which only root may do")
    chosen = parser.parse_args()
    print(machine())
    with reflinking(sum(chosen.megabytes) * 3) if chosen.xfs else usual() as folder:
        configuration = load_configuration(find_project(ROOT), "development", environ={"SEEDBED_DATA_DIR": str(folder)})
        server = EmbeddedServer.from_configuration(configuration)
        server.ensure_running()
        try:
            compare(configuration, server, chosen.megabytes, chosen.rounds)
        finally:
            server.stop()


def compare(configuration: Configuration, server: EmbeddedServer, sizes: list[int], rounds: int) -> None:
    branches = LocalBranches(server, configuration)
    database = resolve_database(configuration)
    sharing = supports_reflink(server.directory)
    with server.admin_cursor() as cursor:
        cursor.execute("SHOW server_version")
        version = (cursor.fetchone() or [""])[0]
        print(f"PostgreSQL {version}, a file system that shares {'blocks' if sharing else 'no blocks'}\n")
        for size in sizes:
            create_branch(branches, f"of-{size}")
            if size > sizes[0]:
                url = branches.url(f"of-{size}").connect_arguments()
                with autocommit_cursor(psycopg2.connect(**url)) as filling:  # type: ignore[call-overload]
                    for statement in FILL:
                        filling.execute(statement.format(megabytes=size))
            cursor.execute("SELECT datname FROM pg_database WHERE datname LIKE %s", (f"%of\\_{size}\\_%",))
            parent = str((cursor.fetchone() or [database.name])[0])
            ways = ["file_copy", *(["clone"] if sharing else []), *(["wal_log"] if size <= WAL_UP_TO else [])]
            contenders = {
                f"CREATE DATABASE, {way}": Contender(raw(cursor, parent, way), settled(cursor), dropping(cursor))
                for way in ways
            }
            contenders[SEEDBED] = Contender(
                lambda size=size: create_branch(branches, "copy", parent=f"of-{size}"),  # type: ignore[misc]
                settled(cursor),
                lambda: branches.delete("copy"),
            )
            seconds = race(contenders, rounds=rounds)
            best = min(list(contenders)[:-1], key=lambda name: statistics.median(seconds[name]))
            report(f"a copy of {size:,} MB", seconds, against=best)
            over = [(s - r) * 1000 for s, r in zip(seconds[SEEDBED], seconds[best], strict=True)]
            print(f"over {best} in the same round: {statistics.median(over):.0f} ms\n")
            branches.delete(f"of-{size}")


def raw(cursor: Cursor, parent: str, way: str) -> Callable[[], None]:
    method, strategy = ("clone", "file_copy") if way == "clone" else ("copy", way)

    def create() -> None:
        cursor.execute("SELECT set_config('file_copy_method', %s, false)", (method,))
        cursor.execute(f'CREATE DATABASE raw TEMPLATE "{parent}" STRATEGY {strategy}')

    return create


def settled(cursor: Cursor) -> Callable[[], None]:
    """What was written before is on disk, as with a database that has been there for a while."""
    return lambda: cursor.execute("CHECKPOINT")


def dropping(cursor: Cursor) -> Callable[[], None]:
    return lambda: cursor.execute("DROP DATABASE raw")


@contextmanager
def usual() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="seedbed-branching-") as folder:
        Path(folder).chmod(0o711)
        yield Path(folder) / "server"


@contextmanager
def reflinking(megabytes: int) -> Iterator[Path]:
    """An XFS in a file, mounted for the length of a block."""
    if os.geteuid() != 0 or shutil.which("mkfs.xfs") is None:
        raise SystemExit("It is mounted by root alone, and made by mkfs.xfs of the package xfsprogs: nothing was run.")
    with tempfile.TemporaryDirectory(prefix="seedbed-branching-") as folder:
        Path(folder).chmod(0o711)
        image, mounted = Path(folder) / "image", Path(folder) / "xfs"
        mounted.mkdir()
        with image.open("wb") as file:
            file.truncate((megabytes + 4000) << 20)
        subprocess.run(["mkfs.xfs", "-q", "-m", "reflink=1", image], check=True)
        subprocess.run(["mount", "-o", "loop", image, mounted], check=True)
        try:
            yield mounted / "server"
        finally:
            subprocess.run(["umount", mounted], check=True)


if __name__ == "__main__":
    main()
