"""Detectors of the hazard rules: they read the trace of a revision, not its text."""

import re
from collections.abc import Iterable

from seedbed.migrations.diff.online.column_expansion import sync_trigger_name
from seedbed.migrations.diff.types.conversion_rules import find_lossy_part, uses_column
from seedbed.migrations.hazards.schema_snapshot import LOCK_MODES, TracedColumn
from seedbed.migrations.hazards.trace import ObservedRevision, TracedStatement, find_removed

_BLOCKS_WRITES = LOCK_MODES.index("ShareLock")
_BLOCKS_READS = LOCK_MODES.index("AccessExclusiveLock")
_DROP_INDEX = re.compile(r"\s*DROP\s+INDEX\b", re.IGNORECASE)
_TRANSACTION_END = re.compile(
    r"\s*(BEGIN|START\s+TRANSACTION|COMMIT|END|ROLLBACK(?!\s+(WORK\s+)?TO)|ABORT)\b", re.IGNORECASE
)
_CREATES_OR_DROPS = re.compile(
    r"\s*(CREATE|DROP|ALTER\s.*\s(ADD\s+VALUE|DETACH\s+PARTITION))\b", re.IGNORECASE | re.DOTALL
)
_IF_EXISTS = re.compile(r"\bIF\s+(NOT\s+)?EXISTS\b|\bOR\s+REPLACE\b", re.IGNORECASE)

_PROGRAM_OBJECTS = ("view", "sequence", "function", "type", "label", "trigger", "extension", "schema")


def find_rewrites(observed: ObservedRevision) -> Iterable[str]:
    for statement in observed.statements:
        for table in observed.select_initial(statement.find_rewritten_tables()):
            if observed.may_be_large(name := statement.before.names[table]):
                yield name


def _find_scans(observed: ObservedRevision, *, weakest: int, strongest: int) -> Iterable[str]:
    """Find scans of whole tables under a lock of at least `weakest` and below `strongest`."""
    for statement in observed.statements:
        rewritten = statement.find_rewritten_tables()
        for table in observed.select_initial(statement.find_scanned_tables()):
            mode = statement.find_lock(table)
            strength = LOCK_MODES.index(mode) if mode is not None else 0
            name = statement.before.names[table]
            if weakest <= strength < strongest and table not in rewritten and observed.may_be_large(name):
                yield name


def find_exclusive_scans(observed: ObservedRevision) -> Iterable[str]:
    return _find_scans(observed, weakest=_BLOCKS_READS, strongest=len(LOCK_MODES))


def find_write_blocking_scans(observed: ObservedRevision) -> Iterable[str]:
    return _find_scans(observed, weakest=_BLOCKS_WRITES, strongest=_BLOCKS_READS)


def find_bulk_writes(observed: ObservedRevision) -> Iterable[str]:
    for statement in observed.statements:
        table = statement.keyless_write
        if (
            table is not None
            and table in observed.trace.initial_tables
            and observed.may_be_large(statement.before.names[table])
        ):
            yield statement.before.names[table]


def find_dropped_tables(observed: ObservedRevision) -> Iterable[str]:
    views = {
        schema_object.identity for schema_object in observed.trace.objects_before if schema_object.type == "view"
    }  # a materialized view has rows too
    for statement in observed.statements:
        names = (statement.before.names[table] for table in observed.select_initial(statement.find_dropped_tables()))
        yield from (name for name in names if name not in views)


def find_dropped_columns(observed: ObservedRevision) -> Iterable[str]:
    """Leave out generated columns that exist again at the end of the revision."""
    for statement in observed.statements:
        for table, column in statement.find_dropped_columns():
            if table in observed.trace.initial_tables and not _is_generated_again(observed, statement, table, column):
                yield f"{statement.before.names[table]}.{column}"


def _is_generated_again(observed: ObservedRevision, statement: TracedStatement, table: int, name: str) -> bool:
    last = list(observed.statements)[-1].after.columns.get(table, {})
    dropped = next(column for column in statement.before.columns[table].values() if column.name == name)
    return dropped.is_generated and any(column.name == name for column in last.values())


