"""The rows of the system catalogs as facts: whatever describes a schema makes a difference, and nothing else does."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pytest
from sqlalchemy import Connection

from seedbed.migrations.diff.undrafted_differences import find_system_differences
from seedbed.postgres.catalog import read_catalog
from seedbed.postgres.catalog.system_rows import read_system_rows
from seedbed.postgres.connection import connect, execute_verbatim
from seedbed.postgres.embedded import run_temporary_server
from tests.support.projects import fresh_database
from tests.support.servers import each_major

SCHEMA = """
CREATE ROLE reader NOLOGIN;
CREATE TABLE t (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a int NOT NULL, s text, d date,
                CONSTRAINT positive CHECK (a > 0));
CREATE UNIQUE INDEX by_a ON t (a);
CREATE INDEX by_upper ON t (upper(s));
CREATE TABLE child () INHERITS (t);
CREATE TABLE event (id bigint, at date, kind text DEFAULT 'x', PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE event_2026 PARTITION OF event FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE mention (event_id bigint, event_at date, FOREIGN KEY (event_id, event_at) REFERENCES event);
CREATE VIEW seen AS SELECT id, a FROM t;
CREATE RULE quiet AS ON DELETE TO t DO INSTEAD NOTHING;
CREATE TRIGGER same BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
CREATE POLICY own ON t;
CREATE TYPE mood AS ENUM ('low', 'high');
CREATE DOMAIN positive AS int CONSTRAINT above CHECK (VALUE > 0);
CREATE FUNCTION number(mood) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1';
CREATE FUNCTION note() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
CREATE FUNCTION from_sql(internal) RETURNS internal LANGUAGE internal IMMUTABLE STRICT AS 'prsd_lextype';
CREATE STATISTICS correlated ON a, s FROM t;
CREATE COLLATION plain (provider = libc, locale = 'C');
CREATE FOREIGN DATA WRAPPER files;
CREATE SERVER disk FOREIGN DATA WRAPPER files
"""
KINDS = {
    "replica identity": (["ALTER TABLE t REPLICA IDENTITY FULL"], "table t: replica identity is d, should be f"),
    "replica identity by an index": (
        ["ALTER TABLE t REPLICA IDENTITY USING INDEX by_a"],
        "index by_a: replica identity is False, should be True",
    ),
    "CLUSTER mark": (["ALTER TABLE t CLUSTER ON t_pkey"], "index t_pkey: CLUSTER mark is False, should be True"),
    "owner": (["ALTER TABLE t OWNER TO reader"], "table t: owner is postgres, should be reader"),
    "owner of a function": (["ALTER FUNCTION number OWNER TO reader"], "function number(public.mood): owner is"),
    "privileges of the owner": (["REVOKE DELETE ON t FROM CURRENT_USER"], "table t: privileges is postgres=arwd"),
    "default privileges": (
        ["ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO reader"],
        "default acl for role postgres in schema public on tables is missing",
    ),
    "column grant on a view": (["GRANT SELECT (a) ON seen TO reader"], "column seen.a: privileges is none"),
    "default of a partition": (
        ["ALTER TABLE event_2026 ALTER kind SET DEFAULT 'y'"],
        "column event_2026.kind: default is 'x'::text, should be 'y'::text",
    ),
    "check of a partition": (
        ["ALTER TABLE event_2026 ADD CONSTRAINT late CHECK (id > 0)"],
        "table constraint late on event_2026 is missing",
    ),
    "comment on a partition's column": (
        ["COMMENT ON COLUMN event_2026.kind IS 'of it'"],
        "column event_2026.kind: comment is none, should be of it",
    ),
    "row security of a partition": (
        ["ALTER TABLE event_2026 ENABLE ROW LEVEL SECURITY"],
        "table event_2026: row level security is False, should be True",
    ),
    "storage parameters of a partition's index": (
        ["DO $$ BEGIN EXECUTE format('ALTER INDEX event_2026_pkey SET (fillfactor = 70)'); END $$"],
        "index event_pkey, on partition event_2026: storage parameters is none, should be fillfactor=70",
    ),
    "default of a child": (["ALTER TABLE child ALTER s SET DEFAULT 'y'"], "column child.s: default is none"),
    "default of a view's column": (["ALTER VIEW seen ALTER a SET DEFAULT 4"], "column seen.a: default is none"),
    "disabled trigger": (["ALTER TABLE t DISABLE TRIGGER same"], "trigger same on t: enabled is O, should be D"),
    "disabled foreign key": (["ALTER TABLE mention DISABLE TRIGGER ALL"], "enabled is O, should be D"),
    "disabled rule": (["ALTER TABLE t DISABLE RULE quiet"], "rule quiet on t: enabled is O, should be D"),
    "storage": (["ALTER TABLE t ALTER s SET STORAGE EXTERNAL"], "column t.s: storage is x, should be e"),
    "compression": (["ALTER TABLE t ALTER s SET COMPRESSION pglz"], "column t.s: compression is none, should be p"),
    "statistics target": (["ALTER TABLE t ALTER s SET STATISTICS 500"], "column t.s: statistics target is"),
    "statistics target of an index": (
        ["ALTER INDEX by_upper ALTER 1 SET STATISTICS 500"],
        "index by_upper: statistics target of column 1 is none",
    ),
    "attribute options": (["ALTER TABLE t ALTER s SET (n_distinct = 5)"], "options is none, should be n_distinct=5"),
    "statistics object's target": (["ALTER STATISTICS correlated SET STATISTICS 10"], "statistics object correlated:"),
    "cast": (["CREATE CAST (mood AS int) WITH FUNCTION number(mood)"], "cast (public.mood AS integer) is missing"),
    "operator": (
        ["CREATE OPERATOR === (LEFTARG = int, RIGHTARG = int, FUNCTION = int4eq)"],
        "operator ===(integer,integer) is missing",
    ),
    "operator class": (
        ["CREATE OPERATOR CLASS backwards FOR TYPE int USING btree AS OPERATOR 1 >, FUNCTION 1 btint4cmp(int, int)"],
        "operator class backwards USING btree is missing",
    ),
    "aggregate's options": (
        ["CREATE AGGREGATE total (int) (SFUNC = int4pl, STYPE = int, COMBINEFUNC = int4pl)"],
        "aggregate total(integer) is missing",
    ),
    "range type's options": (
        ["CREATE TYPE timer AS RANGE (SUBTYPE = float8, SUBTYPE_DIFF = float8mi)"],
        "type timer is missing",
    ),
    "composite type's collation": (['CREATE TYPE pair AS (one text COLLATE "C")'], "composite type pair is missing"),
    "text search configuration": (
        ["CREATE TEXT SEARCH CONFIGURATION plain (COPY = simple)"],
        "text search configuration plain is missing",
    ),
    "text search dictionary": (
        ["CREATE TEXT SEARCH DICTIONARY short (TEMPLATE = simple, STOPWORDS = english)"],
        "text search dictionary short is missing",
    ),
    "event trigger": (
        ["CREATE EVENT TRIGGER noted ON ddl_command_end EXECUTE FUNCTION note()"],
        "event trigger noted is missing",
    ),
    "publication": (["CREATE PUBLICATION all_of_it FOR TABLE t"], "publication all_of_it is missing"),
    "publication of a schema": (
        ["CREATE PUBLICATION all_of_it FOR TABLES IN SCHEMA public"],
        "publication namespace public in publication all_of_it is missing",
    ),
    "foreign table": (["CREATE FOREIGN TABLE far (a int) SERVER disk"], "foreign table far is missing"),
    "server's options": (["ALTER SERVER disk OPTIONS (ADD path '/')"], "srvoptions is none"),
    "user mapping": (["CREATE USER MAPPING FOR PUBLIC SERVER disk"], "user mapping public on server disk is missing"),
    "language": (
        ["CREATE LANGUAGE other HANDLER plpgsql_call_handler"],
        "language other is missing",
    ),
    "conversion": (
        ["CREATE CONVERSION mine FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8"],
        "conversion mine is missing",
    ),
    "access method": (
        ["CREATE ACCESS METHOD other TYPE TABLE HANDLER heap_tableam_handler"],
        "access method other is missing",
    ),
    "access method of a table": (
        [
            "CREATE ACCESS METHOD other TYPE TABLE HANDLER heap_tableam_handler",
            "CREATE TABLE new (a int) USING other",
        ],
        "table new is missing",
    ),
    "comment on a constraint of a domain": (
        ["COMMENT ON CONSTRAINT above ON DOMAIN positive IS 'says'"],
        "comment is none, should be says",
    ),
    "comment on a collation": (["COMMENT ON COLLATION plain IS 'says'"], "collation plain: comment is none"),
    "version of an extension": (["CREATE EXTENSION pg_trgm"], "extension pg_trgm is missing"),
    "owner of the schema public": (["ALTER SCHEMA public OWNER TO reader"], "schema public: owner is"),
    "security of a function": (["ALTER FUNCTION number SECURITY DEFINER"], "prosecdef is False, should be True"),
}  # fmt: skip
"""Statements, and how the difference that they make is told."""

FORMATTING = {
    "an altered comment that is taken back": ["COMMENT ON TABLE t IS 'x'", "COMMENT ON TABLE t IS NULL"],
    "a column that was dropped": ["ALTER TABLE t ADD COLUMN gone int", "ALTER TABLE t DROP COLUMN gone"],
    "a partition's index by another name": ["ALTER INDEX event_2026_pkey RENAME TO other"],
    "an identity's sequence by another name": ["ALTER SEQUENCE t_id_seq RENAME TO other"],
    "rows and statistics": ["INSERT INTO t (a) SELECT generate_series(1, 100)", "ANALYZE t"],
    "privileges given and taken": ["GRANT SELECT ON t TO reader", "REVOKE SELECT ON t FROM reader"],
}
"""What leaves a schema as it was."""


@dataclass(frozen=True)
class TrialServer:
    connection: Connection

    def differences(self, statements: Sequence[str]) -> list[str]:
        """What statements change, as they would be told of a database that lacks them; then they are rolled back."""
        before = read_system_rows(self.connection)
        try:
            for statement in statements:
                execute_verbatim(self.connection, statement)
            return [str(one) for one in find_system_differences(before, read_system_rows(self.connection))]
        finally:
            self.connection.rollback()


@pytest.fixture(scope="module", params=each_major())
def trial_server(request: pytest.FixtureRequest) -> Iterator[TrialServer]:
    with (
        run_temporary_server(request.param) as server,
        fresh_database(server) as database,
        connect(database) as connection,
    ):
        for statement in SCHEMA.split(";\n"):
            execute_verbatim(connection, statement)
        connection.commit()
        yield TrialServer(connection)


class TestSystemRows:
    @pytest.mark.parametrize("kind", KINDS)
    def test_differ_by(self, trial_server: TrialServer, kind: str) -> None:
        statements, expected = KINDS[kind]

        found = trial_server.differences(statements)

        assert any(expected in one for one in found), found

    @pytest.mark.parametrize("kind", FORMATTING)
    def test_do_not_differ_by(self, trial_server: TrialServer, kind: str) -> None:
        assert trial_server.differences(FORMATTING[kind]) == []

    def test_leave_out_what_is_ignored(self, trial_server: TrialServer) -> None:
        before = read_system_rows(trial_server.connection, ["other.*", "public.side"])
        try:
            execute_verbatim(
                trial_server.connection, "CREATE SCHEMA other; CREATE TABLE other.a (id serial PRIMARY KEY)"
            )
            execute_verbatim(trial_server.connection, "CREATE TABLE side (id serial PRIMARY KEY, CHECK (id > 0))")
            after = read_system_rows(trial_server.connection, ["other", "other.*", "public.side"])
        finally:
            trial_server.connection.rollback()

        assert after == before

    def test_leave_out_members_of_an_extension(self, trial_server: TrialServer) -> None:
        found = trial_server.differences(["CREATE EXTENSION pg_trgm"])

        assert found == ["extension pg_trgm is missing"]

    def test_are_read_beside_the_model_of_the_catalog(self, trial_server: TrialServer) -> None:
        """Nothing that the model knows is missing here, so that what is compared with both is compared wholly."""
        tables = {f"table {table.schema}.{table.name}" for table in read_catalog(trial_server.connection).tables()}

        assert tables <= read_system_rows(trial_server.connection).keys()
