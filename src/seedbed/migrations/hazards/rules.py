"""What applying a revision may do to those who use the database: each rule is one record, for plan, tests and docs."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from seedbed.migrations.hazards import detectors
from seedbed.migrations.hazards.detectors import ObservedRevision


class Effect(StrEnum):
    """What users of the database notice."""

    BLOCKS_READS = "blocks reads"
    BLOCKS_WRITES = "blocks writes"
    REWRITES = "rewrites"
    SCANS = "scans"
    LOSES_DATA = "loses data"
    NO_WAY_BACK = "cannot be undone"
    BREAKS_CODE = "breaks running code"


@dataclass(frozen=True)
class HazardRule:
    """`detect` gives what a revision does that the rule is about, in words; `hazardous_sql` and `safe_sql` are SQL that does and that
    does not, both run by the tests on a table `task` with many rows. A destructive one has to be allowed.
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
    """A rule that a revision meets, and at what."""

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


def find_hazards(seen: ObservedRevision) -> list[Hazard]:
    """Every rule that a revision meets, in the order of `RULES`; each thing is named once for a rule."""
    return [
        Hazard(rule.id, seen.trace.revision, at, tuple(rule.effects), rule.message, rule.remedy, rule.destructive)
        for rule in RULES
        for at in dict.fromkeys(rule.detect(seen))
    ]


