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
from seedbed.seeding.analysis.timestamp_roles import names_change, names_creation, names_deletion
from seedbed.seeding.api.rules import Choice, Constant, Derived, FakerValues, FromFile, Rule, Same, Template
from seedbed.seeding.core.column_batch import Batch, Numbers
from seedbed.seeding.core.faker_pool import FakerPools
from seedbed.seeding.core.postgres_types import MOMENTS, get_stored_type
from seedbed.seeding.core.random_stream import Stream
from seedbed.seeding.core.type_registry import TYPES, Generator
from seedbed.seeding.generators.by_type import generate_series, generate_uuids
from seedbed.seeding.generators.column_generator import (
    ColumnGenerator,
    ColumnRequest,
    add_nulls,
    check_nulls,
    generate_choice,
    generate_constant,
    generate_discriminator,
    limit_to_classes,
    make_shortage,
)
from seedbed.seeding.generators.datetimes import generate_times
from seedbed.seeding.generators.entities.currency import generate_currency
from seedbed.seeding.generators.entities.person import Person, find_persons, generate_person
from seedbed.seeding.generators.entities.place import Place, find_places, generate_place
from seedbed.seeding.generators.numbers import (
    generate_booleans,
    generate_clock_times,
    generate_decimals,
    generate_floats,
    generate_integers,
)
from seedbed.seeding.generators.range_endpoints import generate_range_endpoint
from seedbed.seeding.generators.seed_rules import generate_derived, generate_from_file, generate_from_template
from seedbed.seeding.generators.text.faker_values import generate_from_faker
from seedbed.seeding.generators.text.text_columns import generate_texts
from seedbed.seeding.resolution.cardinality import RowDistribution
from seedbed.seeding.resolution.references import Reference, make_reference, make_references
from seedbed.seeding.resolution.resolved_table import ResolvedTable, describe_rows_per_parent
from seedbed.seeding.resolution.scheduling.slots import Slots

_CURRENCY = re.compile(r"^currency(_code)?$")
_NULL_FRACTION, _RARE_NULL_FRACTION, _DELETION_NULL_FRACTION = 0.2, 0.5, 0.9
"""How many rows leave a nullable column NULL: an ordinary one, a time of something that may not have happened, and one
that says that a row is gone.
"""


@dataclass(frozen=True, eq=False)
class GeneratorContext:
    """What the generators of a table share: Faker pools, timetables, and the persons and places it describes."""

    table: ResolvedTable
    pools: FakerPools
    slots: tuple[Slots, ...]

    @cached_property
    def persons(self) -> Mapping[str, Person]:
        """The columns that are of a person, each with whom it is of."""
        return find_persons(self.table, self.pools)

    @cached_property
    def places(self) -> Mapping[str, Place]:
        """The columns that say where a row is, each with its place."""
        return find_places(self.table)


def make_generator_sources(table: ResolvedTable, pools: FakerPools) -> GeneratorContext:
    return GeneratorContext(table, pools, tuple(Slots(table, columns) for columns in table.uniqueness.slots))


def make_column_generator(
    sources: GeneratorContext, name: str, stream: Stream, *, named: bool = True
) -> ColumnGenerator | None:
    """Choose the generator of a column, or None if the database fills it. It is NULL in rows of a class without it.

    Unless `named`, the column's name affects neither the range of numbers nor the share of NULLs.

    Raises:
        NoGenerator, TooFewUniqueValues: a column can be neither filled nor left out.
    """
    table = sources.table
    generator = _choose_generator(sources, table.get_column(name), stream, named=named)
    return (
        generator
        if generator is None or table.inheritance is None or name in table.rules
        else limit_to_classes(table, generator)
    )


