"""Schemas that nobody thought of, drawn from a seed, filled with no overrides and judged by PostgreSQL."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import (
    ARRAY,
    CHAR,
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    Date,
    DateTime,
    Enum,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    Interval,
    LargeBinary,
    MetaData,
    Numeric,
    SmallInteger,
    String,
    Table,
    Text,
    Time,
    UniqueConstraint,
    Uuid,
    column,
    text,
)
from sqlalchemy.dialects.postgresql import CIDR, INET, INT4RANGE, JSONB, MACADDR, TSTZRANGE, ExcludeConstraint

from seedbed.errors import TooFewUniqueValues, UnsupportedUniqueConstraint
from seedbed.postgres.connection import connect
from seedbed.postgres.embedded import TemporaryServer
from seedbed.schema import Schema, declare
from seedbed.schema.creation import create_schema
from seedbed.seeding.loading.load import load_seeds
from seedbed.seeding.planning.seed_plan import plan
from seedbed.seeding.planning.table_plan import encode_rows
from seedbed.settings import Environment
from tests.support.effort import repetitions
from tests.support.projects import execute, fresh_database, little_project

EXAMPLES = repetitions("SCHEMAS", usual=12, quick=4, thorough=300)
REFUSED = 0.05
"""The share of drawn schemas that may be refused in words."""
refusals: Counter[str] = Counter()

NUMBERS = ("quantity", "rank", "age", "price", "total", "number", "score", "year", "size_bytes", "level")
TEXTS = (
    "name", "title", "email", "slug", "code", "phone", "city", "note", "status", "kind", "url", "first_name", "country",
    "sku", "description", "label", "color", "postal_code", "street", "username", "currency", "locale",
)  # fmt: skip
MOMENTS = ("created_at", "updated_at", "deleted_at", "starts_at", "ends_at", "due_at", "seen_at", "published_at")
OTHERS = ("flag", "is_active", "data", "tags", "span", "ip", "blob", "mood", "at_time", "period", "numbers", "mac")


@st.composite
def columns(draw: st.DrawFn, table: str) -> list[Column[Any]]:
    made: list[Column[Any]] = []

    def add(name: str, kind: Any, *, unique: bool = False) -> None:
        nullable = draw(st.booleans())
        made.append(Column(name, kind, nullable=nullable, unique=unique and draw(st.integers(0, 3)) == 0))

    for name in draw(st.lists(st.sampled_from(NUMBERS), max_size=4, unique=True)):
        add(
            name,
            draw(st.sampled_from([Integer(), BigInteger(), SmallInteger(), Numeric(8, 2), Numeric(12), Float()])),
            unique=True,
        )
    for name in draw(st.lists(st.sampled_from(TEXTS), max_size=5, unique=True)):
        add(name, draw(st.sampled_from([Text(), String(40), String(12), String(200), CHAR(8), String(4)])), unique=True)
    for name in draw(st.lists(st.sampled_from(MOMENTS), max_size=4, unique=True)):
        add(name, draw(st.sampled_from([DateTime(timezone=True), DateTime(), Date()])))
    for name in draw(st.lists(st.sampled_from(OTHERS), max_size=4, unique=True)):
        kinds = {
            "flag": Boolean(), "is_active": Boolean(), "data": draw(st.sampled_from([JSON(), JSONB()])),
            "tags": ARRAY(Text()), "span": Interval(), "ip": draw(st.sampled_from([INET(), CIDR()])),
            "blob": LargeBinary(),
            "mood": Enum("calm", "wild", "shy", name=f"mood_{table}"), "at_time": Time(),
            "period": draw(st.sampled_from([TSTZRANGE(), INT4RANGE()])), "numbers": ARRAY(Integer()), "mac": MACADDR(),
        }  # fmt: skip
        add(name, kinds[name])
    return made


def key(draw: st.DrawFn) -> Column[Any]:
    kinds: list[Column[Any]] = [
        Column("id", Integer, primary_key=True),
        Column("id", BigInteger, Identity(always=True), primary_key=True),
        Column("id", Uuid, primary_key=True),
        Column("id", String(10), primary_key=True),
    ]
    return draw(st.sampled_from(kinds))


def checks(draw: st.DrawFn, made: list[Column[Any]]) -> list[CheckConstraint]:
    """Rules of the kinds that people write, over the columns that there are."""
    names = {str(column.name): column for column in made}
    plain = [n for n in NUMBERS if n in names and not names[n].unique]
    free = [n for n in TEXTS if n in names and not names[n].unique and n != "email"]
    written = [n for n in free if not isinstance(names[n].type, CHAR)]  # blanks that fill it up match no expression
    times = [n for n in MOMENTS if n in names]
    wanted: list[str] = []

    def one_of(*rules: str) -> None:
        wanted.append(draw(st.sampled_from(["", *rules])))

    for n in plain:
        one_of(f"{n} > 0", f"{n} BETWEEN 1 AND 90", f"{n} IN (1, 2, 3)", f"{n} <= 50")
    for n in written:
        one_of(f"length({n}) > 2", f"{n} <> ''", f"{n} IN ('a', 'b', 'c')", f"{n} ~ '^[a-z]{{3}}$'")
    if len(plain) > 1 and not any(plain[0] in rule or plain[1] in rule for rule in wanted):
        one_of(f"{plain[0]} < {plain[1]}", f"{plain[0]} + {plain[1]} < 1500")
    if len(times) > 1 and type(names[times[0]].type) is type(names[times[1]].type):
        one_of(f"{times[0]} <= {times[1]}", f"{times[0]} IS NULL OR {times[1]} IS NOT NULL")
    if "flag" in names and times and names[times[0]].nullable:
        one_of(f"NOT flag OR {times[0]} IS NOT NULL")
    return [CheckConstraint(rule) for rule in wanted if rule]


@st.composite
def apart(draw: st.DrawFn, key: str, times: list[Column[Any]]) -> list[ExcludeConstraint]:
    """That rows of one parent, or any, do not overlap; or nothing of the kind."""
    zones = {getattr(time.type, "timezone", None) for time in times}
    if len(zones) > 1:
        return []
    of = {None: "daterange", True: "tstzrange", False: "tsrange"}[zones.pop()]
    during = text(f"{of}(starts_at, ends_at, '{draw(st.sampled_from(['[)', '[]']))}')")
    elements: list[Any] = [(column(key), "=")] if draw(st.booleans()) else []
    return draw(st.sampled_from([[], [ExcludeConstraint(*elements, (during, "&&"), using="gist")]]))


@st.composite
def schemas(draw: st.DrawFn) -> MetaData:
    metadata = MetaData()
    declare(metadata, "CREATE EXTENSION btree_gist")
    for n in range(draw(st.integers(1, 6))):
        name = f"{draw(st.sampled_from(['user', 'order', 'item', 'event', 'team', 'product']))}{n}"
        made = draw(columns(name))
        rules: list[Any] = [*checks(draw, made)]
        earlier = list(metadata.tables.values())
        keys: list[str] = []
        for parent in draw(st.lists(st.sampled_from(earlier), max_size=3)) if earlier else []:
            own = f"{parent.name}_id" if f"{parent.name}_id" not in keys else f"other_{parent.name}_id"
            if own in keys:
                continue
            keys.append(own)
            target = list(parent.primary_key.columns)
            if len(target) == 1:
                once = draw(st.integers(0, 9)) == 0
                nullable = draw(st.booleans())
                made.append(Column(own, target[0].type, ForeignKey(target[0]), nullable=nullable, unique=once))
            else:
                parts = [f"{own}_{part.name}" for part in target]
                made += [Column(part, t.type, nullable=False) for part, t in zip(parts, target, strict=True)]
                rules.append(ForeignKeyConstraint(parts, target))
        single = [k for k in keys if any(str(c.name) == k for c in made)]
        if len(single) > 1 and draw(st.integers(0, 2)) == 0:
            for column in made:
                if str(column.name) in single[:2]:
                    column.primary_key, column.nullable, column.unique = True, False, None
            head: list[Any] = []
        else:
            first = key(draw)
            head = [first]
            if draw(st.integers(0, 3)) == 0:
                made.append(Column("parent_id", first.type, ForeignKey(f"{name}.id"), nullable=True))
            beside = [
                str(c.name)
                for c in made
                if isinstance(c.type, Integer | String | Text) and not c.foreign_keys and not c.unique
            ]
            if single and beside and draw(st.sampled_from([True, False])):
                rules.append(UniqueConstraint(single[0], draw(st.sampled_from(beside))))
        if "price" in {str(c.name) for c in made} and draw(st.integers(0, 1)):
            made.append(Column("double_price", Numeric(14, 2), Computed("price * 2", persisted=True)))
        times = [c for c in made if str(c.name) in {"starts_at", "ends_at"}]
        if len(times) == 2 and single:
            rules += draw(apart(single[0], times))
        table = Table(name, metadata, *head, *made, *rules)
        if "status" in table.columns and draw(st.integers(0, 1)):
            Index(f"{name}_by_status", table.c.status, postgresql_where=text("status IS NOT NULL"))
    return metadata


class TestAnySchema:
    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.generate],  # a drawn schema takes a second, and shrinking one five minutes
        suppress_health_check=list(HealthCheck),
    )
    @given(metadata=schemas(), rows=st.sampled_from([7, 40, 260]), drop_constraints=st.booleans())
    def test_is_filled_or_seldom_refused(
        self,
        seedbed_server: TemporaryServer,
        tmp_path_factory: pytest.TempPathFactory,
        metadata: MetaData,
        rows: int,
        drop_constraints: bool,
    ) -> None:
        schema = Schema(metadata, {})
        folder: Path = tmp_path_factory.mktemp("any")
        with little_project(folder, "") as project, fresh_database(seedbed_server) as database:
            project.write("seeds/development.py", f"def plan(seeds):\n    seeds.rest({rows})\n")
            with connect(database) as connection:
                create_schema(connection, schema)
            try:
                made = plan(project.settled, schema, Environment.DEVELOPMENT)
            except (TooFewUniqueValues, UnsupportedUniqueConstraint) as refusal:
                refusals[refusal.message] += 1
                assert refusals.total() <= max(2, REFUSED * EXAMPLES), refusals
                return

            load_seeds(made, database, revision=None, drop_constraints=drop_constraints)

            for table in made.tables:
                assert execute(database.direct, f'SELECT count(*) FROM "{table.name}"') == [(table.count,)]
                half = table.count // 2
                whole = encode_rows(table, range(table.count))
                assert encode_rows(table, range(half)) + encode_rows(table, range(half, table.count)) == whole
