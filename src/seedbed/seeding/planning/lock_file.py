"""The lock file of an environment's seeds: what determines their rows, and digests of these."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from seedbed.errors import InvalidSeedsFile
from seedbed.settings import Environment, Project
from seedbed.settings.atomic_files import write_atomically

ENGINE = 4
"""The version of the mapping from seed to values. It changes only when rows made from an old seed would change."""

_SEED_LIMIT = 2**63
"""A seed is stored as a bigint."""


@dataclass(frozen=True)
class Lock:
    """`engine`, `seed` and `as_of` make the rows; `as_of` is the only clock. The rest says what they were made with,
    and is empty until it was written down.
    """

    engine: int
    seed: int
    as_of: datetime
    content: str = ""
    revision: str = ""
    faker: str = ""
    pools: Mapping[str, str] = field(default_factory=dict)


def read_lock(project: Project, environment: Environment, *, as_of: datetime | None = None) -> Lock:
    """Read seeds/<environment>.lock; where there is none, seed 1, and today as the end of all times.

    Raises:
        InvalidSeedsFile: the file is not what Seedbed wrote, or of a later engine.
    """
    file = get_lock_path(project, environment)
    if not file.exists():
        return Lock(ENGINE, 1, as_of or get_today())
    place = str(file.relative_to(project.root))
    try:
        values = tomllib.loads(file.read_text(encoding="utf-8"))
        lock = Lock(
            int(values["engine"]),
            int(values["seed"]),
            values["as_of"],
            str(values.get("content", "")),
            str(values.get("revision", "")),
            str(values.get("faker", "")),
            {str(name): str(digest) for name, digest in values.get("pools", {}).items()},
        )
    except KeyError as error:
        raise InvalidSeedsFile(place, f"It has no {error.args[0]}.") from error
    except (tomllib.TOMLDecodeError, ValueError, TypeError, AttributeError, OSError) as error:
        raise InvalidSeedsFile(place, f"It cannot be read: {error}") from error
    if lock.engine != ENGINE:
        message = f"It is of engine {lock.engine}, and this version of Seedbed makes rows by engine {ENGINE}"
        raise InvalidSeedsFile(
            place, f"{message}: write engine = {ENGINE} for those, or keep the version that wrote it."
        )
    if not 0 <= lock.seed < _SEED_LIMIT:
        raise InvalidSeedsFile(place, f"seed is not between 0 and {_SEED_LIMIT - 1}.")
    if not isinstance(lock.as_of, datetime) or lock.as_of.tzinfo is None:
        raise InvalidSeedsFile(place, "as_of is not a time with a zone.")
    return replace(lock, as_of=as_of or lock.as_of)


def write_lock(project: Project, environment: Environment, lock: Lock) -> None:
    """Write an environment's lock file."""
    lines = [
        "# Written by Seedbed. Commit it: the same lock and the same seeds generate the same rows.",
        f"engine = {lock.engine}",
        f"seed = {lock.seed}",
        f"as_of = {lock.as_of.isoformat()}",
        "",
        "# `seedbed seed check` compares these.",
        f'content = "{lock.content}"',
        f'revision = "{lock.revision}"',
        f'faker = "{lock.faker}"',
        "",
        "[pools]",
        *(f"{_quote(name)} = {_quote(digest)}" for name, digest in sorted(lock.pools.items())),
    ]
    write_atomically(get_lock_path(project, environment), "\n".join(lines) + "\n")


def get_lock_path(project: Project, environment: Environment) -> Path:
    return project.seeds / f"{environment}.lock"


def get_today() -> datetime:
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def _quote(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
