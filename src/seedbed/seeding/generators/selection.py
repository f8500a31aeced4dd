"""Chooses the generator of each column: by its rule, else by its keys, its name and its type."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from sqlalchemy import Column
from sqlalchemy.sql.schema import ScalarElementColumnDefault

from seedbed.errors import NoGenerator
from seedbed.seeding.analysis.column_roles import SECRETS
from seedbed.seeding.analysis.timestamp_names import names_change, names_creation, names_deletion
from seedbed.seeding.api.rules import Choice, Constant, Derived, FakerValues, FromFile, Rule, Same, Template
from seedbed.seeding.core.batch import Batch, Numbers
from seedbed.seeding.core.column_types import MOMENTS, get_stored_type
from seedbed.seeding.core.faker_pool import FakerPools
from seedbed.seeding.core.random_stream import Stream
from seedbed.seeding.core.type_registry import TYPES, Generator
from seedbed.seeding.generators.by_type import series_values
from seedbed.seeding.generators.class_columns import discriminator, limited
from seedbed.seeding.generators.column_generator import (
    ColumnGenerator,
    ColumnRequest,
    add_nulls,
    check_nulls,
    generate_choice,
    generate_constant,
    make_shortage,
)
from seedbed.seeding.generators.datetimes import times
from seedbed.seeding.generators.entities.currency import currency
from seedbed.seeding.generators.entities.person import Person, person, persons
from seedbed.seeding.generators.entities.place import Place, place, places
from seedbed.seeding.generators.file_columns import from_file
from seedbed.seeding.generators.numbers import booleans, clock_times, decimals, floats, integers
from seedbed.seeding.generators.range_endpoints import range_endpoint
from seedbed.seeding.generators.row_functions import derived, from_template
from seedbed.seeding.generators.text.faker_values import from_faker
from seedbed.seeding.generators.text.text_columns import texts
from seedbed.seeding.generators.uuids import uuids
from seedbed.seeding.resolution.cardinality import RowDistribution
from seedbed.seeding.resolution.references import Reference, make_reference, make_references
from seedbed.seeding.resolution.resolved_table import ResolvedTable, describe_rows_per_parent
from seedbed.seeding.resolution.scheduling.slots import Slots

_CURRENCY = re.compile(r"^currency(_code)?$")
_EMPTY, _RARE, _MOSTLY_EMPTY = 0.2, 0.5, 0.9
"""How many rows leave a nullable column NULL: an ordinary one, a time of something that may not have happened, and one
that says that a row is gone.
"""


@dataclass(frozen=True, eq=False)
class GeneratorSources:
    """What the generators of a table have in common: Faker's pools, its timetables, and whom its columns are about."""

    table: ResolvedTable
    pools: FakerPools
    slots: tuple[Slots, ...]

    @cached_property
    def persons(self) -> Mapping[str, Person]:
        """The columns that are of a person, each with whom it is of."""
        return persons(self.table, self.pools)

    @cached_property
    def places(self) -> Mapping[str, Place]:
        """The columns that say where a row is, each with its place."""
        return places(self.table)


def generator_sources(table: ResolvedTable, pools: FakerPools) -> GeneratorSources:
    return GeneratorSources(table, pools, tuple(Slots(table, columns) for columns in table.uniqueness.slots))


def column_generator(
    sources: GeneratorSources, name: str, stream: Stream, *, named: bool = True
) -> ColumnGenerator | None:
    """What fills a column; None where it is left to the database. It is NULL in rows of a class that lacks it.

    Unless `named`, the column's name neither narrows numbers nor says how often it is NULL.

    Raises:
        NoGenerator, TooFewUniqueValues: a column can be neither filled nor left out.
    """
    table = sources.table
    made = _unlimited(sources, table.get_column(name), stream, named=named)
    return made if made is None or table.inheritance is None or name in table.rules else limited(table, made)


def _unlimited(
    sources: GeneratorSources, column: Column[Any], stream: Stream, *, named: bool
) -> ColumnGenerator | None:
    table, name = sources.table, str(column.name)
    rule = table.rules.get(name)
    unique = name in table.uniqueness.columns
    combination = table.uniqueness.find_combination(name)
    request = ColumnRequest(table, sources.pools, column, stream, unique, uses_name=named)
    if unique and table.uniqueness.columns[name] == "within" and (spread := table.distribution) is not None:
        request = replace(request, get_places=spread.find_offsets, place_count=spread.largest)
    if combination is not None and name in combination.columns:
        request = replace(
            request,
            is_unique=True,
            get_places=lambda rows: table.find_combined_positions(name, rows),
            place_count=table.count_possible_values(name),
        )
    if rule is not None and not isinstance(rule, Same):
        return _by_rule(request, rule)
    if table.inheritance is not None and name == table.inheritance.discriminator and table.inheritance.identities:
        return discriminator(request)
    slots = next((one for one in sources.slots if name in {one.span.start, one.span.end}), None)
    if slots is not None:
        return range_endpoint(slots, request)
    key = table.find_key(name)
    if key is not None:
        return _key_generator(make_reference(table, key), name)
    constraints = table.value_constraints[name]
    optional = bool(column.nullable) and not constraints.not_null and not column.primary_key and combination is None
    if column.foreign_keys and optional:
        return generate_constant(column, None, ", as nothing it could refer to is planned")
    if optional and SECRETS.search(name):
        return generate_constant(column, None, ", as a secret")
    if name in table.uniqueness.first and (spread := table.distribution) is not None:
        return _first_only(table, name, spread)
    if name in table.uniqueness.never:
        return generate_constant(column, False, ", as only one of a parent's may be true")
    inferred = (
        _by_values(request)
        or person(request, sources.persons)
        or currency(request)
        or place(request, sources.places)
        or _inherited(request)
        or _by_type(request)
    )
    if inferred is None:
        return _unmade(table, column)
    if not optional or (named and (names_creation(name) or names_change(name))):
        return inferred
    share = _MOSTLY_EMPTY if names_deletion(name) else _RARE if request.column_type.name in MOMENTS else _EMPTY
    return add_nulls(inferred, stream, share if named else _RARE)


