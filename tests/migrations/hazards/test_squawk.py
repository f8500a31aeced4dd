"""Squawk, a linter of SQL, as the oracle of hazards: what it finds is found here too, or a reason says why not.

It reads the text of a statement and knows no database; hazards are seen while a statement runs. So it is asked about
single migrations that are known to be about tables with rows, and its opt-in rules are asked as well.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from sqlalchemy import Connection

from seedbed.migrations.draft.planner import plan_changes
from seedbed.migrations.draft.revision_file import render_body
from seedbed.migrations.hazards.rules import RULES, find_hazards
from seedbed.migrations.hazards.trace import ObservedRevision, trace_statements
from seedbed.postgres.connection import connect, execute_verbatim
from seedbed.postgres.database import Database
from seedbed.postgres.embedded import TemporaryServer
from seedbed.schema import Schema
from tests.migrations.changes.cases import CASES
from tests.migrations.changes.harness import TrialServer, _make_runner
from tests.migrations.changes.world import Case
from tests.support.postgres.hazards import ALONE, TABLES, met

pytestmark = pytest.mark.slow

SQUAWK = Path(sys.executable).with_name("squawk")
VERSION = "2.70.0"
"""The version whose rules are listed here; another may have others, and this file is then to be read again."""

OURS: Mapping[str, frozenset[str]] = {
    rule: frozenset(ours.split())
    for rule, ours in {
        "adding-field-with-default": "rewrite",
        "adding-foreign-key-constraint": "scan-with-readers scan-alone",
        "adding-not-nullable-field": "scan-alone required-column",
        "adding-required-field": "required-column",
        "adding-serial-primary-key-field": "rewrite scan-alone",
        "ban-alter-domain-with-add-constraint": "scan-with-readers",
        "ban-alter-generated-expression": "rewrite",
        "ban-alter-identity": "refuses-values default-gone required-column",
        "ban-alter-policy-condition": "rights",
        "ban-alter-policy-roles": "rights",
        "ban-alter-row-level-security": "rights",
        "ban-create-policy": "rights",
        "ban-detach-inheritance": "detach",
        "ban-disable-trigger": "drop-object",
        "ban-drop-column": "drop-column",
        "ban-drop-constraint": "drop-key",
        "ban-drop-default": "default-gone required-column",
        "ban-drop-domain": "drop-object",
        "ban-drop-extension": "drop-object",
        "ban-drop-function": "drop-object",
        "ban-drop-generated-expression": "default-gone required-column",
        "ban-drop-not-null": "null-allowed",
        "ban-drop-policy": "rights",
        "ban-drop-schema": "drop-object drop-table",
        "ban-drop-sequence": "drop-object",
        "ban-drop-table": "drop-table",
        "ban-drop-trigger": "drop-object",
        "ban-drop-type": "drop-object",
        "ban-drop-view": "drop-object",
        "ban-revoke": "rights",
        "ban-set-schema": "rename drop-object",
        "ban-truncate-cascade": "truncate",
        "ban-uncommitted-transaction": "mixture",
        "changing-column-type": "retype rewrite",
        "constraint-missing-not-valid": "scan-alone scan-with-readers",
        "disallowed-unique-constraint": "scan-alone",
        "prefer-repack": "rewrite",
        "prefer-robust-stmts": "once-only",
        "renaming-column": "rename",
        "renaming-object": "rename drop-object drop-key",
        "renaming-table": "rename",
        "require-concurrent-index-creation": "scan-with-readers scan-alone",
        "require-concurrent-index-deletion": "drop-index",
        "require-concurrent-partition-detach": "detach",
        "require-concurrent-reindex": "scan-with-readers",
        "transaction-nesting": "mixture",
    }.items()
}
"""The hazards of which one at least is met where a rule of Squawk's finds something."""

