"""A connection pooler recognised, and refused where locks and settings would leak."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from seedbed.errors import PoolerRefused
from seedbed.postgres.databases import Database, refuse_pooler
from seedbed.postgres.embedded import ThrowawayServer
from seedbed.settings import DatabaseUrl, Environment, Origin
from seedbed.settings.sources import Kind

PGBOUNCER = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
ORIGIN = Origin(Kind.PROCESS, "DATABASE_URL in the process's environment")


def database(url: DatabaseUrl) -> Database:
    return Database(url, url, Environment.DEVELOPMENT, ORIGIN)


@pytest.fixture
def pooler(seedbed_server: ThrowawayServer, tmp_path: Path) -> Iterator[DatabaseUrl]:
    """A PgBouncer in transaction mode before the test server."""
    if PGBOUNCER is None:
        pytest.skip("pgbouncer is not installed here; CI installs it")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    server = seedbed_server.url()
    folder = tmp_path / "pgbouncer"
    folder.mkdir()
    users = folder / "users.txt"
    users.write_text(f'"{server.username}" "{server.password}"\n')
    settings = folder / "pgbouncer.ini"
    settings.write_text(
        f"[databases]\n* = host=127.0.0.1 port={server.port}\n[pgbouncer]\nlisten_addr=127.0.0.1\nlisten_port={port}\n"
        f"auth_type=plain\nauth_file={users}\npool_mode=transaction\nunix_socket_dir=\n"
    )
    options: dict[str, Any] = {}
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        for path in (folder, users, settings):
            os.chown(path, nobody.pw_uid, nobody.pw_gid)
        for parent in (tmp_path, *tmp_path.parents):
            if parent == Path(tempfile.gettempdir()):
                break
            parent.chmod(0o755)
        options = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    process = subprocess.Popen([PGBOUNCER, "--quiet", settings], cwd=folder, stderr=subprocess.PIPE, **options)
    url = DatabaseUrl(server.username, server.password, "127.0.0.1", str(port), "postgres")
    try:
        _await(url)
        yield url
    finally:
        process.terminate()
        process.communicate(timeout=10)


def _await(url: DatabaseUrl) -> None:
    until = time.monotonic() + 10
    arguments: dict[str, Any] = {**url.connect_arguments()}
    while True:
        try:
            psycopg2.connect(**arguments).close()
        except psycopg2.OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)
        else:
            return


class TestRefusePooler:
    def test_lets_a_direct_connection_pass(self, seedbed_server: ThrowawayServer) -> None:
        refuse_pooler(database(seedbed_server.url()))

    def test_recognises_pgbouncer_by_the_backend_it_invents(self, pooler: DatabaseUrl) -> None:
        with pytest.raises(PoolerRefused) as refused:
            refuse_pooler(database(pooler))

        assert str(refused.value).startswith(f"127.0.0.1:{pooler.port}/postgres (DATABASE_URL")

    def test_takes_a_url_that_was_set_as_unpooled_at_its_word(self, pooler: DatabaseUrl) -> None:
        refuse_pooler(database(pooler), taken_at_its_word=True)

    def test_recognises_neons_pooler_by_its_host(self) -> None:
        url = DatabaseUrl("app", "secret", "ep-cool-1-pooler.eu-central-1.aws.neon.tech", None, "shop")

        with pytest.raises(PoolerRefused):
            refuse_pooler(database(url), taken_at_its_word=True)

    def test_asks_nothing_of_neons_direct_host(self) -> None:
        url = DatabaseUrl("app", "secret", "ep-cool-1.eu-central-1.aws.neon.tech", None, "shop")

        refuse_pooler(database(url))
