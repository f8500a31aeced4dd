"""The PostgreSQL servers that this machine has, so that tests run on each major version."""

import shutil
import subprocess
import time
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

from seedbed.postgres.embedded import Binaries, TemporaryServer, find_binaries
from tests.support.patience import PATIENCE
from tests.support.projects import execute


def installed() -> list[Binaries]:
    """The PostgreSQL that is found, and one of another major version where this machine has one."""
    found = find_binaries()
    others = [
        other
        for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"))
        if (other := Binaries.from_directory(folder, str(folder))) is not None
        and other.major_version != found.major_version
    ]
    return [found, *others[-1:]]


def each_major() -> list[ParameterSet]:
    """Parameters for a fixture: what is `installed`, and a skip in the place of another major version that is not."""
    found = [pytest.param(binaries, id=f"pg{binaries.major_version}") for binaries in installed()]
    missing = pytest.mark.skip(reason="no other major version of PostgreSQL in /usr/lib/postgresql")
    return found if len(found) > 1 else [*found, pytest.param(None, id="pg-other", marks=missing)]


def psql_works() -> bool:
    """Debian's /usr/bin/psql is there without a PostgreSQL behind it, and says so when it is run."""
    program = shutil.which("psql")
    return (
        program is not None and subprocess.run([program, "--version"], capture_output=True, check=False).returncode == 0
    )


needs_psql = pytest.mark.skipif(not psql_works(), reason="no psql on this machine, and none beside the embedded server")


def shadows(server: TemporaryServer, *, but: str = "") -> set[str]:
    """The temporary databases that stay, `but` among them: those of tests beside this one, on the same server, go."""

    def there() -> set[str]:
        found = execute(server.url(), "SELECT datname FROM pg_database WHERE datname LIKE 'seedbed\\_shadow\\_%'")
        return {name for (name,) in found}

    left, until = there(), time.monotonic() + PATIENCE
    while left - {but} and time.monotonic() < until:
        time.sleep(0.05)
        left &= there()
    return left
