"""Schemas drawn by hypothesis, and edits of them with the decisions that a user would make."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import sqlalchemy as sa
from hypothesis import strategies as st
from sqlalchemy import MetaData
from sqlalchemy.dialects import postgresql as pg

from seedbed.migrations.draft.decisions import Decisions
from tests.migrations.changes.world import NAMES

TYPES: dict[str, tuple[Callable[[], Any], str]] = {
    "smallint": (sa.SmallInteger, "1"),
    "integer": (sa.Integer, "2"),
    "bigint": (sa.BigInteger, "3"),
    "numeric": (lambda: sa.Numeric(12, 3), "1.5"),
    "real": (sa.REAL, "0.5"),
    "double": (sa.Double, "0.25"),
    "boolean": (sa.Boolean, "true"),
    "text": (sa.Text, "'x'"),
    "varchar": (lambda: sa.String(120), "'y'"),
    "char": (lambda: sa.CHAR(4), "'abcd'"),
    "uuid": (sa.Uuid, "'00000000-0000-4000-8000-000000000001'"),
    "date": (sa.Date, "'2020-02-29'"),
    "time": (sa.Time, "'12:30'"),
    "timestamp": (sa.DateTime, "'2020-02-29 12:30'"),
    "timestamptz": (lambda: sa.DateTime(timezone=True), "'2020-02-29 12:30+00'"),
    "interval": (sa.Interval, "'1 day'"),
    "bytea": (sa.LargeBinary, "'\\x00'"),
    "json": (sa.JSON, "'{}'"),
    "jsonb": (pg.JSONB, "'{}'"),
    "inet": (pg.INET, "'10.0.0.1'"),
    "texts": (lambda: pg.ARRAY(sa.Text), "'{a}'"),
    "range": (pg.INT4RANGE, "'[1,2)'"),
}

RETYPED = {
    "smallint": ["integer", "bigint", "text"],
    "integer": ["bigint", "numeric", "text"],
    "bigint": ["numeric", "text"],
    "real": ["double"],
    "varchar": ["text", "integer", "uuid"],
    "text": ["varchar", "date", "integer"],
    "date": ["timestamp", "text"],
    "timestamp": ["timestamptz"],
    "json": ["jsonb"],
    "boolean": ["text"],
}

_COMPARABLE = frozenset(TYPES) - {"json", "bytea", "texts", "range", "jsonb"}
_NUMBERS = frozenset({"smallint", "integer", "bigint", "numeric"})


@dataclass(frozen=True)
class Field:
    """A column. An enum column has `enum` labels."""

    type: str
    nullable: bool = True
    default: bool = False
    unique: bool = False
    index: bool = False
    check: int | None = None
    comment: str | None = None
    refers: str | None = None
    labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Drawn:
    """A schema as plain data: tables by name, each with its columns by name; every table has a bigint key."""

    tables: Mapping[str, Mapping[str, Field]]

    def metadata(self) -> MetaData:
        metadata = MetaData(naming_convention=NAMES)
        for name, fields in self.tables.items():
            columns: list[Any] = [sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True)]
            for column, found in fields.items():
                columns += _column(name, column, found)
            sa.Table(name, metadata, *columns)
        return metadata


@dataclass(frozen=True)
class Edit:
    """A schema before and after, and the decisions about it."""

    before: Drawn
    after: Drawn
    decisions: Decisions
    told: tuple[str, ...] = field(default=(), compare=False)


def _column(table: str, name: str, found: Field) -> list[Any]:
    kind = sa.Enum(*found.labels, name=f"{table}_{name}_kind") if found.labels else TYPES[found.type][0]()
    default = f"'{found.labels[0]}'" if found.labels else TYPES[found.type][1]
    parts: list[Any] = []
    if found.refers:
        parts.append(sa.ForeignKey(f"{found.refers}.id", use_alter=True, ondelete="SET NULL"))
    column: sa.Column[Any] = sa.Column(
        name,
        sa.BigInteger() if found.refers else kind,
        *parts,
        nullable=found.nullable,
        unique=found.unique,
        index=found.index,
        comment=found.comment,
        server_default=sa.text(default) if found.default else None,
    )
    checks = [sa.CheckConstraint(f"{name} > {found.check}", name=name)] if found.check is not None else []
    return [column, *checks]


@st.composite
def fields(draw: st.DrawFn, tables: tuple[str, ...]) -> Field:
    kind = draw(st.sampled_from([*TYPES, "enum", "key"]))
    if kind == "key":
        return Field("bigint", refers=draw(st.sampled_from(tables)), index=draw(st.booleans()))
    if kind == "enum":
        labels = draw(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=4, unique=True))
        return Field("enum", draw(st.booleans()), draw(st.booleans()), labels=tuple(labels))
    comparable = kind in _COMPARABLE
    return Field(
        kind,
        nullable=draw(st.booleans()),
        default=draw(st.booleans()),
        unique=comparable and draw(st.integers(0, 5)) == 0,
        index=comparable and draw(st.booleans()),
        check=draw(st.integers(-50, 0)) if kind in _NUMBERS and draw(st.booleans()) else None,
    )


@st.composite
def schemas(draw: st.DrawFn) -> Drawn:
    names = tuple(f"t{i}" for i in range(draw(st.integers(1, 4))))
    tables = {}
    for name in names:
        count = draw(st.integers(1, 6))
        tables[name] = {f"c{i}": draw(fields(names)) for i in range(count)}
    return Drawn(tables)


@st.composite
def edits(draw: st.DrawFn) -> Edit:
    """A schema with one to five named edits, each of a column or table that no other edit touches."""
    before = draw(schemas())
    tables = {name: dict(columns) for name, columns in before.tables.items()}
    renames: dict[str, str] = {}
    dropped: set[str] = set()
    backfills: dict[str, str] = {}
    told: list[str] = []
    touched: set[tuple[str, str]] = set()
    for number in range(draw(st.integers(1, 5))):
        table = draw(st.sampled_from(sorted(tables)))
        free = sorted(name for name in tables[table] if (table, name) not in touched)
        verb = draw(st.sampled_from(_VERBS if free else ("add", "add table")))
        fresh = f"n{number}"
        told.append(f"{verb} in {table}")
        if verb == "add table":
            tables[f"t_new{number}"] = {"c0": draw(fields(tuple(tables)))}
            continue
        name = fresh if verb == "add" else draw(st.sampled_from(free))
        touched |= {(table, name), (table, fresh)}
        if verb == "add":
            made = draw(fields(tuple(tables)))
            tables[table][name] = replace(
                made, nullable=made.nullable or made.unique, default=made.default and not made.unique
            )
        elif verb == "drop":
            del tables[table][name]
            dropped.add(f"{table}.{name}")
        elif verb == "rename":
            tables[table] = {fresh if c == name else c: f for c, f in tables[table].items()}
            renames[f"{table}.{name}"] = f"{table}.{fresh}"
            if tables[table][fresh].labels:
                tables[table] = {name if c == fresh else c: f for c, f in tables[table].items()}
                del renames[f"{table}.{name}"]
        else:
            tables[table][name] = _edited(draw, tables[table][name], verb)
    after = Drawn(tables)
    old_names = {new: old.partition(".")[2] for old, new in renames.items()}
    for table, columns in before.tables.items():
        for name, found in tables[table].items():
            old = columns.get(old_names.get(f"{table}.{name}", name))
            if not found.nullable and not found.default and (old is None or old.nullable):
                value = f"'{found.labels[0]}'" if found.labels else TYPES[found.type][1]
                backfills[f"{table}.{name}"] = value
    return Edit(before, after, Decisions(renames, frozenset(dropped), backfills), tuple(told))


_VERBS = (
    "add",
    "drop",
    "rename",
    "retype",
    "null",
    "default",
    "unique",
    "index",
    "check",
    "comment",
    "label",
    "add table",
)


def _edited(draw: st.DrawFn, found: Field, verb: str) -> Field:
    if verb == "retype" and found.type in RETYPED and not found.refers:
        kind = draw(st.sampled_from(RETYPED[found.type]))
        return replace(found, type=kind, check=found.check if kind in _NUMBERS else None)
    if verb == "null" and not found.refers and not found.unique:
        return replace(found, nullable=not found.nullable)
    if verb == "default" and not found.refers:
        return replace(found, default=not found.default)
    if verb == "unique" and found.type in _COMPARABLE and not found.labels:
        return replace(found, unique=not found.unique)
    if verb == "index" and (found.type in _COMPARABLE or found.refers):
        return replace(found, index=not found.index)
    if verb == "check" and found.type in _NUMBERS and not found.refers:
        return replace(found, check=draw(st.integers(-90, -60)))
    if verb == "label" and found.labels:
        more = draw(st.sampled_from("ijk"))
        where = draw(st.integers(0, len(found.labels)))
        return replace(found, labels=(*found.labels[:where], more, *found.labels[where:]))
    return replace(found, comment=draw(st.sampled_from(["one", "it's two", None])))