def _choose_generator(
    sources: GeneratorContext, column: Column[Any], stream: Stream, *, named: bool
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
        return _generate_by_rule(request, rule)
    if table.inheritance is not None and name == table.inheritance.discriminator and table.inheritance.identities:
        return generate_discriminator(request)
    slots = next((one for one in sources.slots if name in {one.span.start, one.span.end}), None)
    if slots is not None:
        return generate_range_endpoint(slots, request)
    key = table.find_key(name)
    if key is not None:
        return _generate_key(make_reference(table, key), name)
    constraints = table.value_constraints[name]
    may_be_null = bool(column.nullable) and not constraints.not_null and not column.primary_key and combination is None
    if column.foreign_keys and may_be_null:
        return generate_constant(column, None, ", as nothing it could refer to is planned")
    if may_be_null and SECRETS.search(name):
        return generate_constant(column, None, ", as a secret")
    if name in table.uniqueness.first_row_flags and (spread := table.distribution) is not None:
        return _generate_first_row_flag(table, name, spread)
    if name in table.uniqueness.false_flags:
        return generate_constant(column, False, ", as only one of a parent's may be true")
    inferred = (
        _generate_by_values(request)
        or generate_person(request, sources.persons)
        or generate_currency(request)
        or generate_place(request, sources.places)
        or _copy_from_parent(request)
        or _generate_by_type(request)
    )
    if inferred is None:
        return _generate_default(table, column)
    if not may_be_null or (named and (names_creation(name) or names_change(name))):
        return inferred
    share = (
        _DELETION_NULL_FRACTION
        if names_deletion(name)
        else _RARE_NULL_FRACTION
        if request.column_type.name in MOMENTS
        else _NULL_FRACTION
    )
    return add_nulls(inferred, stream, share if named else _RARE_NULL_FRACTION)


def _generate_key(reference: Reference, column: str) -> ColumnGenerator:
    """Fill a column with keys of the parent rows."""
    key, parent = reference.key, reference.parent
    shown = parent.name if key.is_planned else f"{parent.name} that is there"
    words = key.source or _describe_cardinality(reference)
    article = "an" if shown[:1].lower() in "aeio" else "a"
    source = f"{article} {shown}{', ' + words if words else ''}"
    return ColumnGenerator(column, source, lambda rows: reference.read_keys(column, reference.find_parents(rows)))


def _describe_cardinality(reference: Reference) -> str:
    """How many rows there are for each row of the parent."""
    table, key = reference.table, reference.key
    if table.row_count.was_read and key.name == table.rows_per_parent_key:
        return describe_rows_per_parent(table)
    return "each once" if key.is_unique else ""


def _generate_by_rule(request: ColumnRequest, rule: Rule) -> ColumnGenerator:
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
            return generate_from_faker(request, rule)
        case Template(text):
            return generate_from_template(request, text)
        case Derived():
            return generate_derived(request, rule)
        case FromFile():
            return generate_from_file(request, rule)
    raise AssertionError(rule)


def _generate_by_values(request: ColumnRequest) -> ColumnGenerator | None:
    """Choose from the values that a Literal, an IN list or an equality allows."""
    values = request.table.value_constraints[request.name].values
    if values is None:
        return None
    return generate_choice(request, values, reason=", as the model says")


def _copy_from_parent(request: ColumnRequest) -> ColumnGenerator | None:
    """Copy a currency from the parent row: an order line has the currency of its order."""
    name = request.name
    if not _CURRENCY.search(name) or request.is_unique:
        return None
    reference = next((one for one in make_references(request.table) if _has_same_column(one, request)), None)
    if reference is None:
        return None
    return ColumnGenerator(
        name, f"its {reference.parent.name}'s", lambda rows: reference.parent.take(name, reference.find_parents(rows))
    )


def _has_same_column(reference: Reference, request: ColumnRequest) -> bool:
    """Whether the row that a key refers to has the same column."""
    if reference.is_self_reference or reference.key.is_loaded_later or reference.key.is_nullable:
        return False
    return reference.parent.get_type(request.name) == request.column_type


def _generate_by_type(request: ColumnRequest) -> ColumnGenerator | None:
    """Choose a generator by the column's type, or None."""
    known = TYPES.get(request.column_type.name)
    return (
        generate_series(request)
        if known is None or known.generator == "series"
        else _GENERATORS[known.generator](request)
    )


def _generate_labels(request: ColumnRequest) -> ColumnGenerator:
    enum = getattr(get_stored_type(request.column), "enum_class", None)
    return generate_choice(request, list(enum) if enum is not None else list(request.column_type.labels))


_GENERATORS: Mapping[Generator, Callable[[ColumnRequest], ColumnGenerator]] = {
    "boolean": generate_booleans, "decimal": generate_decimals, "enum": _generate_labels, "float": generate_floats,
    "integer": generate_integers, "moment": generate_times, "text": generate_texts,
    "time of day": generate_clock_times, "uuid": generate_uuids,
}  # fmt: skip


def _generate_first_row_flag(table: ResolvedTable, name: str, spread: RowDistribution) -> ColumnGenerator:
    def make(rows: range) -> Batch:
        return Numbers(None, (spread.find_offsets(rows) == 0).astype("int64"), table.get_type(name))

    return ColumnGenerator(name, f"true in the first row of each {spread.parent}", make)


def _generate_default(table: ResolvedTable, column: Column[Any]) -> ColumnGenerator | None:
    """Fill a column of an unknown type with its default, else NULL, else raise."""
    if column.server_default is not None or column.identity is not None:
        return None
    if isinstance(column.default, ScalarElementColumnDefault):
        return generate_constant(column, column.default.arg, ", its default")
    if column.nullable:
        return generate_constant(column, None, f", as nothing makes {get_stored_type(column)}")
    raise NoGenerator(table.name, column.name, str(get_stored_type(column)))
