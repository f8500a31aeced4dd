"""The seeds file of an environment: its tables, their numbers of rows and the rules for their columns."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import module_from_spec
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from sqlalchemy import Column, inspect

from seedbed.errors import InvalidSeedsFile, SeedsFileNotFound
from seedbed.schema import Schema, find_failing_line, format_location
from seedbed.schema.loader import redirect_stdout_to_stderr
from seedbed.seeding.api.rules import Derived, FakerValues, Per, Rule, constant, get_calling_line
from seedbed.settings import Environment, Project


@dataclass(frozen=True)
class RowsPerParent:
    """Between `low` and `high` rows for each row of `parent`, which `column` refers to."""

    parent: str
    column: str
    low: int
    high: int
    exponent: float | None = None


@dataclass(eq=False)
class TableRequest:
    """A table of a seeds file: its number of rows, its rules, and its location in the file.

    With `allows_fewer`, the table gets as many rows as its unique columns allow. `attributes` maps attributes of the
    model to column names. With `is_partial`, only a few of the planned rows are made, so a rule may give a unique
    column one value.
    """

    table: str
    rows: int | RowsPerParent
    rules: Mapping[str, Rule]
    location: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    providers: tuple[type, ...] = ()
    explicit_rows: list[dict[str, Any]] = field(default_factory=list)
    allows_fewer: bool = False
    is_partial: bool = False


class AddedTable:
    """A planned table, to which explicit rows can be added."""

    def __init__(self, request: TableRequest, model: str) -> None:
        self._request, self._model = request, model

    def known(self, **columns: Any) -> "AddedTable":
        """Add an explicit row with some of its columns: `.known(email="ada@example.com")`. The first call is row 1."""
        for name in columns:
            if name not in self._request.attributes:
                raise ValueError(f"{self._model} has no column {name}")
        self._request.explicit_rows.append({self._request.attributes[name]: value for name, value in columns.items()})
        return self


class Seeds:
    """The argument of a seeds file's `plan(seeds)`, which collects the planned tables."""

    def __init__(self, schema: Schema, root: Path) -> None:
        self._schema = schema
        self._keys = {model: key for key, model in schema.classes.items()}
        self._root = root
        self._providers: list[type] = []
        self.requests: list[TableRequest] = []

    def provider(self, provider: type) -> None:
        """Add a Faker provider of your own, for all of this file's tables."""
        self._providers.append(provider)
        for request in self.requests:
            request.providers = tuple(self._providers)

    def add(self, model: type[Any], rows: int | Per, **columns: Any) -> AddedTable:
        """Plan rows of a table; a keyword fills that column by a rule, or with a plain value in every row."""
        key = self._find_table_key(model)
        attributes = _map_attributes(model)
        for name in columns:
            if name not in attributes:
                raise ValueError(f"{model.__name__} has no column {name}")
        if any(wanted.table == key for wanted in self.requests):
            raise ValueError(f"{model.__name__} is planned twice")
        if isinstance(rows, bool) or not isinstance(rows, int | Per) or (isinstance(rows, int) and rows < 0):
            raise ValueError(f"{model.__name__}: the number of rows is {rows!r}, and neither a number nor per(...)")
        rules = {attributes[name]: self._make_rule(value) for name, value in columns.items()}
        row_count = rows if isinstance(rows, int) else self._resolve_rows_per_parent(model, rows)
        location = format_location(self._root, *get_calling_line())
        request = TableRequest(key, row_count, rules, location, attributes, tuple(self._providers))
        self.requests.append(request)
        return AddedTable(request, model.__name__)

    def rest(self, rows: int) -> None:
        """Plan so many rows of every table that is not planned yet, or as many as its unique columns allow."""
        location = format_location(self._root, *get_calling_line())
        planned = {wanted.table for wanted in self.requests}
        for table in self._schema.tables:
            model = self._schema.classes.get(table.key)
            if table.key not in planned:
                names = {str(c.name): str(c.name) for c in table.columns} if model is None else _map_attributes(model)
                self.requests.append(
                    TableRequest(table.key, rows, {}, location, names, tuple(self._providers), allows_fewer=True)
                )

    def _make_rule(self, value: Any) -> Rule:
        if isinstance(value, FakerValues | Derived):
            return replace(value, location=format_location(self._root, *value.caller))
        return value if isinstance(value, Rule) else constant(value)

    def _find_table_key(self, model: type[Any]) -> str:
        if model not in self._keys:
            raise ValueError(
                f"{getattr(model, '__name__', model)} is no table of the schema{self._suggest_base_class(model)}"
            )
        return self._keys[model]

    def _suggest_base_class(self, model: type[Any]) -> str:
        """Say which class to plan instead of one that shares the table of its base class."""
        above = next((other for other in getattr(model, "__mro__", ()) if other in self._keys), None)
        mapper = inspect(model, raiseerr=False)
        if above is None or mapper is None or not isinstance(mapper.polymorphic_on, Column):
            return ""
        identity = getattr(mapper.polymorphic_identity, "value", mapper.polymorphic_identity)
        column = mapper.polymorphic_on.name
        return f": it shares that of {above.__name__}; add({above.__name__}, ..., {column}={identity!r})"

    def _resolve_rows_per_parent(self, model: type[Any], per: Per) -> RowsPerParent:
        parent = self._find_table_key(per.parent)
        for column in inspect(model).local_table.columns:
            leading = [key for key in column.foreign_keys if key.column.table.key == parent]
            if leading:
                first = min(leading, key=lambda key: key.target_fullname).constraint.elements[0].parent
                return RowsPerParent(parent, str(first.name), per.low, per.high, per.exponent)
        raise ValueError(f"{model.__name__} has no foreign key to {per.parent.__name__}, so it has no rows per one")


