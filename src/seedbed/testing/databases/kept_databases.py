"""Databases of tests that failed, kept to be looked into after the run."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from seedbed.errors import NoKeptDatabase
from seedbed.postgres.embedded import ThrowawayServer
from seedbed.testing.databases.server_access import ServerAccess, drop_database


@dataclass(frozen=True)
class KeptDatabase:
    """A database, by the test that failed in it. `on_given_server` says that it is on a server that was given."""

    name: str
    test: str
    on_given_server: bool


def write_kept(base: Path, kept: list[KeptDatabase]) -> None:
    document = [{"name": one.name, "test": one.test, "given": one.on_given_server} for one in kept]
    (base / "kept.json").write_text(json.dumps(document), encoding="utf-8")


def add_kept(base: Path, kept: KeptDatabase) -> None:
    """Write down one more, on a server that was given."""
    write_kept(base, [*(one for one in _read(base) if one.on_given_server), kept])


def read_kept(base: Path, name_or_test: str = "") -> KeptDatabase:
    """The one that is called so, or the last.

    Raises:
        NoKeptDatabase: there is none.
    """
    found = _read(base)
    for one in reversed(found):
        if name_or_test in {"", one.name, one.test}:
            return one
    raise NoKeptDatabase(name_or_test or None, [one.name for one in found])


def keep_data(server: ThrowawayServer, base: Path, kept: list[KeptDatabase]) -> None:
    """Stop a run's server and put its data aside with the kept databases alone, in the place of an earlier run's."""
    with ServerAccess.from_embedded(server, "").open_admin_cursor() as cursor:
        cursor.execute("SELECT datname FROM pg_database WHERE datname NOT IN ('postgres', 'template0', 'template1')")
        for (name,) in cursor.fetchall():
            if name not in {one.name for one in kept}:
                cursor.execute("UPDATE pg_database SET datistemplate = false WHERE datname = %s", (name,))
                drop_database(cursor, name)
    building = base / "kept.new"
    shutil.rmtree(building, ignore_errors=True)
    server.keep(building)
    shutil.rmtree(base / "kept", ignore_errors=True)
    building.rename(base / "kept")
    write_kept(base, kept)


def _read(base: Path) -> list[KeptDatabase]:
    try:
        document = json.loads((base / "kept.json").read_text(encoding="utf-8"))
        return [KeptDatabase(one["name"], one["test"], one["given"]) for one in document]
    except (OSError, ValueError, TypeError, KeyError):
        return []
