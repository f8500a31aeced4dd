"""How each column is filled: by its rule in the seeds, else by its keys, its name and its type."""

import re
from typing import TYPE_CHECKING, Any

from sqlalchemy import Column
from sqlalchemy.sql.schema import ScalarElementColumnDefault

from seedbed.errors import TooFewUniqueValues, NoGenerator, InvalidSeedsFile
from seedbed.seeding.analysis.column_roles import SECRETS
from seedbed.seeding.analysis.timestamp_roles import is_when_changed, is_when_gone, is_when_made
from seedbed.seeding.api.rules import Choice, Constant, Derived, FakerValues, FromFile, Rule, Same, Template
from seedbed.seeding.core.batch import Batch, Numbers, objects
from seedbed.seeding.core.column_types import INTEGERS, MOMENTS, stored
from seedbed.seeding.core.random_stream import Stream
from seedbed.seeding.generators.by_type import others
from seedbed.seeding.generators.column_generator import Filling, Wish, check_nulls, chosen, constant, sometimes_empty
from seedbed.seeding.generators.datetimes import times
from seedbed.seeding.generators.entities.currency import currency
from seedbed.seeding.generators.entities.person import person
from seedbed.seeding.generators.entities.place import place
from seedbed.seeding.generators.faker_values import from_faker
from seedbed.seeding.generators.file_columns import from_file
from seedbed.seeding.generators.numbers import booleans, clock_times, decimals, floats, integers
from seedbed.seeding.generators.text.text_columns import texts
from seedbed.seeding.generators.uuids import uuids
from seedbed.seeding.resolution.cardinality import Spread
from seedbed.seeding.resolution.references import Reference
from seedbed.seeding.resolution.scheduling.range_endpoints import spanned

if TYPE_CHECKING:
    from seedbed.seeding.planning.table_plan import TablePlan

_CURRENCY = re.compile(r"^currency(_code)?$")
_EMPTY, _RARE, _MOSTLY_EMPTY = 0.2, 0.5, 0.9
"""How many rows leave a nullable column NULL: an ordinary one, a time of something that may not have happened, and one
that says that a row is gone.
"""


def filling(table: "TablePlan", column: Column[Any], stream: Stream, *, named: bool = True) -> Filling | None:
    """What fills a column; None where it is left to the database. It is NULL in rows of a class that lacks it."""
    made, inheritance = _filling(table, column, stream, named=named), table.inheritance
    return made if made is None or inheritance is None or column.name in table.rules else inheritance.limited(made)


def _filling(table: "TablePlan", column: Column[Any], stream: Stream, *, named: bool) -> Filling | None:
    """What fills a column; None where it is left to the database. Unless `named`, its name neither narrows
    numbers nor says how often it is NULL.

    Raises:
        NoGenerator, TooFewUniqueValues: a column can be neither filled nor left out.
    """
    name = str(column.name)
    rule = table.rules.get(name)
    unique = name in table.uniques.columns
    product = table.uniques.product_of(name)
    wish = Wish(table, column, stream, unique, named=named)
    if unique and table.uniques.columns[name] == "within" and table.spread is not None:
        spread = table.spread
        wish = Wish(table, column, stream, unique, spread.offsets, spread.largest)
    if product is not None and name in product.columns:
        wish = Wish(table, column, stream, True, lambda rows: product.places(name, rows), table.size(name))
    if rule is not None and not isinstance(rule, Same):
        return _by_rule(wish, rule)
    if table.inheritance is not None and name == table.inheritance.discriminator and table.inheritance.identities:
        return table.inheritance.filling(wish)
    slots = table.uniques.slots_of(name)
    if slots is not None:
        return spanned(slots, wish)
    reference = table.reference_of(name)
    if reference is not None:
        return reference.filling(name)
    facts = table.facts[name]
    optional = bool(column.nullable) and not facts.not_null and not column.primary_key and product is None
    if column.foreign_keys and optional:
        return constant(column, None, ", as nothing it could refer to is planned")
    if optional and SECRETS.search(name):
        return constant(column, None, ", as a secret")
    if name in table.uniques.first and table.spread is not None:
        return _first_only(table, name, table.spread)
    if name in table.uniques.never:
        return constant(column, False, ", as only one of a parent's may be true")
    inferred = _by_values(wish) or person(wish) or currency(wish) or place(wish) or _inherited(wish) or _by_type(wish)
    if inferred is None:
        return _unmade(table, column)
    if not optional or (named and (is_when_made(name) or is_when_changed(name))):
        return inferred
    share = _MOSTLY_EMPTY if is_when_gone(name) else _RARE if wish.kind.name in MOMENTS else _EMPTY
    return sometimes_empty(inferred, stream, share if named else _RARE)