def find_truncated_tables(observed: ObservedRevision) -> Iterable[str]:
    for statement in observed.statements:
        if statement.sql.lstrip().upper().startswith("TRUNCATE"):
            yield from (
                statement.before.names[table] for table in observed.select_initial(statement.find_rewritten_tables())
            )


def find_renames(observed: ObservedRevision) -> Iterable[str]:
    for statement in observed.statements:
        for table in observed.select_initial(statement.find_renamed_tables()):
            yield f"{statement.before.names[table]} to {statement.after.names[table]}"
        for table, old, new in statement.find_changed_columns():
            if table in observed.trace.initial_tables and old.name != new.name:
                yield f"{statement.before.names[table]}.{old.name} to {new.name}"


def find_type_changes(observed: ObservedRevision) -> Iterable[str]:
    for statement in observed.statements:
        for table, old, new in statement.find_changed_columns():
            if table in observed.trace.initial_tables and old.type != new.type:
                yield f"{statement.before.names[table]}.{new.name}"


def find_lossy_type_changes(observed: ObservedRevision) -> Iterable[str]:
    """Find columns whose new type cannot hold all values, or lacks labels of the old type.

    Columns that are converted by an expression that does not read them count too.
    """
    labels = [schema_object.identity for schema_object in find_removed(observed, "label")]
    for statement in observed.statements:
        for table, old, new in statement.find_changed_columns():
            type_name = new.type.removesuffix("[]").replace('"', "")
            lacks_labels = old.type != new.type and any(label.startswith(f"{type_name} ") for label in labels)
            is_replaced = _is_replaced_by_using(statement.sql, old.name)
            if table in observed.trace.initial_tables and (
                lacks_labels or is_replaced or find_lossy_part(old.type, new.type) is not None
            ):
                yield f"{statement.before.names[table]}.{new.name}"


def _is_replaced_by_using(sql: str, column: str) -> bool:
    """Return whether a USING expression does not read the column that it converts.

    In a statement that converts several columns, each expression ends before the next ALTER.
    """
    name = rf'"?{re.escape(column)}"?'
    using = re.search(
        rf"ALTER\s+(?:COLUMN\s+)?{name}\s+(?:SET\s+DATA\s+)?TYPE\b.*?\bUSING\b(.*?)(?=,\s*ALTER\b|$)",
        sql,
        re.IGNORECASE | re.DOTALL,
    )
    return using is not None and not uses_column(using[1], column)


def find_required_columns(observed: ObservedRevision) -> Iterable[str]:
    """Find columns that are NOT NULL at the end and that the previous release does not set.

    A column that the trigger of a drafted revision fills does not count.
    """
    triggers = {
        schema_object.display_name for schema_object in observed.trace.objects_after if schema_object.type == "trigger"
    }
    for name, old, new in _compare_columns(observed):
        filling_trigger = f"trigger {sync_trigger_name(new.name)} of {name.removesuffix(f'.{new.name}')}"
        is_new = old is None or not old.is_not_null or old.has_default
        if new.is_not_null and not new.has_default and is_new and filling_trigger not in triggers:
            yield name


def find_dropped_defaults(observed: ObservedRevision) -> Iterable[str]:
    for name, old, new in _compare_columns(observed):
        if old is not None and old.has_default and not new.has_default and not new.is_not_null:
            yield name


def find_newly_generated_columns(observed: ObservedRevision) -> Iterable[str]:
    for name, old, new in _compare_columns(observed):
        if old is not None and old.is_writable and not new.is_writable:
            yield name


def find_dropped_not_nulls(observed: ObservedRevision) -> Iterable[str]:
    for name, old, new in _compare_columns(observed):
        if old is not None and old.is_not_null and not new.is_not_null:
            yield name