RULES: Sequence[HazardRule] = (
    HazardRule(
        "rewrite",
        (Effect.REWRITES, Effect.BLOCKS_READS, Effect.BLOCKS_WRITES),
        "every row is written anew, and nobody reads or writes the table meanwhile",
        "Add another column, fill it in batches, keep both alike by a trigger, and drop the old one after the deploy.",
        ("ALTER TABLE task ALTER COLUMN points TYPE bigint",),
        ("ALTER TABLE task ADD COLUMN points_wide bigint",),
        detectors.rewrites,
    ),
    HazardRule(
        "scan-alone",
        (Effect.SCANS, Effect.BLOCKS_READS, Effect.BLOCKS_WRITES),
        "every row is checked, and nobody reads or writes the table meanwhile",
        "Add the constraint NOT VALID in one revision, and VALIDATE it in the next; SET NOT NULL after a validated "
        "CHECK that says the same reads nothing.",
        ("ALTER TABLE task ALTER COLUMN title SET NOT NULL",),
        ("ALTER TABLE task ADD CONSTRAINT ck CHECK (title IS NOT NULL) NOT VALID",),
        detectors.scans_alone,
    ),
    HazardRule(
        "scan-with-readers",
        (Effect.SCANS, Effect.BLOCKS_WRITES),
        "every row is read, and nobody writes to the table meanwhile",
        "Build an index CONCURRENTLY in an autocommit block; add a foreign key NOT VALID, and VALIDATE it in the next "
        "revision.",
        ("CREATE INDEX ix ON task (title)",),
        ("ALTER TABLE task ADD CONSTRAINT fk FOREIGN KEY (parent_id) REFERENCES task NOT VALID",),
        detectors.scans_with_readers,
    ),
    HazardRule(
        "update-at-once",
        (Effect.SCANS, Effect.BLOCKS_WRITES),
        "rows are changed in one transaction, and who wants to write one of them waits for its end",
        "Change them in batches by key, each committed, in an autocommit block.",
        ("UPDATE task SET title = 'none' WHERE title IS NULL",),
        ("UPDATE task SET title = 'none' WHERE id = 1",),
        detectors.updates,
    ),
    HazardRule(
        "drop-index",
        (Effect.BLOCKS_READS, Effect.BLOCKS_WRITES),
        "to take an index away, everybody on the table is waited for, and whoever comes meanwhile waits too",
        "DROP INDEX CONCURRENTLY IF EXISTS in an autocommit block, in a revision of its own.",
        ("DROP INDEX ix_task_points",),
        ("DROP INDEX CONCURRENTLY IF EXISTS ix_task_points",),
        detectors.drops_indexes,
    ),
    HazardRule(
        "drop-table",
        (Effect.LOSES_DATA, Effect.BREAKS_CODE),
        "the table's rows are lost, and programs that use it fail",
        "Deploy programs that do not use it first, and keep a copy of the rows.",
        ("DROP TABLE note",),
        ("ALTER TABLE note ADD COLUMN archived boolean",),
        detectors.drops_tables,
        destructive=True,
    ),
    HazardRule(
        "drop-column",
        (Effect.LOSES_DATA, Effect.BREAKS_CODE),
        "the column's values are lost, and programs that name it fail",
        "Deploy programs that do not name it first, and keep a copy of the values.",
        ("ALTER TABLE task DROP COLUMN points",),
        ("ALTER TABLE task ALTER COLUMN points SET DEFAULT 1",),
        detectors.drops_columns,
        destructive=True,
    ),
    HazardRule(
        "lossy-type",
        (Effect.LOSES_DATA,),
        "digits, times of day, labels or whatever else of the values the new type does not take are lost",
        "Add another column of the new type, and keep the old one as long as its values are of use.",
        (
            "ALTER TABLE task ALTER COLUMN points DROP DEFAULT",
            "ALTER TABLE task ALTER COLUMN points TYPE boolean USING points <> 0",
        ),
        ("ALTER TABLE task ADD COLUMN has_points boolean",),
        detectors.loses_values,
        destructive=True,
    ),
    HazardRule(
        "truncate",
        (Effect.LOSES_DATA,),
        "the table's rows are lost",
        "Leave the rows where they are, or move them away first.",
        ("TRUNCATE note",),
        ("DELETE FROM note WHERE id = 0",),
        detectors.empties,
        destructive=True,
    ),
    HazardRule(
        "rename",
        (Effect.BREAKS_CODE,),
        "programs that use the old name fail as soon as this is applied",
        "Deploy in two steps: a view, or another column kept alike by a trigger, has the other name meanwhile.",
        ("ALTER TABLE task RENAME COLUMN title TO headline",),
        ("ALTER TABLE task ADD COLUMN headline text",),
        detectors.renames,
    ),
    HazardRule(
        "retype",
        (Effect.BREAKS_CODE,),
        "statements that programs have prepared fail once, and values may be of another type than they expect",
        "Add another column of the new type, and drop the old one after the deploy.",
        ("ALTER TABLE task ALTER COLUMN title TYPE varchar(500)",),
        ("ALTER TABLE task ADD COLUMN title_short varchar(500)",),
        detectors.retypes,
    ),
    HazardRule(
        "required-column",
        (Effect.BREAKS_CODE,),
        "programs of before the deploy do not fill it, and their INSERTs fail",
        "Give the column a default, or let it be NULL until after the deploy.",
        (
            "ALTER TABLE task ADD COLUMN owner text NOT NULL DEFAULT 'nobody'",
            "ALTER TABLE task ALTER COLUMN owner DROP DEFAULT",
        ),
        ("ALTER TABLE task ADD COLUMN owner text NOT NULL DEFAULT 'nobody'",),
        detectors.requires,
    ),
    HazardRule(
        "default-gone",
        (Effect.BREAKS_CODE,),
        "rows that programs of before the deploy insert have NULL there from now on",
        "Leave the default until after the deploy.",
        ("ALTER TABLE task ALTER COLUMN points DROP DEFAULT",),
        ("ALTER TABLE task ALTER COLUMN points SET DEFAULT 1",),
        detectors.unfills,
    ),
    HazardRule(
        "refuses-values",
        (Effect.BREAKS_CODE,),
        "PostgreSQL computes it from now on, and INSERTs that give it a value fail",
        "Deploy programs that do not give it first; an identity may be GENERATED BY DEFAULT until then.",
        ("ALTER TABLE task ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY",),
        ("ALTER TABLE task ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY",),
        detectors.refuses_values,
    ),
    HazardRule(
        "null-allowed",
        (Effect.BREAKS_CODE,),
        "programs that have never met NULL there may, as soon as one writes it",
        "Deploy programs that can read NULL first.",
        ("ALTER TABLE note ALTER COLUMN body DROP NOT NULL",),
        ("ALTER TABLE note ALTER COLUMN body SET DEFAULT ''",),
        detectors.lets_null,
    ),
    HazardRule(
        "drop-key",
        (Effect.BREAKS_CODE,),
        "nothing keeps it unique any more, or not under that name, and INSERT ... ON CONFLICT that names it fails",
        "Deploy programs that do not name it first; another unique index of the same columns may stay in its place.",
        ("ALTER TABLE note DROP CONSTRAINT note_body_key",),
        ("ALTER INDEX ix_task_points RENAME TO ix_points",),
        detectors.drops_keys,
    ),
    HazardRule(
        "drop-object",
        (Effect.BREAKS_CODE,),
        "programs that use it, or count on what it does, fail",
        "Deploy programs that do without it first.",
        ("DROP VIEW open_task",),
        ("CREATE OR REPLACE VIEW open_task AS SELECT id FROM task WHERE id > 0",),
        detectors.drops_things,
    ),
    HazardRule(
        "detach",
        (Effect.BREAKS_CODE, Effect.BLOCKS_READS, Effect.BLOCKS_WRITES),
        "its rows are no longer found in the table it was a part of; without CONCURRENTLY, everybody on that table is "
        "waited for, and whoever comes meanwhile waits too",
        "DETACH PARTITION ... CONCURRENTLY in an autocommit block, once no program looks for those rows there.",
        ("ALTER TABLE event DETACH PARTITION event_old",),
        ("CREATE TABLE event_new PARTITION OF event FOR VALUES FROM (1000) TO (2000)",),
        detectors.detaches,
    ),
    HazardRule(
        "rights",
        (Effect.BREAKS_CODE,),
        "who may read or write its rows is another from now on: programs may be refused, or find other rows",
        "See that every role that programs use still may what it has to.",
        ("ALTER TABLE task ENABLE ROW LEVEL SECURITY",),
        ("GRANT SELECT ON task TO PUBLIC",),
        detectors.changes_rights,
    ),
    HazardRule(
        "one-way",
        (Effect.NO_WAY_BACK,),
        "its downgrade refuses",
        "Write one that brings back what can be brought back.",
        (),
        (),
        detectors.one_way,
        destructive=True,
    ),
    HazardRule(
        "mixture",
        (Effect.NO_WAY_BACK,),
        "some of its statements are committed as they run, and the others with the revision; killed between, it can "
        "neither be run again nor rolled back",
        "Put what runs in an autocommit block into a revision of its own, written so that it can be run again.",
        (),
        (),
        detectors.mixes,
    ),
    HazardRule(
        "once-only",
        (Effect.NO_WAY_BACK,),
        "it runs outside of a transaction and fails when it has run before; killed right after it, the revision cannot "
        "be run again",
        "Write IF NOT EXISTS, or IF EXISTS; where a statement has no such words, look first whether it has run.",
        ("CREATE INDEX CONCURRENTLY ix_once ON task (points)",),
        ("CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_once ON task (points)",),
        detectors.once_only,
    ),
)
