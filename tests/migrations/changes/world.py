"""A small sample schema and notation for changes of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Column, MetaData, Table
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.schema import SchemaItem

from seedbed.migrations.draft.decisions import Decisions
from seedbed.schema import declare

Make = Callable[[], SchemaItem]
"""Makes a column or a constraint: each metadata needs its own."""

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


def make(kind: Callable[..., SchemaItem], *arguments: Any, **options: Any) -> Make:
    return partial(kind, *arguments, **options)


def col(*arguments: Any, **options: Any) -> Make:
    """A column, whose foreign keys are given as `fk="table.column"` or with options as a tuple."""
    key = options.pop("fk", None)

    def column() -> SchemaItem:
        extra = [sa.ForeignKey(key)] if isinstance(key, str) else [sa.ForeignKey(key[0], **key[1])] if key else []
        return Column(*arguments, *extra, **options)

    return column


_HERO: dict[str, Make] = {
    "id": col("id", sa.BigInteger, sa.Identity(), primary_key=True),
    "name": col("name", sa.String(50), nullable=False),
    "age": col("age", sa.Integer),
    "power": col("power", sa.Numeric(10, 2), server_default="1.5"),
    "team_id": col("team_id", sa.BigInteger, fk="team.id"),
    "born": col("born", sa.Date),
    "tags": col("tags", pg.ARRAY(sa.Text)),
}
_TEAM: dict[str, Make] = {
    "id": col("id", sa.BigInteger, sa.Identity(), primary_key=True),
    "name": col("name", sa.Text, nullable=False),
}


@dataclass(frozen=True)
class SampleSchema:
    """Teams and heroes with changes: `hero` adds to that table, or replaces the column of the same name.

    A value of None leaves a column out. `tables` are further tables by name, as their parts and options.
    """

    hero: Mapping[str, Make | None] = field(default_factory=dict)
    team: Mapping[str, Make | None] = field(default_factory=dict)
    tables: Mapping[str, Sequence[Make | Mapping[str, Any]]] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    sql: Sequence[str] = ()
    hero_table_name: str = "hero"
    declarations: Sequence[Callable[[MetaData], object]] = ()

    def metadata(self) -> MetaData:
        metadata = MetaData(naming_convention=NAMES)
        Table("team", metadata, *(part() for part in {**_TEAM, **self.team}.values() if part))
        if self.hero_table_name:
            parts = [part() for part in {**_HERO, **self.hero}.values() if part]
            Table(self.hero_table_name, metadata, *parts, **self.options)
        for name, table_parts in self.tables.items():
            schema, _, table_name = name.rpartition(".")
            options: dict[str, Any] = {"schema": schema or None}
            for part in table_parts:
                if isinstance(part, Mapping):
                    options |= part
            Table(table_name, metadata, *(part() for part in table_parts if not isinstance(part, Mapping)), **options)
        for declaration in self.declarations:
            declaration(metadata)
        declare(metadata, *self.sql)
        return metadata


@dataclass(frozen=True)
class Case:
    """One schema change. `needs_decision` means that a user has to decide something, by `decisions` or in the
    models.
    """

    name: str
    before: SampleSchema
    after: SampleSchema
    decisions: Decisions = field(default_factory=Decisions)
    reverse_decisions: Decisions = field(default_factory=Decisions)
    needs_decision: bool = False


def change(name: str, before: SampleSchema, after: SampleSchema, **options: Any) -> Case:
    return Case(name, before, after, **options)


PLAIN = SampleSchema()