def _compare_columns(observed: ObservedRevision) -> Iterable[tuple[str, TracedColumn | None, TracedColumn]]:
    """Return the final columns of the tables that existed before the revision, each with its initial state."""
    if not observed.trace.statements:
        return
    first, last = observed.trace.statements[0].before, observed.trace.statements[-1].after
    for table in sorted(observed.trace.initial_tables & last.names.keys()):
        for number, column in last.columns[table].items():
            yield f"{last.names[table]}.{column.name}", first.columns[table].get(number), column


def find_blocking_index_drops(observed: ObservedRevision) -> Iterable[str]:
    for statement in observed.statements:
        if _DROP_INDEX.match(statement.sql) and not statement.runs_in_autocommit:
            exclusive = [
                table
                for table in observed.select_initial(statement.existing_tables)
                if statement.find_lock(table) == "AccessExclusiveLock"
            ]
            newly_locked = [table for table in exclusive if statement.before.locks.get(table) != "AccessExclusiveLock"]
            for table in newly_locked or exclusive:
                if observed.may_be_large(statement.before.names[table]):
                    yield statement.before.names[table]


def find_irreversible_downgrade(observed: ObservedRevision) -> Iterable[str]:
    return [f"revision {observed.trace.revision}"] if observed.is_irreversible else []


def find_mixed_transactions(observed: ObservedRevision) -> Iterable[str]:
    modes = {statement.runs_in_autocommit for statement in observed.statements}
    ends_transaction = any(_TRANSACTION_END.match(statement.sql) for statement in observed.statements)
    return [f"revision {observed.trace.revision}"] if len(modes) > 1 or ends_transaction else []


def find_unrepeatable_statements(observed: ObservedRevision) -> Iterable[str]:
    """Find statements outside of a transaction that fail if their object exists already, or is gone already."""
    for statement in observed.statements:
        if (
            statement.runs_in_autocommit
            and _CREATES_OR_DROPS.match(statement.sql)
            and not _IF_EXISTS.search(statement.sql)
        ):
            yield " ".join(statement.sql.split())[:60]


def find_dropped_objects(observed: ObservedRevision) -> Iterable[str]:
    """Leave out the labels of a dropped type."""
    dropped = list(find_removed(observed, *_PROGRAM_OBJECTS))
    types = {schema_object.identity for schema_object in dropped if schema_object.type == "type"}
    return [
        schema_object.display_name
        for schema_object in dropped
        if schema_object.type != "label" or schema_object.identity.rpartition(" ")[0] not in types
    ]


def find_dropped_keys(observed: ObservedRevision) -> Iterable[str]:
    """Find unique keys whose columns still exist, and names of keys that remain.

    A key that goes with its column does not count.
    """
    if not observed.trace.statements:
        return
    last = observed.trace.statements[-1].after
    reported = set()
    for schema_object in (*find_removed(observed, "key"), *find_removed(observed, "named")):
        numbers = [int(word) for word in schema_object.identity.split() if word.isdigit()]
        has_all_columns = all(number in last.columns[schema_object.table] for number in numbers if number)
        if has_all_columns and (schema_object.table, *numbers) not in reported:
            reported.add((schema_object.table, *numbers))
            yield schema_object.display_name


def find_detached_partitions(observed: ObservedRevision) -> Iterable[str]:
    return [schema_object.display_name for schema_object in find_removed(observed, "part")]


def find_privilege_changes(observed: ObservedRevision) -> Iterable[str]:
    """Find tables whose policies changed, and remaining objects on which a role has lost a privilege."""
    initial_keys, initial_tables = (
        {schema_object.key for schema_object in observed.trace.objects_before},
        observed.trace.initial_tables,
    )
    remaining = {
        schema_object.display_name for schema_object in observed.trace.objects_after if schema_object.type == "right"
    }
    yield from (schema_object.display_name for schema_object in find_removed(observed, "policy"))
    yield from (
        schema_object.display_name
        for schema_object in observed.trace.objects_after
        if schema_object.type == "policy"
        and schema_object.key not in initial_keys
        and schema_object.table in initial_tables
    )
    yield from (
        schema_object.display_name
        for schema_object in find_removed(observed, "right")
        if schema_object.display_name in remaining
    )
