"""A seeds file and its lock, read from the project: which tables, how many rows, and from which seed."""

import importlib.util
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

from sqlmodel import SQLModel

from seedbed.errors import SeedsNotFound, SeedsNotUsable
from seedbed.modelling import Schema, failing_place
from seedbed.seeding.values import Choice, Constant, FakerValues, Per, Rule, constant
from seedbed.settings import Environment, Project

ENGINE = 1
"""The version of the mapping from seed to values. It changes only when rows made from an old seed would change."""


@dataclass(frozen=True)
class Wanted:
    """One table of a seeds file: its rows, and the columns whose filling the user chose."""

    table: str
    rows: int | Per
    rules: Mapping[str, Rule]


@dataclass(frozen=True)
class Lock:
    """What makes the same seeds give the same rows next year. `as_of` is the only clock: no value is later."""

    engine: int
    seed: int
    as_of: datetime


class Seeds:
    """What a seeds file's `plan(seeds)` is given to write its wishes on."""

    def __init__(self, schema: Schema) -> None:
        self._keys = {model: key for key, model in schema.models.items()}
        self.wanted: list[Wanted] = []

    def add(self, model: type[SQLModel], rows: int | Per, **columns: Any) -> None:
        """Plan rows of a table; a keyword fills that column by a rule, or with a plain value in every row."""
        if model not in self._keys:
            raise ValueError(f"{model.__name__} is no table of the schema")
        key = self._keys[model]
        names = set(model.__table__.columns.keys())  # type: ignore[attr-defined]
        for name in columns:
            if name not in names:
                raise ValueError(f"{model.__name__} has no column {name}")
        if any(wanted.table == key for wanted in self.wanted):
            raise ValueError(f"{model.__name__} is planned twice")
        rules = {name: value if isinstance(value, Rule) else constant(value) for name, value in columns.items()}
        self.wanted.append(Wanted(key, rows, rules))


def read_seeds(project: Project, schema: Schema, environment: Environment) -> list[Wanted]:
    """Run `plan(seeds)` of seeds/<environment>.py, and return what it asked for.

    Raises:
        SeedsNotFound: there is no such file.
        SeedsNotUsable: it raised, or has no such function.
    """
    file = project.seeds / f"{environment}.py"
    if not file.is_file():
        raise SeedsNotFound(environment, file)
    seeds = Seeds(schema)
    try:
        module = _module(file, environment)
        if not callable(getattr(module, "plan", None)):
            raise SeedsNotUsable(str(file), "It has no function plan(seeds).")
        module.plan(seeds)
    except SeedsNotUsable:
        raise
    except Exception as error:
        raise SeedsNotUsable(failing_place(project.root, error), f"{type(error).__name__}: {error}") from error
    return seeds.wanted


def read_lock(project: Project) -> Lock:
    """Read seeds/seeds.lock, written first where it is missing: with seed 1, and today as the end of all times.

    Raises:
        SeedsNotUsable: the file is not what Seedbed wrote, or of a later engine.
    """
    file = project.seeds / "seeds.lock"
    if not file.exists():
        _write_lock(file, Lock(ENGINE, 1, datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)))
    try:
        values = tomllib.loads(file.read_text(encoding="utf-8"))
        lock = Lock(int(values["engine"]), int(values["seed"]), values["as_of"])
    except (tomllib.TOMLDecodeError, KeyError, ValueError, TypeError) as error:
        raise SeedsNotUsable(str(file), f"It cannot be read: {error}") from error
    if lock.engine != ENGINE:
        raise SeedsNotUsable(str(file), f"It is of engine {lock.engine}; this version of Seedbed has {ENGINE}.")
    if not isinstance(lock.as_of, datetime) or lock.as_of.tzinfo is None:
        raise SeedsNotUsable(str(file), "as_of is not a time with a zone.")
    return lock


def _write_lock(file: Path, lock: Lock) -> None:
    file.write_text(
        "# Written by Seedbed and kept in version control: the same lock and seeds give the same rows.\n"
        f"engine = {lock.engine}\nseed = {lock.seed}\nas_of = {lock.as_of.isoformat()}\n",
        encoding="utf-8",
    )


def _module(file: Path, environment: Environment) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"seedbed_seeds_{environment}", file)
    if spec is None or spec.loader is None:
        raise SeedsNotUsable(str(file), "It cannot be imported.")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


__all__ = ["ENGINE", "Choice", "Constant", "FakerValues", "Lock", "Seeds", "Wanted", "read_lock", "read_seeds"]
