"""The PostgreSQL servers that this machine has, so that tests run on each major version."""

from pathlib import Path

from seedbed.postgres.embedded import Binaries, find_binaries


def installed() -> list[Binaries]:
    """The PostgreSQL that is found, and one of another major version where this machine has one."""
    found = find_binaries()
    others = [
        other
        for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"))
        if (other := Binaries.in_folder(folder, str(folder))) is not None and other.major != found.major
    ]
    return [found, *others[-1:]]
