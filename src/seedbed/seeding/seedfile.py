"""A seeds file and its lock, read from the project: which tables, how many rows, and from which seed."""

import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import module_from_spec
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from sqlalchemy import inspect
from sqlmodel import SQLModel

from seedbed.errors import SeedsNotFound, SeedsNotUsable
from seedbed.modelling import Schema, failing_place, place_in
from seedbed.seeding.values import FakerValues, Per, Rule, calling_line, constant
from seedbed.settings import Environment, Project

ENGINE = 1
"""The version of the mapping from seed to values. It changes only when rows made from an old seed would change."""

_SEEDS = 2**63
"""A seed is written down as a bigint."""


@dataclass(frozen=True)
class Share:
    """Between `low` and `high` rows for each row of a parent, which a column of the table refers to."""

    parent: str
    column: str
    low: int
    high: int


@dataclass(frozen=True)
class Wanted:
    """One table of a seeds file: its rows, the columns whose filling the user chose, and where it stands."""

    table: str
    rows: int | Share
    rules: Mapping[str, Rule]
    place: str


@dataclass(frozen=True)
class Lock:
    """What makes the same seeds give the same rows next year. `as_of` is the only clock: no value is later."""

    engine: int
    seed: int
    as_of: datetime


class Seeds:
    """What a seeds file's `plan(seeds)` is given to write its wishes on."""

    def __init__(self, schema: Schema, root: Path) -> None:
        self._keys = {model: key for key, model in schema.models.items()}
        self._root = root
        self.wanted: list[Wanted] = []

    def add(self, model: type[SQLModel], rows: int | Per, **columns: Any) -> None:
        """Plan rows of a table; a keyword fills that column by a rule, or with a plain value in every row."""
        key = self._key(model)
        names = {attribute.key: str(attribute.columns[0].name) for attribute in inspect(model).column_attrs}
        for name in columns:
            if name not in names:
                raise ValueError(f"{model.__name__} has no column {name}")
        if any(wanted.table == key for wanted in self.wanted):
            raise ValueError(f"{model.__name__} is planned twice")
        if isinstance(rows, bool) or not isinstance(rows, int | Per) or (isinstance(rows, int) and rows < 0):
            raise ValueError(f"{model.__name__}: the number of rows is {rows!r}, and neither a number nor per(...)")
        rules = {names[name]: self._rule(value) for name, value in columns.items()}
        wished = rows if isinstance(rows, int) else self._share(model, rows)
        self.wanted.append(Wanted(key, wished, rules, place_in(self._root, *calling_line())))

    def _rule(self, value: Any) -> Rule:
        if isinstance(value, FakerValues):
            return replace(value, place=place_in(self._root, *value.line))
        return value if isinstance(value, Rule) else constant(value)

    def _key(self, model: type[SQLModel]) -> str:
        if model not in self._keys:
            raise ValueError(f"{getattr(model, '__name__', model)} is no table of the schema")
        return self._keys[model]

    def _share(self, model: type[SQLModel], per: Per) -> Share:
        parent = self._key(per.parent)
        for column in inspect(model).local_table.columns:
            if any(key.column.table.key == parent for key in column.foreign_keys):
                return Share(parent, str(column.name), per.low, per.high)
        raise ValueError(f"{model.__name__} has no foreign key to {per.parent.__name__}, so it has no rows per one")


def read_seeds(project: Project, schema: Schema, environment: Environment) -> list[Wanted]:
    """Run `plan(seeds)` of seeds/<environment>.py, and return what it asked for.

    Raises:
        SeedsNotFound: there is no such file.
        SeedsNotUsable: it raised, or has no such function.
    """
    file = project.seeds / f"{environment}.py"
    if not file.is_file():
        raise SeedsNotFound(environment, file)
    seeds = Seeds(schema, project.root)
    try:
        module = _module(file, environment)
        if not callable(getattr(module, "plan", None)):
            raise SeedsNotUsable(str(file.relative_to(project.root)), "It has no function plan(seeds).")
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
    place = str(file.relative_to(project.root))
    try:
        if not file.exists():
            today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
            _write_lock(file, Lock(ENGINE, 1, today))
        values = tomllib.loads(file.read_text(encoding="utf-8"))
        lock = Lock(int(values["engine"]), int(values["seed"]), values["as_of"])
    except KeyError as error:
        raise SeedsNotUsable(place, f"It has no {error.args[0]}.") from error
    except (tomllib.TOMLDecodeError, ValueError, TypeError, OSError) as error:
        raise SeedsNotUsable(place, f"It cannot be read: {error}") from error
    if lock.engine != ENGINE:
        raise SeedsNotUsable(place, f"It is of engine {lock.engine}; this version of Seedbed has {ENGINE}.")
    if not 0 <= lock.seed < _SEEDS:
        raise SeedsNotUsable(place, f"seed is not between 0 and {_SEEDS - 1}.")
    if not isinstance(lock.as_of, datetime) or lock.as_of.tzinfo is None:
        raise SeedsNotUsable(place, "as_of is not a time with a zone.")
    return lock


def _write_lock(file: Path, lock: Lock) -> None:
    file.write_text(
        "# Written by Seedbed and kept in version control: the same lock and seeds give the same rows.\n"
        f"engine = {lock.engine}\nseed = {lock.seed}\nas_of = {lock.as_of.isoformat()}\n",
        encoding="utf-8",
    )


def _module(file: Path, environment: Environment) -> ModuleType:
    name = f"seedbed_seeds_{environment}"
    loader = _Uncached(name, str(file))
    module = module_from_spec(ModuleSpec(name, loader, origin=str(file)))
    sys.modules[name] = module  # dataclasses and pickle look a class's module up there
    loader.exec_module(module)
    return module


class _Uncached(SourceFileLoader):
    """Python takes a file changed within a second, to the same length, for the one it compiled: 10 rows for 20."""

    def get_code(self, fullname: str) -> CodeType:  # noqa: ARG002 - imported modules alone have another name
        return self.source_to_code(self.get_data(self.path), self.path)
