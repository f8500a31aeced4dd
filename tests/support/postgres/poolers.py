"""PgBouncer before a test's server."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg2

from seedbed.settings import DatabaseUrl
from tests.support.patience import PATIENCE

PGBOUNCER = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")


@contextmanager
def pgbouncer(server: DatabaseUrl, **settings: object) -> Iterator[DatabaseUrl]:
    """In transaction mode, in a folder that the account it runs as may enter."""
    assert PGBOUNCER is not None
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    folder = Path(tempfile.mkdtemp(prefix="seedbed-pgbouncer-"))
    folder.chmod(0o755)
    users, written = folder / "users.txt", folder / "pgbouncer.ini"
    users.write_text(f'"{server.username}" "{server.password}"\n')
    more = "".join(f"{name}={value}\n" for name, value in settings.items())
    written.write_text(
        f"[databases]\n* = host=127.0.0.1 port={server.port}\n[pgbouncer]\nlisten_addr=127.0.0.1\nlisten_port={port}\n"
        f"auth_type=plain\nauth_file={users}\npool_mode=transaction\nunix_socket_dir=\n{more}"
    )
    options: dict[str, Any] = {}
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        for path in (folder, users, written):
            os.chown(path, nobody.pw_uid, nobody.pw_gid)
        options = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    process = subprocess.Popen([PGBOUNCER, "--quiet", written], cwd=folder, stderr=subprocess.DEVNULL, **options)
    url = DatabaseUrl(server.username, server.password, "127.0.0.1", str(port), server.database)
    try:
        _await(url)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=10)
        shutil.rmtree(folder)


def _await(url: DatabaseUrl) -> None:
    until = time.monotonic() + PATIENCE
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
