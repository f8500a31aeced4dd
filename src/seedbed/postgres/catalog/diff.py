"""How two catalogues differ, a line for each difference."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

from seedbed.postgres.catalog.dependencies import Catalogue
from seedbed.postgres.catalog.model import Column, Object, Table


@dataclass(frozen=True, order=True)
class Difference:
    """One fact in which a database is not as it should be. `attribute` is empty where a whole object is."""

    object: str
    attribute: str
    found: str
    wanted: str

    def __str__(self) -> str:
        if not self.attribute:
            return f"{self.object} is {self.found}"
        return f"{self.object}: {self.attribute} is {self.found}, should be {self.wanted}"


def differences(found: Catalogue, wanted: Catalogue) -> tuple[Difference, ...]:
    """What keeps `found` from equalling `wanted`, in a stable order. NOT_COMPARED says what does not count."""
    said: list[Difference] = []
    for key in sorted({*found.objects, *wanted.objects}):
        one, other = found.objects.get(key), wanted.objects.get(key)
        if one is None or other is None:
            said.append(Difference(name_of(one or other), "", "missing" if one is None else "not wanted", ""))  # type: ignore[arg-type]
        elif one != other:
            said += _changed(one, other)
    return tuple(said)


def name_of(found: Object) -> str:
    """The object as a person would say it: `table task`, `index app.ix_task_user_id`."""
    kind, *names = found.key
    if names and names[0] == "public" and len(names) > 1:
        names = names[1:]
    if kind in {"constraint", "index", "trigger", "policy"}:
        return f"{kind} {names[-1]} of {'.'.join(names[:-1])}"
    return f"{kind} {'.'.join(names)}"


def _changed(one: Object, other: Object) -> Iterator[Difference]:
    name = name_of(one)
    if isinstance(one, Table) and isinstance(other, Table):
        yield from _changed_columns(name, one, other)
    if type(one) is not type(other):
        yield Difference(name, "kind", type(one).__name__, type(other).__name__)
        return
    for field in fields(one):
        if (field.compare and field.name != "columns") or (field.name == "columns" and not isinstance(one, Table)):
            yield from _unequal(name, field.name, getattr(one, field.name), getattr(other, field.name))


def _changed_columns(name: str, one: Table, other: Table) -> Iterator[Difference]:
    for column in sorted({*one.column, *other.column}):
        mine, theirs = one.column.get(column), other.column.get(column)
        full = f"{name.removeprefix('table ')}.{column}"
        if mine is None or theirs is None:
            yield Difference(f"column {full}", "", "missing" if mine is None else "not wanted", "")
            continue
        for field in fields(Column):
            if field.compare:
                yield from _unequal(
                    f"column {full}", field.name, getattr(mine, field.name), getattr(theirs, field.name)
                )


def _unequal(name: str, attribute: str, one: Any, other: Any) -> Iterator[Difference]:
    if one != other:
        yield Difference(name, attribute, _shown(one), _shown(other))


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(_shown(part) for part in value) or "none"
    return "none" if value is None else str(value)