def _by_rule(wish: Wish, rule: Rule) -> Filling:
    match rule:
        case Constant(value):
            if wish.unique and value is not None and wish.most > 1 and not wish.table.wish.few:
                raise TooFewUniqueValues(wish.table.name, wish.name, wish.most, 1)
            check_nulls(wish, [value], "a rule of the seeds")
            return constant(wish.column, value)
        case Choice(values, weights):
            check_nulls(wish, [v for v, weight in zip(values, weights, strict=True) if weight], "choice(...)")
            return chosen(wish, values, weights)
        case FakerValues():
            return from_faker(wish, rule)
        case Template(text):
            return _written(wish, text)
        case Derived():
            return _derived(wish, rule)
        case FromFile():
            return from_file(wish, rule)
    raise AssertionError(rule)


def _by_values(wish: Wish) -> Filling | None:
    """One of the values that a Literal, an IN list or an equality leaves."""
    values = wish.table.facts[wish.name].values
    if values is None:
        return None
    return chosen(wish, values, why=", as the model says")


def _inherited(wish: Wish) -> Filling | None:
    """A line's currency is its order's."""
    name = wish.name
    if not _CURRENCY.search(name) or wish.unique:
        return None
    of = next((reference for reference in wish.table.references if _tells(reference, wish)), None)
    if of is None:
        return None
    return Filling(name, f"its {of.parent.name}'s", lambda rows: of.parent.take(name, of.parents(rows)))


def _tells(reference: Reference, wish: Wish) -> bool:
    """Whether the row that a key refers to has the same column."""
    parent: Any = reference.parent
    if parent is wish.table or reference.late or reference.nullable or not hasattr(parent, "sql"):
        return False
    return wish.name in parent.fillings and parent.kinds[wish.name] == wish.kind


def _by_type(wish: Wish) -> Filling | None:
    kind = wish.kind
    if kind.name == "enum":
        enum = getattr(stored(wish.column), "enum_class", None)
        return chosen(wish, list(enum) if enum is not None else list(kind.labels))
    if kind.name in INTEGERS:
        return integers(wish)
    if kind.name in MOMENTS | {"date"}:
        return times(wish)
    if kind.is_text:
        return texts(wish)
    simple = {
        "bool": booleans, "numeric": decimals, "float4": floats, "float8": floats, "uuid": uuids, "time": clock_times,
        "interval": clock_times,
    }  # fmt: skip
    return simple[kind.name](wish) if kind.name in simple else others(wish)


def _first_only(table: "TablePlan", name: str, spread: Spread) -> Filling:
    def make(rows: range) -> Batch:
        return Numbers(None, (spread.offsets(rows) == 0).astype("int64"), table.kind(name))

    return Filling(name, f"true in the first row of each {spread.parent.name}", make)


def _unmade(table: "TablePlan", column: Column[Any]) -> Filling | None:
    """What is done with a type that no values are made for: its default, else NULL, else an error."""
    if column.server_default is not None or column.identity is not None:
        return None
    if isinstance(column.default, ScalarElementColumnDefault):
        return constant(column, column.default.arg, ", its default")
    if column.nullable:
        return constant(column, None, f", as nothing makes {stored(column)}")
    raise NoGenerator(table.name, column.name, str(stored(column)))


class Row:
    """One row, as `derive` and `template` see it."""

    __slots__ = ("_at", "_read", "i")

    def __init__(self, read: Any, at: int, i: int) -> None:
        self._read, self._at, self.i = read, at, i

    def __getattr__(self, name: str) -> Any:
        return self._read(name)[self._at]


class _NullInTemplate(Exception):
    """A column that a template names is NULL, and so is the whole, as it is where SQL concatenates texts."""


class _Named(dict[str, Any]):
    """A row's columns by their names, as `str.format_map` asks for them."""

    def __init__(self, row: Row) -> None:
        super().__init__()
        self._row = row

    def __missing__(self, name: str) -> Any:
        value = self._row.i + 1 if name == "i" else getattr(self._row, name)
        if value is None:
            raise _NullInTemplate
        return value


def _rows(table: "TablePlan", rows: range) -> list[Row]:
    kept: dict[str, list[Any]] = {}

    def read(name: str) -> list[Any]:
        if name not in kept:
            column = table.attributes.get(name, name)
            if column not in table.kinds:
                raise AttributeError(f"{table.name} has no column {name}")
            kept[name] = table.batch(column, rows).tolist()
        return kept[name]

    return [Row(read, at, i) for at, i in enumerate(rows)]


def _derived(wish: Wish, rule: Derived) -> Filling:
    def make(rows: range) -> Batch:
        try:
            return objects(map(rule.function, _rows(wish.table, rows)))
        except InvalidSeedsFile:
            raise
        except Exception as error:
            raise InvalidSeedsFile(rule.place, f"{wish.name}: {type(error).__name__}: {error}") from error

    return Filling(wish.name, "derived from its row", make)


def _written(wish: Wish, text: str) -> Filling:
    def written(row: Row) -> str | None:
        try:
            return text.format_map(_Named(row))
        except _NullInTemplate:
            return None

    def make(rows: range) -> Batch:
        try:
            return objects(map(written, _rows(wish.table, rows)))
        except (AttributeError, KeyError, ValueError, IndexError, TypeError) as error:
            raise InvalidSeedsFile(wish.table.place, f"template({text!r}): {error}") from error

    return Filling(wish.name, f"like {text}", make)