_TASTE = "how a column is best stored is for the models to say, and applying it troubles nobody"
_BOUNDED = "every statement of an apply has lock_timeout set for it, and long ones are seen by what they lock meanwhile"
_REFUSED = "PostgreSQL refuses it, so that the revision fails on the temporary database"
_ADDED = "programs of before do not use it, and go on"
_SETTING = "a setting of the server's or a role's, which belongs to no table and is not made by revisions"
NOT_OURS: Mapping[str, str] = {
    "ban-add-column": _ADDED,
    "ban-add-composite-attribute": _ADDED,
    "ban-add-enum-value": _ADDED,
    "ban-alter-database-options": _SETTING,
    "ban-alter-extension": "what an extension's update does is the extension's, and its members are not compared",
    "ban-alter-function-options": "the function is there, and does what the models say",
    "ban-alter-role-options": _SETTING,
    "ban-alter-sequence-values": "which number comes next is data, of which a temporary database has none",
    "ban-alter-system-options": _SETTING,
    "ban-alter-view-options": "the view is there, and its options are compared with the models'",
    "ban-char-field": _TASTE,
    "ban-concurrent-index-creation-in-transaction": _REFUSED,
    "ban-create-domain-with-constraint": "no row has a domain that is new; adding a constraint later is the hazard",
    "ban-drop-database": "a revision cannot drop the database it runs in, and no other is its business",
    "ban-drop-index": "programs find the same rows without it; that it goes under a lock is a hazard of its own",
    "ban-duplicate-column-assignments": _REFUSED,
    "ban-new-write-restriction": "every constraint is meant to refuse rows, and the models ask for this one",
    "ban-replace-view-function": "PostgreSQL replaces only by what has the same columns or arguments",
    "ban-replica-identity": "it is about subscribers of a publication, not about those who use the tables",
    "ban-set-default": "rows to come have the value that the models say, and no statement fails",
    "identifier-too-long": "PostgreSQL cuts the name, and the comparison of catalogs finds it cut",
    "prefer-bigint-over-int": _TASTE,
    "prefer-bigint-over-smallint": _TASTE,
    "prefer-identity": _TASTE,
    "prefer-text-field": _TASTE,
    "prefer-timestamp-tz": _TASTE,
    "require-enum-value-ordering": "where a label belongs is compared with the models",
    "require-lock-timeout": _BOUNDED,
    "require-statement-timeout": _BOUNDED,
    "require-table-schema": "the project's search_path is that of its connection, the same for every revision",
    "require-timeout-settings": _BOUNDED,
}

