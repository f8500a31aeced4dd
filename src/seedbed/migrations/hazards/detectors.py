"""What of a revision each rule of hazards is about, in words: found in its trace, not in its text."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from seedbed.migrations.diff.online.column_expansion import sync_trigger_name
from seedbed.migrations.diff.types.conversion_rules import find_lossy_part, uses_column
from seedbed.migrations.hazards.schema_objects import SchemaObject
from seedbed.migrations.hazards.table_snapshot import LOCK_MODES, TracedColumn
from seedbed.migrations.hazards.trace import Trace, TracedStatement

SMALL = 1_000
"""A table of so few rows is rewritten or read whole in a millisecond or two; nobody waits for that."""

_WRITES_WAIT = LOCK_MODES.index("ShareLock")
_READS_WAIT = LOCK_MODES.index("AccessExclusiveLock")
_USED = ("view", "sequence", "function", "type", "label", "trigger", "extension", "schema")
_DROP_INDEX = re.compile(r"\s*DROP\s+INDEX\b", re.IGNORECASE)
_ENDS = re.compile(r"\s*(BEGIN|START\s+TRANSACTION|COMMIT|END|ROLLBACK(?!\s+(WORK\s+)?TO)|ABORT)\b", re.IGNORECASE)
_MAKES = re.compile(r"\s*(CREATE|DROP|ALTER\s.*\s(ADD\s+VALUE|DETACH\s+PARTITION))\b", re.IGNORECASE | re.DOTALL)
_IF_EXISTS = re.compile(r"\bIF\s+(NOT\s+)?EXISTS\b|\bOR\s+REPLACE\b", re.IGNORECASE)


@dataclass(frozen=True)
class ObservedRevision:
    """A revision as it ran on a throw-away database: its trace, the target's row counts by table where it has
    statistics, and whether its downgrade refuses.
    """

    trace: Trace
    row_counts: Mapping[str, int]
    is_irreversible: bool = False

    def large(self, name: str) -> bool:
        """Whether a table may have many rows; one without statistics may."""
        return self.row_counts.get(name, SMALL) >= SMALL

    def statements(self) -> Iterable[TracedStatement]:
        return self.trace.statements

    def there(self, tables: Iterable[int]) -> list[int]:
        return [table for table in tables if table in self.trace.initial_tables]


def rewrites(seen: ObservedRevision) -> Iterable[str]:
    for statement in seen.statements():
        for table in seen.there(statement.find_rewritten_tables()):
            if seen.large(name := statement.before.names[table]):
                yield name


def _scans(seen: ObservedRevision, *, weakest: int, strongest: int) -> Iterable[str]:
    """Tables read whole while the transaction has a lock on them of at least one strength and below another."""
    for statement in seen.statements():
        rewritten = statement.find_rewritten_tables()
        for table in seen.there(statement.find_scanned_tables()):
            mode = statement.find_lock(table)
            strength = LOCK_MODES.index(mode) if mode is not None else 0
            name = statement.before.names[table]
            if weakest <= strength < strongest and table not in rewritten and seen.large(name):
                yield name


def scans_alone(seen: ObservedRevision) -> Iterable[str]:
    return _scans(seen, weakest=_READS_WAIT, strongest=len(LOCK_MODES))


def scans_with_readers(seen: ObservedRevision) -> Iterable[str]:
    return _scans(seen, weakest=_WRITES_WAIT, strongest=_READS_WAIT)


def updates(seen: ObservedRevision) -> Iterable[str]:
    for statement in seen.statements():
        table = statement.keyless_write
        if table is not None and table in seen.trace.initial_tables and seen.large(statement.before.names[table]):
            yield statement.before.names[table]


def drops_tables(seen: ObservedRevision) -> Iterable[str]:
    views = {thing.identity for thing in seen.trace.objects_before if thing.type == "view"}  # materialised ones have rows too
    for statement in seen.statements():
        names = (statement.before.names[table] for table in seen.there(statement.find_dropped_tables()))
        yield from (name for name in names if name not in views)


def drops_columns(seen: ObservedRevision) -> Iterable[str]:
    """Without computed ones that are there again, computed anew, when the revision is done."""
    for statement in seen.statements():
        for table, column in statement.find_dropped_columns():
            if table in seen.trace.initial_tables and not _is_computed_again(seen, statement, table, column):
                yield f"{statement.before.names[table]}.{column}"


def _is_computed_again(seen: ObservedRevision, statement: TracedStatement, table: int, name: str) -> bool:
    last = list(seen.statements())[-1].after.columns.get(table, {})
    was = next(column for column in statement.before.columns[table].values() if column.name == name)
    return was.is_generated and any(column.name == name for column in last.values())


def empties(seen: ObservedRevision) -> Iterable[str]:
    for statement in seen.statements():
        if statement.sql.lstrip().upper().startswith("TRUNCATE"):
            yield from (statement.before.names[table] for table in seen.there(statement.find_rewritten_tables()))


def renames(seen: ObservedRevision) -> Iterable[str]:
    for statement in seen.statements():
        for table in seen.there(statement.find_renamed_tables()):
            yield f"{statement.before.names[table]} to {statement.after.names[table]}"
        for table, old, new in statement.find_changed_columns():
            if table in seen.trace.initial_tables and old.name != new.name:
                yield f"{statement.before.names[table]}.{old.name} to {new.name}"


def retypes(seen: ObservedRevision) -> Iterable[str]:
    for statement in seen.statements():
        for table, old, new in statement.find_changed_columns():
            if table in seen.trace.initial_tables and old.type != new.type:
                yield f"{statement.before.names[table]}.{new.name}"


def loses_values(seen: ObservedRevision) -> Iterable[str]:
    """Columns whose new type leaves something off of their values, or lacks labels that the old one had, and columns
    that are converted by an expression that does not read them.
    """
    labels = [thing.identity for thing in _gone(seen, "label")]
    for statement in seen.statements():
        for table, old, new in statement.find_changed_columns():
            kind = new.type.removesuffix("[]").replace('"', "")
            fewer = old.type != new.type and any(label.startswith(f"{kind} ") for label in labels)
            replaced = _is_converted_without_itself(statement.sql, old.name)
            if table in seen.trace.initial_tables and (fewer or replaced or find_lossy_part(old.type, new.type) is not None):
                yield f"{statement.before.names[table]}.{new.name}"


def _is_converted_without_itself(sql: str, column: str) -> bool:
    """Where one statement converts several columns, the expression of each ends before the next ALTER."""
    named = rf'"?{re.escape(column)}"?'
    using = re.search(
        rf"ALTER\s+(?:COLUMN\s+)?{named}\s+(?:SET\s+DATA\s+)?TYPE\b.*?\bUSING\b(.*?)(?=,\s*ALTER\b|$)",
        sql,
        re.IGNORECASE | re.DOTALL,
    )
    return using is not None and not uses_column(using[1], column)


def requires(seen: ObservedRevision) -> Iterable[str]:
    """Columns that a program of before does not fill, nor the trigger of a drafted revision for it, and that take no
    NULL when the revision is done.
    """
    triggers = {thing.display_name for thing in seen.trace.objects_after if thing.type == "trigger"}
    for name, old, new in _columns(seen):
        filling = f"trigger {sync_trigger_name(new.name)} of {name.removesuffix(f'.{new.name}')}"
        newly = old is None or not old.is_not_null or old.has_default
        if new.is_not_null and not new.has_default and newly and filling not in triggers:
            yield name


def unfills(seen: ObservedRevision) -> Iterable[str]:
    for name, old, new in _columns(seen):
        if old is not None and old.has_default and not new.has_default and not new.is_not_null:
            yield name


def refuses_values(seen: ObservedRevision) -> Iterable[str]:
    for name, old, new in _columns(seen):
        if old is not None and old.is_writable and not new.is_writable:
            yield name


def lets_null(seen: ObservedRevision) -> Iterable[str]:
    for name, old, new in _columns(seen):
        if old is not None and old.is_not_null and not new.is_not_null:
            yield name


def _columns(seen: ObservedRevision) -> Iterable[tuple[str, TracedColumn | None, TracedColumn]]:
    """The columns that tables which were there have when the revision is done, each with what it was."""
    if not seen.trace.statements:
        return
    first, last = seen.trace.statements[0].before, seen.trace.statements[-1].after
    for table in sorted(seen.trace.initial_tables & last.names.keys()):
        for number, column in last.columns[table].items():
            yield f"{last.names[table]}.{column.name}", first.columns[table].get(number), column


def drops_indexes(seen: ObservedRevision) -> Iterable[str]:
    for statement in seen.statements():
        if _DROP_INDEX.match(statement.sql) and not statement.runs_in_autocommit:
            alone = [t for t in seen.there(statement.existing_tables) if statement.find_lock(t) == "AccessExclusiveLock"]
            newly = [table for table in alone if statement.before.locks.get(table) != "AccessExclusiveLock"]
            for table in newly or alone:
                if seen.large(statement.before.names[table]):
                    yield statement.before.names[table]


def drops_things(seen: ObservedRevision) -> Iterable[str]:
    """Labels of a type that is gone are not named one by one."""
    gone = list(_gone(seen, *_USED))
    types = {thing.identity for thing in gone if thing.type == "type"}
    return [t.display_name for t in gone if t.type != "label" or t.identity.rpartition(" ")[0] not in types]


def drops_keys(seen: ObservedRevision) -> Iterable[str]:
    """Unique ones whose columns are still there, since with a column its keys go; and names of those that are left."""
    if not seen.trace.statements:
        return
    last = seen.trace.statements[-1].after
    named = set()
    for thing in (*_gone(seen, "key"), *_gone(seen, "named")):
        numbers = [int(word) for word in thing.identity.split() if word.isdigit()]
        whole = all(number in last.columns[thing.table] for number in numbers if number)
        if whole and (thing.table, *numbers) not in named:
            named.add((thing.table, *numbers))
            yield thing.display_name


def detaches(seen: ObservedRevision) -> Iterable[str]:
    return [thing.display_name for thing in _gone(seen, "part")]


def changes_rights(seen: ObservedRevision) -> Iterable[str]:
    """Tables with a policy that is gone, new or another, and what is still there and somebody has lost a right to."""
    was, there = {thing.key for thing in seen.trace.objects_before}, seen.trace.initial_tables
    left = {thing.display_name for thing in seen.trace.objects_after if thing.type == "right"}
    yield from (t.display_name for t in _gone(seen, "policy"))
    yield from (
        t.display_name for t in seen.trace.objects_after if t.type == "policy" and t.key not in was and t.table in there
    )
    yield from (t.display_name for t in _gone(seen, "right") if t.display_name in left)


def _gone(seen: ObservedRevision, *kinds: str) -> Iterable[SchemaObject]:
    """Things that were there and are not any more, without those whose table has gone too."""
    left = {thing.key for thing in seen.trace.objects_after}
    tables = seen.trace.statements[-1].after.names if seen.trace.statements else {}
    for thing in seen.trace.objects_before:
        if thing.type in kinds and thing.key not in left and (not thing.table or thing.table in tables):
            yield thing


def one_way(seen: ObservedRevision) -> Iterable[str]:
    return [f"revision {seen.trace.revision}"] if seen.is_irreversible else []


def mixes(seen: ObservedRevision) -> Iterable[str]:
    kinds = {statement.runs_in_autocommit for statement in seen.statements()}
    ended = any(_ENDS.match(statement.sql) for statement in seen.statements())
    return [f"revision {seen.trace.revision}"] if len(kinds) > 1 or ended else []


def once_only(seen: ObservedRevision) -> Iterable[str]:
    """Statements outside of a transaction that fail when what they make is there, or what they drop is not."""
    for statement in seen.statements():
        if statement.runs_in_autocommit and _MAKES.match(statement.sql) and not _IF_EXISTS.search(statement.sql):
            yield " ".join(statement.sql.split())[:60]
