"""Detectors of the hazard rules about objects besides tables and columns."""

from collections.abc import Iterable

from seedbed.migrations.hazards.observed_revision import ObservedRevision, find_removed

_PROGRAM_OBJECTS = ("view", "sequence", "function", "type", "label", "trigger", "extension", "schema")


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
