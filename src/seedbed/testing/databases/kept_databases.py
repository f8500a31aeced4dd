"""Databases of tests that failed, kept to be looked into after the run."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from seedbed.errors import NoKeptDatabase
from seedbed.postgres.embedded import ThrowawayServer
from seedbed.testing.databases.server_access import Host, drop


@dataclass(frozen=True)
class Kept:
    """A database, by the test that failed in it. `given` says that it is on a server that was given."""

    name: str
    test: str
    given: bool


def write_kept(base: Path, kept: list[Kept]) -> None:
    document = [{"name": one.name, "test": one.test, "given": one.given} for one in kept]
    (base / "kept.json").write_text(json.dumps(document), encoding="utf-8")


def add_kept(base: Path, kept: Kept) -> None:
    """Write down one more, on a server that was given."""
    write_kept(base, [*(one for one in _read(base) if one.given), kept])


def read_kept(base: Path, wanted: str = "") -> Kept:
    """The one that is called so, or the last.

    Raises:
        NoKeptDatabase: there is none.
    """
    found = _read(base)
    for one in reversed(found):
        if wanted in {"", one.name, one.test}:
            return one
    raise NoKeptDatabase(wanted or None, [one.name for one in found])


def keep_data(server: ThrowawayServer, base: Path, kept: list[Kept]) -> None:
    """Stop a run's server and put its data aside with the kept databases alone, in the place of an earlier run's."""
    with Host.embedded(server, "").administration() as cursor:
        cursor.execute("SELECT datname FROM pg_database WHERE datname NOT IN ('postgres', 'template0', 'template1')")
        for (name,) in cursor.fetchall():
            if name not in {one.name for one in kept}:
                cursor.execute("UPDATE pg_database SET datistemplate = false WHERE datname = %s", (name,))
                drop(cursor, name)
    building = base / "kept.new"
    shutil.rmtree(building, ignore_errors=True)
    server.keep(building)
    shutil.rmtree(base / "kept", ignore_errors=True)
    building.rename(base / "kept")
    write_kept(base, kept)


def _read(base: Path) -> list[Kept]:
    try:
        document = json.loads((base / "kept.json").read_text(encoding="utf-8"))
        return [Kept(one["name"], one["test"], one["given"]) for one in document]
    except (OSError, ValueError, TypeError, KeyError):
        return []
