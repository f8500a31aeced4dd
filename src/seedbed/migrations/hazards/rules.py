"""The hazard rules: the effects that a revision can have on the users of a database."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from seedbed.migrations.hazards import detectors
from seedbed.migrations.hazards.trace import ObservedRevision


class Effect(StrEnum):
    """An effect of a revision that users of the database notice."""

    BLOCKS_READS = "blocks reads"
    BLOCKS_WRITES = "blocks writes"
    REWRITES = "rewrites"
    SCANS = "scans"
    LOSES_DATA = "loses data"
    NO_WAY_BACK = "cannot be undone"
    BREAKS_CODE = "breaks running code"


@dataclass(frozen=True)
class HazardRule:
    """A kind of hazard.

    `detect` returns the locations in a revision to which the rule applies. The rule applies to `hazardous_sql` and does
    not apply to `safe_sql`; the tests run both on a table `task` with many rows. In production, Seedbed applies a
    destructive hazard only if the user allows it.
    """

    id: str
    effects: tuple[Effect, ...]
    message: str
    remedy: str
    hazardous_sql: tuple[str, ...]
    safe_sql: tuple[str, ...]
    detect: Callable[[ObservedRevision], Iterable[str]]
    destructive: bool = False


@dataclass(frozen=True)
class Hazard:
    """A rule that applies to a revision, and the location in the revision."""

    rule: str
    revision: str
    location: str
    effects: tuple[str, ...]
    message: str
    remedy: str
    destructive: bool

    @property
    def sentence(self) -> str:
        return f"{self.location} ({self.revision}): {self.message}"


def find_hazards(observed: ObservedRevision) -> list[Hazard]:
    """Return all hazards of a revision in the order of `RULES`. Each rule reports a location once."""
    return [
        Hazard(
            rule.id, observed.trace.revision, location, tuple(rule.effects), rule.message, rule.remedy, rule.destructive
        )
        for rule in RULES
        for location in dict.fromkeys(rule.detect(observed))
    ]


RULES: Sequence[HazardRule] = (
    HazardRule(
        "rewrite",
        (Effect.REWRITES, Effect.BLOCKS_READS, Effect.BLOCKS_WRITES),
        "every row is rewritten, and the table cannot be read or written until the end",
        "Add a new column, backfill it in batches, keep both equal with a trigger, and drop the old one after the "
        "deploy.",
        ("ALTER TABLE task ALTER COLUMN points TYPE bigint",),
        ("ALTER TABLE task ADD COLUMN points_wide bigint",),
        detectors.find_rewrites,
    ),
    HazardRule(
        "scan-alone",
        (Effect.SCANS, Effect.BLOCKS_READS, Effect.BLOCKS_WRITES),
        "every row is checked, and the table cannot be read or written until the end",
        "Add the constraint NOT VALID in one revision, and VALIDATE it in the next. SET NOT NULL reads no rows after "
        "a validated CHECK of the same condition.",
        ("ALTER TABLE task ALTER COLUMN title SET NOT NULL",),
        ("ALTER TABLE task ADD CONSTRAINT ck CHECK (title IS NOT NULL) NOT VALID",),
        detectors.find_exclusive_scans,
    ),
    HazardRule(
        "scan-with-readers",
        (Effect.SCANS, Effect.BLOCKS_WRITES),
        "every row is read, and the table cannot be written until the end",
        "Build an index CONCURRENTLY in an autocommit block; add a foreign key NOT VALID, and VALIDATE it in the "
        "next revision.",
        ("CREATE INDEX ix ON task (title)",),
        ("ALTER TABLE task ADD CONSTRAINT fk FOREIGN KEY (parent_id) REFERENCES task NOT VALID",),
        detectors.find_write_blocking_scans,
    ),
    HazardRule(
        "update-at-once",
        (Effect.SCANS, Effect.BLOCKS_WRITES),
        "rows are changed in one transaction, and other writers of these rows wait for its end",
        "Change them in batches by key, and commit each batch, in an autocommit block.",
        ("UPDATE task SET title = 'none' WHERE title IS NULL",),
        ("UPDATE task SET title = 'none' WHERE id = 1",),
        detectors.find_bulk_writes,
    ),
    HazardRule(
        "drop-index",
        (Effect.BLOCKS_READS, Effect.BLOCKS_WRITES),
        "dropping an index waits for every session on the table, and later sessions queue behind it",
        "Use DROP INDEX CONCURRENTLY IF EXISTS in an autocommit block, in a revision of its own.",
        ("DROP INDEX ix_task_points",),
        ("DROP INDEX CONCURRENTLY IF EXISTS ix_task_points",),
        detectors.find_blocking_index_drops,
    ),
    HazardRule(
        "drop-table",
        (Effect.LOSES_DATA, Effect.BREAKS_CODE),
        "the table's rows are lost, and programs that use it fail",
        "Deploy programs that do not use it first, and keep a copy of the rows.",
        ("DROP TABLE note",),
        ("ALTER TABLE note ADD COLUMN archived boolean",),
        detectors.find_dropped_tables,
        destructive=True,
    ),
    HazardRule(
        "drop-column",
        (Effect.LOSES_DATA, Effect.BREAKS_CODE),
        "the column's values are lost, and programs that name it fail",
        "Deploy programs that do not name it first, and keep a copy of the values.",
        ("ALTER TABLE task DROP COLUMN points",),
        ("ALTER TABLE task ALTER COLUMN points SET DEFAULT 1",),
        detectors.find_dropped_columns,
        destructive=True,
    ),
    HazardRule(
        "lossy-type",
        (Effect.LOSES_DATA,),
        "values lose what the new type cannot hold, such as digits, times of day or labels",
        "Add another column of the new type, and keep the old one as long as its values are needed.",
        (
            "ALTER TABLE task ALTER COLUMN points DROP DEFAULT",
            "ALTER TABLE task ALTER COLUMN points TYPE boolean USING points <> 0",
        ),
        ("ALTER TABLE task ADD COLUMN has_points boolean",),
        detectors.find_lossy_type_changes,
        destructive=True,
    ),
    HazardRule(
        "truncate",
        (Effect.LOSES_DATA,),
        "the table's rows are lost",
        "Keep the rows, or move them to another table first.",
        ("TRUNCATE note",),
        ("DELETE FROM note WHERE id = 0",),
        detectors.find_truncated_tables,
        destructive=True,
    ),
    HazardRule(
        "rename",
        (Effect.BREAKS_CODE,),
        "programs that use the old name fail as soon as this is applied",
        "Deploy in two steps. In between, a view, or a second column that a trigger keeps equal, has the other name.",
        ("ALTER TABLE task RENAME COLUMN title TO headline",),
        ("ALTER TABLE task ADD COLUMN headline text",),
        detectors.find_renames,
    ),
    HazardRule(
        "retype",
        (Effect.BREAKS_CODE,),
        "prepared statements of running programs fail once, and values may have another type than they expect",
        "Add another column of the new type, and drop the old one after the deploy.",
        ("ALTER TABLE task ALTER COLUMN title TYPE varchar(500)",),
        ("ALTER TABLE task ADD COLUMN title_short varchar(500)",),
        detectors.find_type_changes,
    ),
    HazardRule(
        "required-column",
        (Effect.BREAKS_CODE,),
        "the previous release does not set it, and its INSERTs fail",
        "Give the column a default, or allow NULL until after the deploy.",
        (
            "ALTER TABLE task ADD COLUMN owner text NOT NULL DEFAULT 'nobody'",
            "ALTER TABLE task ALTER COLUMN owner DROP DEFAULT",
        ),
        ("ALTER TABLE task ADD COLUMN owner text NOT NULL DEFAULT 'nobody'",),
        detectors.find_required_columns,
    ),
    HazardRule(
        "default-gone",
        (Effect.BREAKS_CODE,),
        "rows that the previous release inserts have NULL in it from now on",
        "Keep the default until after the deploy.",
        ("ALTER TABLE task ALTER COLUMN points DROP DEFAULT",),
        ("ALTER TABLE task ALTER COLUMN points SET DEFAULT 1",),
        detectors.find_dropped_defaults,
    ),
    HazardRule(
        "refuses-values",
        (Effect.BREAKS_CODE,),
        "PostgreSQL computes it from now on, and INSERTs that set it fail",
        "Deploy programs that do not set it first; an identity can be GENERATED BY DEFAULT until then.",
        ("ALTER TABLE task ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY",),
        ("ALTER TABLE task ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY",),
        detectors.find_newly_generated_columns,
    ),
    HazardRule(
        "null-allowed",
        (Effect.BREAKS_CODE,),
        "programs that expect no NULL in it can read one, as soon as another program writes it",
        "Deploy programs that can read NULL first.",
        ("ALTER TABLE note ALTER COLUMN body DROP NOT NULL",),
        ("ALTER TABLE note ALTER COLUMN body SET DEFAULT ''",),
        detectors.find_dropped_not_nulls,
    ),
    HazardRule(
        "drop-key",
        (Effect.BREAKS_CODE,),
        "its columns are no longer unique, or not under that name, and INSERT ... ON CONFLICT that names it fails",
        "Deploy programs that do not name it first; another unique index on the same columns can replace it.",
        ("ALTER TABLE note DROP CONSTRAINT note_body_key",),
        ("ALTER INDEX ix_task_points RENAME TO ix_points",),
        detectors.find_dropped_keys,
    ),
    HazardRule(
        "drop-object",
        (Effect.BREAKS_CODE,),
        "programs that use it, or rely on what it does, fail",
        "Deploy programs that do not use it first.",
        ("DROP VIEW open_task",),
        ("CREATE OR REPLACE VIEW open_task AS SELECT id FROM task WHERE id > 0",),
        detectors.find_dropped_objects,
    ),
    HazardRule(
        "detach",
        (Effect.BREAKS_CODE, Effect.BLOCKS_READS, Effect.BLOCKS_WRITES),
        "its rows are no longer found in the partitioned table; without CONCURRENTLY, this waits for every session "
        "on that table, and later sessions queue behind it",
        "Use DETACH PARTITION ... CONCURRENTLY in an autocommit block, once no program reads those rows there.",
        ("ALTER TABLE event DETACH PARTITION event_old",),
        ("CREATE TABLE event_new PARTITION OF event FOR VALUES FROM (1000) TO (2000)",),
        detectors.find_detached_partitions,
    ),
    HazardRule(
        "rights",
        (Effect.BREAKS_CODE,),
        "other roles can read or write its rows from now on: programs may be denied access, or see other rows",
        "Check that every role that programs use still has the privileges it needs.",
        ("ALTER TABLE task ENABLE ROW LEVEL SECURITY",),
        ("GRANT SELECT ON task TO PUBLIC",),
        detectors.find_privilege_changes,
    ),
    HazardRule(
        "one-way",
        (Effect.NO_WAY_BACK,),
        "its downgrade raises an exception",
        "Write a downgrade that restores what can be restored.",
        (),
        (),
        detectors.find_irreversible_downgrade,
        destructive=True,
    ),
    HazardRule(
        "mixture",
        (Effect.NO_WAY_BACK,),
        "some of its statements commit as they run, and the others with the revision; if it is killed in between, it "
        "can neither be run again nor rolled back",
        "Move the statements of the autocommit block to a revision of their own, written so that it can be run again.",
        (),
        (),
        detectors.find_mixed_transactions,
    ),
    HazardRule(
        "once-only",
        (Effect.NO_WAY_BACK,),
        "it runs outside of a transaction and fails if it has run before; if the revision is killed right after it, "
        "it cannot be run again",
        "Write IF NOT EXISTS or IF EXISTS. Where a statement has no such clause, check first whether it has run.",
        ("CREATE INDEX CONCURRENTLY ix_once ON task (points)",),
        ("CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_once ON task (points)",),
        detectors.find_unrepeatable_statements,
    ),
)
