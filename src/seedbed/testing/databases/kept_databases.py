"""Keep the databases of failed tests for inspection after the run."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from seedbed.errors import NoKeptDatabase
from seedbed.postgres.embedded import TemporaryServer
from seedbed.testing.databases.server_access import ServerAccess, drop_database


@dataclass(frozen=True)
class KeptDatabase:
    """The database of a failed test. `on_given_server` says that it is on the server of `--seedbed-url`."""

    name: str
    test: str
    on_given_server: bool


def write_kept(base: Path, kept: list[KeptDatabase]) -> None:
    document = [{"name": each.name, "test": each.test, "given": each.on_given_server} for each in kept]
    (base / "kept.json").write_text(json.dumps(document), encoding="utf-8")


def add_kept(base: Path, kept: KeptDatabase) -> None:
    """Record one more database on a given server."""
    write_kept(base, [*(each for each in _read(base) if each.on_given_server), kept])


def read_kept(base: Path, name_or_test: str = "") -> KeptDatabase:
    """Read the record of a kept database, by its name or its test's. Without a name, read the last one.

    Raises:
        NoKeptDatabase: no kept database matches.
    """
    known = _read(base)
    for each in reversed(known):
        if name_or_test in {"", each.name, each.test}:
            return each
    raise NoKeptDatabase(name_or_test or None, [each.name for each in known])


def keep_data(server: TemporaryServer, base: Path, kept: list[KeptDatabase]) -> None:
    """Stop a run's server and keep its data with only the kept databases, replacing those of an earlier run."""
    with ServerAccess.from_embedded(server, "").open_admin_cursor() as cursor:
        cursor.execute("SELECT datname FROM pg_database WHERE datname NOT IN ('postgres', 'template0', 'template1')")
        for (name,) in cursor.fetchall():
            if name not in {each.name for each in kept}:
                cursor.execute("UPDATE pg_database SET datistemplate = false WHERE datname = %s", (name,))
                drop_database(cursor, name)
    new_directory = base / "kept.new"
    shutil.rmtree(new_directory, ignore_errors=True)
    server.save(new_directory)
    shutil.rmtree(base / "kept", ignore_errors=True)
    new_directory.rename(base / "kept")
    write_kept(base, kept)


def _read(base: Path) -> list[KeptDatabase]:
    try:
        document = json.loads((base / "kept.json").read_text(encoding="utf-8"))
        return [KeptDatabase(each["name"], each["test"], each["given"]) for each in document]
    except (OSError, ValueError, TypeError, KeyError):
        return []