MIGRATIONS: Mapping[str, tuple[str, ...]] = {
    **{f"{rule.id}, bad": rule.hazardous_sql for rule in RULES if rule.hazardous_sql},
    **{f"{rule.id}, good": rule.safe_sql for rule in RULES if rule.safe_sql},
    **{
        statements[0]: statements
        for statements in (
            ("ALTER TABLE task ADD COLUMN at timestamp DEFAULT clock_timestamp()",),
            ("ALTER TABLE task ADD COLUMN twice int GENERATED ALWAYS AS (points * 2) STORED",),
            ("ALTER TABLE task ADD COLUMN serial serial",),
            ("ALTER TABLE bare ADD COLUMN id bigserial PRIMARY KEY",),
            ("ALTER TABLE task ADD COLUMN owner text NOT NULL",),
            ("ALTER TABLE task ADD COLUMN owner text NOT NULL DEFAULT ''",),
            ("ALTER TABLE task ADD COLUMN list_id int REFERENCES note",),
            ("ALTER TABLE task ADD FOREIGN KEY (parent_id) REFERENCES note",),
            ("ALTER TABLE task ADD CONSTRAINT ck CHECK (points > 0)",),
            ("ALTER TABLE task ADD CONSTRAINT ck CHECK (points > 0) NOT VALID",),
            ("ALTER TABLE task ADD CONSTRAINT ck CHECK (points > 0) NOT VALID",
             "ALTER TABLE task VALIDATE CONSTRAINT ck"),
            ("ALTER TABLE task ADD CONSTRAINT uq UNIQUE (title)",),
            ("ALTER TABLE task ADD CONSTRAINT ex EXCLUDE USING btree (title WITH =)",),
            ("ALTER TABLE task ALTER COLUMN points TYPE text",),
            ("ALTER TABLE task ALTER COLUMN points TYPE int USING points + 1",),
            ("ALTER TABLE task ALTER COLUMN mood TYPE text",),
            ("ALTER TABLE task ALTER COLUMN title SET NOT NULL",),
            ("ALTER TABLE note ALTER COLUMN body SET DEFAULT 'x'",),
            ("ALTER TABLE task DROP COLUMN title, DROP COLUMN points",),
            ("ALTER TABLE task DROP CONSTRAINT task_pkey",),
            ("ALTER TABLE task RENAME TO job",),
            ("ALTER TABLE task SET SCHEMA shelf",),
            ("ALTER TABLE task DISABLE TRIGGER stamp",),
            ("ALTER TABLE task DISABLE TRIGGER ALL",),
            ("ALTER TABLE task REPLICA IDENTITY FULL",),
            ("ALTER TABLE note ENABLE ROW LEVEL SECURITY", "ALTER TABLE note FORCE ROW LEVEL SECURITY"),
            ("ALTER TABLE task SET UNLOGGED",),
            ("ALTER TABLE note ALTER COLUMN size DROP EXPRESSION",),
            ("ALTER TABLE event ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY",),
            ("ALTER TABLE note ALTER COLUMN id SET GENERATED ALWAYS",),
            ("ALTER TABLE note ALTER COLUMN id DROP IDENTITY",),
            ("ALTER TABLE note RENAME CONSTRAINT note_body_key TO uq_note_body",),
            ("ALTER INDEX ix_task_points RENAME TO ix_points",),
            ("ALTER DOMAIN rank ADD CONSTRAINT positive CHECK (VALUE > 0)",),
            ("ALTER DOMAIN rank ADD CONSTRAINT positive CHECK (VALUE > 0) NOT VALID",),
            ("CREATE DOMAIN grade AS int CHECK (VALUE > 0)",),
            ("ALTER TYPE mood ADD VALUE 'idle'",),
            ("ALTER TYPE mood RENAME VALUE 'calm' TO 'quiet'",),
            ("ALTER TYPE mood RENAME TO temper",),
            ("ALTER VIEW open_task RENAME TO todo",),
            ("ALTER VIEW open_task SET SCHEMA shelf",),
            ("ALTER SEQUENCE ticket RESTART WITH 7",),
            ("ALTER SEQUENCE ticket RENAME TO number",),
            ("ALTER POLICY own ON note USING (id > 1)",),
            ("ALTER POLICY own ON note TO CURRENT_USER",),
            ("CREATE POLICY others ON note FOR SELECT USING (true)",),
            ("DROP POLICY own ON note",),
            ("REVOKE EXECUTE ON FUNCTION stamp FROM PUBLIC",),
            ("GRANT SELECT ON note TO PUBLIC", "REVOKE ALL ON note FROM CURRENT_USER"),
            ("CREATE UNIQUE INDEX uq ON task (title)",),
            ("CREATE INDEX CONCURRENTLY IF NOT EXISTS ix ON task (title)",),
            ("DROP INDEX CONCURRENTLY ix_task_points",),
            ("REINDEX TABLE task",),
            ("REINDEX INDEX ix_task_points",),
            ("REINDEX TABLE CONCURRENTLY task",),
            ("CLUSTER task USING task_pkey",),
            ("VACUUM FULL task",),
            ("ALTER TABLE event DETACH PARTITION event_old CONCURRENTLY",),
            ("DROP TABLE event_old",),
            ("DROP TRIGGER stamp ON task",),
            ("DROP FUNCTION stamp CASCADE",),
            ("DROP TYPE mood CASCADE",),
            ("DROP DOMAIN rank CASCADE",),
            ("DROP SEQUENCE ticket",),
            ("DROP SCHEMA shelf",),
            ("DROP EXTENSION plpgsql CASCADE",),
            ("TRUNCATE task CASCADE",),
            ("UPDATE task SET points = 1",),
            ("DELETE FROM task",),
            ("CREATE TABLE fresh (id serial PRIMARY KEY, name varchar(5), at timestamp)",
             "CREATE INDEX ON fresh (name)"),
            ("BEGIN", "ALTER TABLE task ADD COLUMN extra int"),
            ("ALTER TABLE task ADD COLUMN extra int", "COMMIT"),
        )
    },
}  # fmt: skip
"""Migrations of one matter each, on tables that `tests/support/postgres/hazards.py` makes."""

