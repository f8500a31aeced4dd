"""The differences between two catalogs, one line each."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from seedbed.postgres.catalog.catalog import Catalog
from seedbed.postgres.catalog.model import (
    CatalogObject,
    Column,
    Composite,
    Constraint,
    Domain,
    Enum,
    Extension,
    Function,
    Index,
    OtherObject,
    Policy,
    Schema,
    Sequence,
    Table,
    Trigger,
    View,
)

_TYPE_WORDS: Mapping[type[CatalogObject], str] = {Enum: "Enum", Domain: "Domain", Composite: "Composite"}
"""The words for the classes of objects that share one namespace."""


@dataclass(frozen=True, order=True)
class Difference:
    """One attribute that differs from the expected one; `attribute` is empty where a whole object differs."""

    object: str
    attribute: str
    found: str
    expected: str

    def __str__(self) -> str:
        if not self.attribute:
            return f"{self.object} is {self.found}"
        return f"{self.object}: {self.attribute} is {self.found}, should be {self.expected}"


def find_differences(found: Catalog, expected: Catalog) -> tuple[Difference, ...]:
    """The differences of `found` from `expected`, in a stable order; NOT_COMPARED lists what is ignored."""
    result: list[Difference] = []
    for key in sorted({*found.objects, *expected.objects}):
        found_object, expected_object = found.objects.get(key), expected.objects.get(key)
        if found_object is not None and expected_object is not None:
            if found_object != expected_object:
                result += _compare_objects(found_object, expected_object)
        elif found_object is not None:
            result.append(Difference(describe_object(found_object), "", "not wanted", ""))
        elif expected_object is not None:
            result.append(Difference(describe_object(expected_object), "", "missing", ""))
    return tuple(result)


def describe_object(found: CatalogObject) -> str:
    """The object in words: `table task`, `index ix_task_user_id of app.task`."""
    kind, *names = found.key
    if names and names[0] == "public" and len(names) > 1:
        names = names[1:]
    if kind in {"constraint", "index", "trigger", "policy"}:
        return f"{kind} {names[-1]} of {'.'.join(names[:-1])}"
    return f"{kind} {'.'.join(names)}"


def _compare_objects(one: CatalogObject, other: CatalogObject) -> Iterator[Difference]:
    name = describe_object(one)
    if type(one) is not type(other):
        yield Difference(name, "kind", _TYPE_WORDS[type(one)], _TYPE_WORDS[type(other)])
        return
    if isinstance(one, Table) and isinstance(other, Table):
        yield from _compare_columns(name, one, other)
    yield from _compare_attributes(name, _get_attributes(one), _get_attributes(other))


def _compare_columns(name: str, one: Table, other: Table) -> Iterator[Difference]:
    for column in sorted({*one.columns_by_name, *other.columns_by_name}):
        mine, theirs = one.columns_by_name.get(column), other.columns_by_name.get(column)
        full = f"column {name.removeprefix('table ')}.{column}"
        if mine is None or theirs is None:
            yield Difference(full, "", "missing" if mine is None else "not wanted", "")
        else:
            yield from _compare_attributes(full, _get_attributes(mine), _get_attributes(theirs))


def _compare_attributes(name: str, found: Mapping[str, Any], wanted: Mapping[str, Any]) -> Iterator[Difference]:
    for word, value in found.items():
        if value != wanted[word]:
            yield Difference(name, word, _format_value(value), _format_value(wanted[word]))


def _get_attributes(found: CatalogObject | Column) -> dict[str, Any]:
    """The compared attributes of an object, by their words in messages; columns are compared on their own."""
    match found:
        case Schema():
            return {"comment": found.comment, "privileges": found.privileges}
        case Extension():
            return {"schema": found.schema}
        case Column():
            return {
                "type": found.type,
                "not_null": found.not_null,
                "default": found.default,
                "generated": found.generated,
                "identity": found.identity,
                "identity_options": found.identity_options,
                "collation": found.collation,
                "comment": found.comment,
                "privileges": found.privileges,
                "unvalidated_not_null": found.unvalidated_not_null,
            }
        case Table():
            return {
                "kind": found.kind,
                "unlogged": found.unlogged,
                "parents": found.parents,
                "partition_key": found.partition_key,
                "partition_bound": found.partition_bound,
                "options": found.options,
                "row_security": found.row_security,
                "forced_row_security": found.forced_row_security,
                "comment": found.comment,
                "privileges": found.privileges,
            }
        case Constraint():
            return {
                "type": found.type,
                "definition": found.definition,
                "columns": found.columns,
                "references": found.referenced_table,
                "referenced_columns": found.referenced_columns,
                "comment": found.comment,
            }
        case Index():
            return {
                "definition": found.definition,
                "unique": found.unique,
                "valid": found.valid,
                "columns": found.columns,
                "comment": found.comment,
            }
        case Sequence():
            return {
                "type": found.type,
                "start": found.start,
                "increment": found.increment,
                "minimum": found.minimum,
                "maximum": found.maximum,
                "cache": found.cache,
                "cycle": found.cycle,
                "owned_by": found.owned_by,
                "comment": found.comment,
                "privileges": found.privileges,
            }
        case Enum():
            return {"labels": found.labels, "comment": found.comment, "privileges": found.privileges}
        case Domain():
            return {
                "type": found.type,
                "not_null": found.not_null,
                "default": found.default,
                "collation": found.collation,
                "checks": found.checks,
                "comment": found.comment,
                "privileges": found.privileges,
            }
        case Composite():
            return {"definition": found.definition, "comment": found.comment, "privileges": found.privileges}
        case View():
            return {
                "materialized": found.materialized,
                "definition": found.definition,
                "options": found.options,
                "columns": found.columns,
                "comment": found.comment,
                "privileges": found.privileges,
            }
        case Function():
            return {
                "kind": found.kind,
                "language": found.language,
                "result": found.result,
                "definition": found.definition,
                "string_body": found.string_body,
                "comment": found.comment,
                "privileges": found.privileges,
            }
        case Trigger():
            return {"definition": found.definition, "enabled": found.enabled, "comment": found.comment}
        case Policy():
            return {
                "command": found.command,
                "permissive": found.permissive,
                "roles": found.roles,
                "using": found.using,
                "check": found.check,
                "comment": found.comment,
            }
        case OtherObject():
            return {"definition": found.definition}


def _format_value(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(_format_value(part) for part in value) or "none"
    return "none" if value is None else str(value)
