"""Definitions that PostgreSQL prints in another form: after one draft, there is nothing left to draft."""

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import MetaData
from sqlalchemy.dialects import postgresql as pg

from seedbed.migrations.draft.decisions import Decisions
from seedbed.migrations.draft.planner import plan_changes
from seedbed.postgres.catalog import read_catalog
from seedbed.postgres.connection import connect, execute_verbatim
from seedbed.postgres.embedded import run_temporary_server
from seedbed.schema import Schema, declare
from tests.migrations.changes.harness import TrialServer

pytestmark = pytest.mark.slow

CHECKS = [
    "kind IN ('a', 'b', 'c')",
    "code IN ('a', 'b')",
    "fixed IN ('aaaa', 'bbbb')",
    "n IN (1, 2, 3)",
    "n NOT IN (1, 2)",
    "n BETWEEN 1 AND 10",
    "n BETWEEN 1 AND 10 AND kind <> 'x'",
    "n = 1 OR n BETWEEN 3 AND 10 AND price > 2 OR (flag OR code = '((a AND b) AND c)')",
    "(n > 1 AND (price > 1 AND (code IS NOT NULL AND flag)))",
    "n NOT BETWEEN 1 AND 10",
    "NOT (n > 1 AND n < 3)",
    "(n > 1) OR (n < -1) OR n IS NULL",
    "code LIKE 'a%'",
    "code NOT ILIKE '%b_'",
    r"code ~ '^[a-z]\d+$'",
    "code SIMILAR TO 'a|b'",
    "length(code) > 3",
    "char_length(trim(code)) > 3",
    "lower(kind) = kind",
    "kind <> ''",
    "price > 0",
    "price >= 0.5 AND price < 100.25",
    "price::integer > 3",
    "at > '2020-01-01'",
    "at > TIMESTAMP '2020-01-01 10:00'",
    "at < now() + interval '1 day'",
    "n = ANY (ARRAY[1, 2])",
    "tags <@ ARRAY['a', 'b']",
    "cardinality(tags) > 0 OR tags IS NULL",
    "doc ? 'a' AND doc->>'a' = 'b'",
    "CASE WHEN n > 1 THEN code IS NOT NULL ELSE true END",
    "coalesce(n, 0) + 1 > 0",
    "num_nonnulls(n, code) = 1",
    "kind IS DISTINCT FROM code",
    "flag IS TRUE OR n > 1",
    "(flag AND n > 1) IS NOT TRUE",
    "extract(year FROM at) > 2000",
    "n % 2 = 0 AND n & 1 = 0",
    "'x' || code <> 'xy'",
    "position('a' IN code) > 0",
    "at AT TIME ZONE 'UTC' > '2020-01-01'",
]

DEFAULTS = [
    ("n", "1 + 1"),
    ("n", "'7'"),
    ("n", "-1"),
    ("price", "1"),
    ("price", "1.50"),
    ("kind", "'a'"),
    ("code", "'it''s'"),
    ("code", "NULL"),
    ("code", "upper('a')"),
    ("code", "current_user"),
    ("at", "now()"),
    ("at", "CURRENT_TIMESTAMP"),
    ("at", "now() - interval '1 day'"),
    ("tags", "'{}'"),
    ("tags", "ARRAY['a', 'b']"),
    ("tags", "ARRAY[]::text[]"),
    ("doc", "'{}'"),
    ("doc", "jsonb_build_object('a', 1)"),
    ("flag", "'t'"),
    ("flag", "(NOT false)"),
]

INDEXES = [
    "CREATE INDEX ix ON thing (lower(kind))",
    "CREATE INDEX ix ON thing ((n + 1))",
    "CREATE INDEX ix ON thing (kind varchar_pattern_ops)",
    "CREATE INDEX ix ON thing (n DESC, code NULLS FIRST)",
    "CREATE INDEX ix ON thing (n) WHERE kind IN ('a', 'b')",
    "CREATE INDEX ix ON thing (n) WHERE NOT flag AND code IS NOT NULL",
    "CREATE INDEX ix ON thing USING gin (doc jsonb_path_ops)",
    "CREATE INDEX ix ON thing USING gin (to_tsvector('english', code))",
    "CREATE UNIQUE INDEX ix ON thing (coalesce(kind, ''))",
    "CREATE INDEX ix ON thing USING brin (at)",
    "CREATE VIEW v AS SELECT t.*, count(*) OVER () FROM thing t WHERE kind IN ('a', 'b') ORDER BY 1",
    "CREATE VIEW v AS WITH x AS (SELECT n FROM thing) SELECT x.n, t.kind FROM x JOIN thing t USING (n)",
    "CREATE MATERIALIZED VIEW v AS SELECT kind, sum(price) FILTER (WHERE flag) AS s FROM thing GROUP BY 1",
    "CREATE FUNCTION f(a int = 3, VARIADIC b text[] = '{}') RETURNS TABLE (x int) LANGUAGE sql STABLE AS 'SELECT 1'",
]


def thing(
    *, checks: tuple[str, ...] = (), defaults: dict[str, str] | None = None, statements: tuple[str, ...] = ()
) -> MetaData:
    said: dict[str, dict[str, Any]] = {
        name: {"server_default": sa.text(default)} for name, default in (defaults or {}).items()
    }
    metadata = MetaData()
    sa.Table(
        "thing",
        metadata,
        sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
        sa.Column("n", sa.Integer, **said.get("n", {})),
        sa.Column("kind", sa.String(10), **said.get("kind", {})),
        sa.Column("code", sa.Text, **said.get("code", {})),
        sa.Column("fixed", sa.CHAR(4)),
        sa.Column("price", sa.Numeric(10, 2), **said.get("price", {})),
        sa.Column("at", sa.DateTime(timezone=True), **said.get("at", {})),
        sa.Column("tags", pg.ARRAY(sa.Text), **said.get("tags", {})),
        sa.Column("doc", pg.JSONB, **said.get("doc", {})),
        sa.Column("flag", sa.Boolean, **said.get("flag", {})),
        *(sa.CheckConstraint(sa.text(check.replace(":", r"\:")), name=f"ck_{i}") for i, check in enumerate(checks)),
    )
    declare(metadata, *statements)
    return metadata


SCHEMAS = {
    **{f"check {check}": thing(checks=(check,)) for check in CHECKS},
    **{f"default of {name} {default}": thing(defaults={name: default}) for name, default in DEFAULTS},
    **{statement: thing(statements=(statement,)) for statement in INDEXES},
    "every check at once": thing(checks=tuple(CHECKS)),
}


@pytest.fixture(scope="module")
def trial_server() -> Iterator[TrialServer]:
    with run_temporary_server() as server:
        yield TrialServer(server)


@pytest.mark.parametrize("metadata", SCHEMAS.values(), ids=[*SCHEMAS])
class TestDraft:
    def test_second_draft_finds_no_change(self, trial_server: TrialServer, metadata: MetaData) -> None:
        with trial_server.database() as beginning, trial_server.database() as end:
            wanted = trial_server.build(end, metadata)
            schema = Schema(metadata, {})
            with connect(beginning) as connection:
                first = plan_changes(connection, wanted, schema, Decisions())
                for step in first.upgrade:
                    execute_verbatim(connection, step.sql)
                connection.commit()

                second = plan_changes(connection, wanted, schema, Decisions())

                assert [step.sql for step in second.upgrade] == []
                assert read_catalog(connection).objects == wanted.objects