def _key_generator(reference: Reference, column: str) -> ColumnGenerator:
    """Fill a column with the keys of the rows that are referred to."""
    key, parent = reference.key, reference.parent
    shown = parent.name if key.is_planned else f"{parent.name} that is there"
    words = key.source or _share_or_once(reference)
    article = "an" if shown[:1].lower() in "aeio" else "a"
    source = f"{article} {shown}{', ' + words if words else ''}"
    return ColumnGenerator(column, source, lambda rows: reference.read_keys(column, reference.find_parents(rows)))


def _share_or_once(reference: Reference) -> str:
    """How many rows there are for each row of the parent."""
    table, key = reference.table, reference.key
    if table.row_count.was_read and key.name == table.rows_per_parent_key:
        return describe_rows_per_parent(table)
    return "each once" if key.is_unique else ""


def _by_rule(request: ColumnRequest, rule: Rule) -> ColumnGenerator:
    match rule:
        case Constant(value):
            if (
                request.is_unique
                and value is not None
                and request.required_count > 1
                and not request.table.request.is_partial
            ):
                return make_shortage(request, 1)
            check_nulls(request, [value], "a rule of the seeds")
            return generate_constant(request.column, value)
        case Choice(values, weights):
            check_nulls(request, [v for v, weight in zip(values, weights, strict=True) if weight], "choice(...)")
            return generate_choice(request, values, weights)
        case FakerValues():
            return from_faker(request, rule)
        case Template(text):
            return from_template(request, text)
        case Derived():
            return derived(request, rule)
        case FromFile():
            return from_file(request, rule)
    raise AssertionError(rule)


def _by_values(request: ColumnRequest) -> ColumnGenerator | None:
    """One of the values that a Literal, an IN list or an equality leaves."""
    values = request.table.value_constraints[request.name].values
    if values is None:
        return None
    return generate_choice(request, values, reason=", as the model says")


def _inherited(request: ColumnRequest) -> ColumnGenerator | None:
    """Copy a currency from the parent row: an order line has the currency of its order."""
    name = request.name
    if not _CURRENCY.search(name) or request.is_unique:
        return None
    of = next((one for one in make_references(request.table) if _tells(one, request)), None)
    if of is None:
        return None
    return ColumnGenerator(name, f"its {of.parent.name}'s", lambda rows: of.parent.take(name, of.find_parents(rows)))


def _tells(of: Reference, request: ColumnRequest) -> bool:
    """Whether the row that a key refers to has the same column."""
    if of.is_self_reference or of.key.is_loaded_later or of.key.is_nullable:
        return False
    return of.parent.get_type(request.name) == request.column_type


def _by_type(request: ColumnRequest) -> ColumnGenerator | None:
    """What fills a column by its type alone; None where nothing does."""
    known = TYPES.get(request.column_type.name)
    return (
        series_values(request)
        if known is None or known.generator == "series"
        else _GENERATORS[known.generator](request)
    )


def _labels(request: ColumnRequest) -> ColumnGenerator:
    enum = getattr(get_stored_type(request.column), "enum_class", None)
    return generate_choice(request, list(enum) if enum is not None else list(request.column_type.labels))


_GENERATORS: Mapping[Generator, Callable[[ColumnRequest], ColumnGenerator]] = {
    "boolean": booleans, "decimal": decimals, "enum": _labels, "float": floats, "integer": integers, "moment": times,
    "text": texts, "time of day": clock_times, "uuid": uuids,
}  # fmt: skip


def _first_only(table: ResolvedTable, name: str, spread: RowDistribution) -> ColumnGenerator:
    def make(rows: range) -> Batch:
        return Numbers(None, (spread.find_offsets(rows) == 0).astype("int64"), table.get_type(name))

    return ColumnGenerator(name, f"true in the first row of each {spread.parent}", make)


def _unmade(table: ResolvedTable, column: Column[Any]) -> ColumnGenerator | None:
    """Fill a column of an unknown type with its default, else NULL, else raise."""
    if column.server_default is not None or column.identity is not None:
        return None
    if isinstance(column.default, ScalarElementColumnDefault):
        return generate_constant(column, column.default.arg, ", its default")
    if column.nullable:
        return generate_constant(column, None, f", as nothing makes {get_stored_type(column)}")
    raise NoGenerator(table.name, column.name, str(get_stored_type(column)))
