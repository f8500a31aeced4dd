"""What applying a revision may do to those who use the database: each rule is one record, for plan, tests and docs."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from seedbed.migrating.tracing import MODES, Trace, Traced

SMALL = 1_000
"""A table of so few rows is rewritten or read whole in a millisecond or two; nobody waits for that."""

_WRITES_WAIT = MODES.index("ShareLock")
_READS_WAIT = MODES.index("AccessExclusiveLock")


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
class Seen:
    """A revision as it ran on a throw-away database: its trace, the target's row counts by table where it has
    statistics, and whether its downgrade refuses.
    """

    trace: Trace
    rows: Mapping[str, int]
    one_way: bool = False

    def large(self, name: str) -> bool:
        """Whether a table may have many rows; one without statistics may."""
        return self.rows.get(name, SMALL) >= SMALL

    def statements(self) -> Iterable[Traced]:
        return self.trace.statements

    def there(self, tables: Iterable[int]) -> list[int]:
        return [table for table in tables if table in self.trace.there]


@dataclass(frozen=True)
class Rule:
    """`finds` gives what a revision does that the rule is about, in words; `bad` and `good` are SQL that does and that
    does not, both run by the tests on a table `task` with many rows. A destructive one has to be allowed.
    """

    id: str
    effects: tuple[Effect, ...]
    says: str
    workaround: str
    bad: tuple[str, ...]
    good: tuple[str, ...]
    finds: Callable[[Seen], Iterable[str]]
    destructive: bool = False


@dataclass(frozen=True)
class Hazard:
    """A rule that a revision meets, and at what."""

    rule: str
    revision: str
    at: str
    effects: tuple[str, ...]
    says: str
    workaround: str
    destructive: bool


def hazards(seen: Seen) -> list[Hazard]:
    """Every rule that a revision meets, in the order of `RULES`; each thing is named once for a rule."""
    return [
        Hazard(rule.id, seen.trace.revision, at, tuple(rule.effects), rule.says, rule.workaround, rule.destructive)
        for rule in RULES
        for at in dict.fromkeys(rule.finds(seen))
    ]


def _rewrites(seen: Seen) -> Iterable[str]:
    for statement in seen.statements():
        for table in seen.there(statement.rewritten()):
            if seen.large(name := statement.before.names[table]):
                yield name


def _scans(seen: Seen, *, weakest: int, strongest: int) -> Iterable[str]:
    """Tables read whole while the transaction has a lock on them of at least one strength and below another."""
    for statement in seen.statements():
        rewritten = statement.rewritten()
        for table in seen.there(statement.scanned()):
            mode = statement.held(table)
            strength = MODES.index(mode) if mode is not None else 0
            name = statement.before.names[table]
            if weakest <= strength < strongest and table not in rewritten and seen.large(name):
                yield name


def _scans_alone(seen: Seen) -> Iterable[str]:
    return _scans(seen, weakest=_READS_WAIT, strongest=len(MODES))


def _scans_with_readers(seen: Seen) -> Iterable[str]:
    return _scans(seen, weakest=_WRITES_WAIT, strongest=_READS_WAIT)


def _updates(seen: Seen) -> Iterable[str]:
    for statement in seen.statements():
        words = statement.sql.split(None, 1)
        if words and words[0].upper() in {"UPDATE", "DELETE"} and not statement.concurrent:
            for table in seen.there(statement.scanned()):
                if statement.held(table) == "RowExclusiveLock" and seen.large(statement.before.names[table]):
                    yield statement.before.names[table]


def _drops_tables(seen: Seen) -> Iterable[str]:
    for statement in seen.statements():
        yield from (statement.before.names[table] for table in seen.there(statement.gone_tables()))


def _drops_columns(seen: Seen) -> Iterable[str]:
    for statement in seen.statements():
        for table, column in statement.gone_columns():
            if table in seen.trace.there:
                yield f"{statement.before.names[table]}.{column}"


def _empties(seen: Seen) -> Iterable[str]:
    for statement in seen.statements():
        if statement.sql.lstrip().upper().startswith("TRUNCATE"):
            yield from (statement.before.names[table] for table in seen.there(statement.rewritten()))


def _renames(seen: Seen) -> Iterable[str]:
    for statement in seen.statements():
        for table in seen.there(statement.renamed_tables()):
            yield f"{statement.before.names[table]} to {statement.after.names[table]}"
        for table, old, new in statement.changed_columns():
            if table in seen.trace.there and old.name != new.name:
                yield f"{statement.before.names[table]}.{old.name} to {new.name}"


def _retypes(seen: Seen) -> Iterable[str]:
    for statement in seen.statements():
        for table, old, new in statement.changed_columns():
            if table in seen.trace.there and old.type != new.type:
                yield f"{statement.before.names[table]}.{new.name}"


def _requires(seen: Seen) -> Iterable[str]:
    """Columns that a program of before does not fill and that take no NULL when the revision is done."""
    if not seen.trace.statements:
        return
    first, last = seen.trace.statements[0].before, seen.trace.statements[-1].after
    for table in sorted(seen.trace.there & last.names.keys()):
        for number, column in last.columns[table].items():
            old = first.columns[table].get(number)
            if column.not_null and not column.filled and (old is None or not old.not_null):
                yield f"{last.names[table]}.{column.name}"


def _one_way(seen: Seen) -> Iterable[str]:
    return [f"revision {seen.trace.revision}"] if seen.one_way else []


def _mixes(seen: Seen) -> Iterable[str]:
    kinds = {statement.concurrent for statement in seen.statements()}
    return [f"revision {seen.trace.revision}"] if len(kinds) > 1 else []


RULES: Sequence[Rule] = (
    Rule(
        "rewrite",
        (Effect.REWRITES, Effect.BLOCKS_READS, Effect.BLOCKS_WRITES),
        "every row is written anew, and nobody reads or writes the table meanwhile",
        "Add another column, fill it in batches, keep both alike by a trigger, and drop the old one after the deploy.",
        ("ALTER TABLE task ALTER COLUMN points TYPE bigint",),
        ("ALTER TABLE task ADD COLUMN points_wide bigint",),
        _rewrites,
    ),
    Rule(
        "scan-alone",
        (Effect.SCANS, Effect.BLOCKS_READS, Effect.BLOCKS_WRITES),
        "every row is checked, and nobody reads or writes the table meanwhile",
        "Add the constraint NOT VALID in one revision, and VALIDATE it in the next; SET NOT NULL after a validated "
        "CHECK that says the same reads nothing.",
        ("ALTER TABLE task ALTER COLUMN title SET NOT NULL",),
        ("ALTER TABLE task ADD CONSTRAINT ck CHECK (title IS NOT NULL) NOT VALID",),
        _scans_alone,
    ),
    Rule(
        "scan-with-readers",
        (Effect.SCANS, Effect.BLOCKS_WRITES),
        "every row is read, and nobody writes to the table meanwhile",
        "Build an index CONCURRENTLY in an autocommit block; add a foreign key NOT VALID, and VALIDATE it in the next "
        "revision.",
        ("CREATE INDEX ix ON task (title)",),
        ("ALTER TABLE task ADD CONSTRAINT fk FOREIGN KEY (parent_id) REFERENCES task NOT VALID",),
        _scans_with_readers,
    ),
    Rule(
        "update-at-once",
        (Effect.SCANS, Effect.BLOCKS_WRITES),
        "rows are changed in one transaction, and who wants to write one of them waits for its end",
        "Change them in batches by key, each committed, in an autocommit block.",
        ("UPDATE task SET title = 'none' WHERE title IS NULL",),
        ("UPDATE task SET title = 'none' WHERE id = 1",),
        _updates,
    ),
    Rule(
        "drop-table",
        (Effect.LOSES_DATA, Effect.BREAKS_CODE),
        "the table's rows are lost, and programs that use it fail",
        "Deploy programs that do not use it first, and keep a copy of the rows.",
        ("DROP TABLE note",),
        ("ALTER TABLE note ADD COLUMN archived boolean",),
        _drops_tables,
        destructive=True,
    ),
    Rule(
        "drop-column",
        (Effect.LOSES_DATA, Effect.BREAKS_CODE),
        "the column's values are lost, and programs that name it fail",
        "Deploy programs that do not name it first, and keep a copy of the values.",
        ("ALTER TABLE task DROP COLUMN points",),
        ("ALTER TABLE task ALTER COLUMN points DROP DEFAULT",),
        _drops_columns,
        destructive=True,
    ),
    Rule(
        "truncate",
        (Effect.LOSES_DATA,),
        "the table's rows are lost",
        "Leave the rows where they are, or move them away first.",
        ("TRUNCATE note",),
        ("DELETE FROM note WHERE id = 0",),
        _empties,
        destructive=True,
    ),
    Rule(
        "rename",
        (Effect.BREAKS_CODE,),
        "programs that use the old name fail as soon as this is applied",
        "Deploy in two steps: a view, or another column kept alike by a trigger, has the other name meanwhile.",
        ("ALTER TABLE task RENAME COLUMN title TO headline",),
        ("ALTER TABLE task ADD COLUMN headline text",),
        _renames,
    ),
    Rule(
        "retype",
        (Effect.BREAKS_CODE,),
        "statements that programs have prepared fail once, and values may be of another type than they expect",
        "Add another column of the new type, and drop the old one after the deploy.",
        ("ALTER TABLE task ALTER COLUMN title TYPE varchar(500)",),
        ("ALTER TABLE task ADD COLUMN title_short varchar(500)",),
        _retypes,
    ),
    Rule(
        "required-column",
        (Effect.BREAKS_CODE,),
        "programs of before the deploy do not fill it, and their INSERTs fail",
        "Give the column a default, or let it be NULL until after the deploy.",
        (
            "ALTER TABLE task ADD COLUMN owner text NOT NULL DEFAULT 'nobody'",
            "ALTER TABLE task ALTER COLUMN owner DROP DEFAULT",
        ),
        ("ALTER TABLE task ADD COLUMN owner text NOT NULL DEFAULT 'nobody'",),
        _requires,
    ),
    Rule(
        "one-way",
        (Effect.NO_WAY_BACK,),
        "its downgrade refuses",
        "Write one that brings back what can be brought back.",
        (),
        (),
        _one_way,
        destructive=True,
    ),
    Rule(
        "mixture",
        (Effect.NO_WAY_BACK,),
        "some of its statements are committed as they run, and the others with the revision; killed between, it can "
        "neither be run again nor rolled back",
        "Put what runs in an autocommit block into a revision of its own, written so that it can be run again.",
        (),
        (),
        _mixes,
    ),
)