BETTER: Sequence[tuple[str, str, str]] = (
    (
        "ban-drop-(view|function|trigger|policy|type|domain|default|constraint)|ban-create-policy|renaming-object",
        r"(?s)(?:VIEW|FUNCTION|TRIGGER|POLICY|TYPE|DOMAIN|CONSTRAINT|COLUMN) \"?(\w+).*;"
        r".*(?:CREATE|ADD CONSTRAINT|SET DEFAULT).*\b\1\b",
        "what goes is made again before the commit, so that nobody meets the gap",
    ),
    ("ban-revoke", "(?s)REVOKE SELECT .*GRANT SELECT", "the right is granted again before the commit"),
    ("ban-revoke", "CREATE FUNCTION", "the function is new, and nobody has lost a right to it"),
    ("ban-drop-constraint", "DROP CONSTRAINT (ck|fk)_|ALTER DOMAIN", "fewer rows are refused, and nothing fails"),
    ("ban-drop-constraint", "DROP COLUMN", "the column goes too, and that is what is said"),
    ("ban-alter-identity", "ADD GENERATED BY DEFAULT", "rows may give it a value or not, as before"),
    (
        "ban-drop-(default|sequence)",
        "note_id_seq",
        "an identity fills the column, from a sequence of that name",
    ),
    ("ban-disable-trigger", "ROW LEVEL SECURITY", "no trigger is disabled"),
    ("ban-alter-domain-with-add-constraint", "NOT VALID", "no row is read"),
    (
        "adding-foreign-key-constraint",
        "ADD COLUMN .* REFERENCES",
        "the column is new and NULL, and no row is read",
    ),
    (
        "changing-column-type",
        "COLLATE",
        "the values are of the type they were",
    ),
    (
        "ban-drop-column",
        "GENERATED ALWAYS AS|sa.Computed",
        "the column is computed, and is there again in the same revision",
    ),
    ("renaming-object", "ALTER INDEX|RENAME CONSTRAINT old_name", "programs do not name indexes, nor checks"),
    ("require-concurrent-index-creation", "CREATE MATERIALIZED VIEW", "it is new, and nobody uses it yet"),
)
"""Where Squawk finds something in a text and nothing is to be found in what it does: its rule, the text, and why."""


def squawk(sql: str, *, alone: bool = False) -> set[str]:
    """The names of the rules that Squawk says something by, of all that it has."""
    command = [str(SQUAWK), "--reporter=json", "--stdin-filepath=revision.sql", "--pg-version=18.0"]
    command += [f"--include={rule}" for rule in (*OURS, *NOT_OURS)]
    if not alone:
        command.append("--assume-in-transaction")
    said = subprocess.run(command, input=sql, capture_output=True, text=True, check=False)
    assert said.stdout, said.stderr
    return {finding["rule_name"] for finding in json.loads(said.stdout)}


def accepted(rule: str) -> bool:
    """Whether Squawk has a rule of that name."""
    said = subprocess.run([SQUAWK, f"--exclude={rule}"], input="", capture_output=True, text=True, check=False)
    return "invalid rule name" not in said.stderr


def missing(found: set[str], hazards_met: set[str], text: str) -> dict[str, list[str]]:
    """What Squawk has found and we have not, by its rule, with the hazards that it might have been."""
    return {
        rule: sorted(OURS.get(rule, {"in no table"}))
        for rule in found - NOT_OURS.keys()
        if not OURS.get(rule, frozenset()) & hazards_met
        and not any(re.fullmatch(rules, rule) and re.search(text_, text) for rules, text_, _ in BETTER)
    }