def read_seeds(project: Project, schema: Schema, environment: Environment) -> list[TableRequest]:
    """Run `plan(seeds)` of seeds/<environment>.py, and return the tables that it plans.

    Raises:
        SeedsFileNotFound: there is no such file.
        InvalidSeedsFile: it raised, or has no such function.
    """
    file = project.seeds / f"{environment}.py"
    if not file.is_file():
        raise SeedsFileNotFound(environment, file)
    seeds = Seeds(schema, project.root)
    try:
        module = _load_module(file, environment)
        if not callable(getattr(module, "plan", None)):
            raise InvalidSeedsFile(str(file.relative_to(project.root)), "It has no function plan(seeds).")
        with redirect_stdout_to_stderr():
            module.plan(seeds)
    except InvalidSeedsFile:
        raise
    except (Exception, SystemExit) as error:
        raise InvalidSeedsFile(find_failing_line(project.root, error), f"{type(error).__name__}: {error}") from error
    return seeds.requests


def _map_attributes(model: type[Any]) -> dict[str, str]:
    """Map attributes to column names, for a class and for the subclasses that share its table."""
    mapper = inspect(model)
    attributes: dict[str, str] = {}
    for inheriting in mapper.self_and_descendants:
        if inheriting.local_table is mapper.local_table:
            for attribute in inheriting.column_attrs:
                for column in attribute.columns:
                    if getattr(column, "table", None) is inheriting.local_table:
                        attributes.setdefault(attribute.key, str(column.name))
    return attributes


def _load_module(file: Path, environment: Environment) -> ModuleType:
    name = f"seedbed_seeds_{environment}"
    loader = _Uncached(name, str(file))
    spec = ModuleSpec(name, loader, origin=str(file))
    spec.has_location = True  # so that it has a __file__, to find others by
    module = module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pickle look a class's module up there
    with redirect_stdout_to_stderr():
        loader.exec_module(module)
    return module


class _Uncached(SourceFileLoader):
    """Ignores cached bytecode. Python misses an edit within a second that keeps the length, such as 10 to 20."""

    def get_code(self, fullname: str) -> CodeType:  # noqa: ARG002 - imported modules alone have another name
        return self.source_to_code(self.get_data(self.path), self.path)