class TestTables:
    def test_are_of_the_version_installed(self) -> None:
        said = subprocess.run([SQUAWK, "--version"], capture_output=True, text=True, check=True)

        assert said.stdout.split() == ["squawk", VERSION]

    def test_name_rules_that_there_are(self) -> None:
        assert [rule for rule in (*OURS, *NOT_OURS) if not accepted(rule)] == []

    def test_name_each_rule_once_and_by_hazards_that_there_are(self) -> None:
        assert OURS.keys() & NOT_OURS.keys() == set()
        assert {hazard for ours in OURS.values() for hazard in ours} <= {rule.id for rule in RULES}

    def test_name_every_rule(self) -> None:
        """The names stand in the program one after another, the short ones alone; it says itself which are rules."""
        verb = rb"(?:adding|ban|changing|constraint|disallowed|identifier|prefer|renaming|require|transaction)-"
        runs = re.findall(verb + rb"(?:(?!" + verb + rb")[a-z-])+", SQUAWK.read_bytes())
        candidates = {run[:length].decode().strip("-") for run in runs for length in (len(run), 16, 32)}
        known = {*OURS, *NOT_OURS}

        found = {name for name in candidates - known if accepted(name)}

        assert len(candidates & known) > len(known) * 0.8
        assert found == set()


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    with connect(database) as found:
        execute_verbatim(found, TABLES)
        found.commit()
        yield found


class TestMigration:
    @pytest.mark.parametrize("name", MIGRATIONS)
    def test_meets_hazards_where_squawk_finds_something(self, connection: Connection, name: str) -> None:
        statements = MIGRATIONS[name]
        text = ";\n".join(statements) + ";\n"
        alone = any(word in text.upper() for word in ALONE)

        found = squawk(text, alone=alone)

        assert missing(found, met(connection, statements), text) == {}

    def test_is_found_by_most_of_squawks_rules(self) -> None:
        """So that what is said to be ours is put to the test."""
        found = {rule for sql in MIGRATIONS.values() for rule in squawk(";\n".join(sql) + ";")}

        assert OURS.keys() - found == {"prefer-repack"}  # which speaks of a command that PostgreSQL has from 19 on


@pytest.fixture(scope="module")
def trial_server(seedbed_server: TemporaryServer) -> TrialServer:
    return TrialServer(seedbed_server)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "-"))
class TestDraft:
    def test_meets_hazards_where_squawk_finds_something(self, trial_server: TrialServer, case: Case) -> None:
        texts, hazards_met = drafted(trial_server, case)

        assert [found for text in texts if (found := missing(squawk(text), hazards_met, text))] == []


def drafted(trial_server: TrialServer, case: Case) -> tuple[list[str], set[str]]:
    """Draft and run a change of the catalog: its transactions as they ran, and the hazards they met.

    What a statement drops and makes again, and the check that stands for NOT NULL while rows are looked at, are not
    shown to squawk: it would take them for rules that are gone, and NOT NULL after it for one that reads the rows.
    """
    after = case.after.metadata()
    texts: list[str] = []
    met_: set[str] = set()
    with trial_server.database() as beginning, trial_server.database() as end:
        trial_server.build(beginning, case.before.metadata())
        wanted = trial_server.build(end, after)
        with connect(beginning) as connection:
            change = plan_changes(connection, wanted, Schema(after, {}), case.decisions)
            for part in change.revision_plans:
                with trace_statements(connection, "x") as trace:
                    _make_runner(render_body(part.up, is_online=part.is_online))(connection)
                said = [f"{_AGAIN.sub('', one.sql)};\n" for one in trace.statements]
                texts += [sql for sql in said if not _STOOD_IN.search(sql)] if part.is_online else ["".join(said)]
                met_ |= {hazard.rule for hazard in find_hazards(ObservedRevision(trace, {}))}
    return texts, met_


_AGAIN = re.compile(r"DROP CONSTRAINT IF EXISTS \S+,\s*")
_STOOD_IN = re.compile(r"(DROP CONSTRAINT IF EXISTS \S+_filled|SET NOT NULL);\n")
