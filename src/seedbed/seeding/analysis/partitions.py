"""The values that the partitions of a table accept, where it has no default partition."""

import re

from seedbed.schema.declarations import get_declarations
from seedbed.seeding.analysis.checks import convert_bound
from seedbed.seeding.analysis.table_definition import TableDefinition
from seedbed.seeding.analysis.value_facts import ValueConstraints
from seedbed.seeding.core.column_types import MOMENTS

_PARTITION_KEY = re.compile(r'^(RANGE|LIST)\s*\(\s*"?(\w+)"?\s*\)$', re.IGNORECASE)
_PARTITION = re.compile(
    r'\sPARTITION\s+OF\s+"?(?P<of>[\w.]+)"?\s+(?:(?P<default>DEFAULT)|FOR\s+VALUES\s+'
    r"(?:IN\s*\((?P<values>.*)\)|FROM\s*\((?P<low>[^)]*)\)\s*TO\s*\((?P<high>[^)]*)\)))",
    re.IGNORECASE | re.DOTALL,
)


def read_partition_constraints(table: TableDefinition) -> tuple[str, ValueConstraints] | None:
    """The partition key with the values it may have, or None where any value is accepted.

    Ranges are taken for ones without a gap between them.
    """
    key = _PARTITION_KEY.match(str(table.sql.dialect_options["postgresql"]["partition_by"] or "").strip())
    if key is None or key[2] not in table.column_types:
        return None
    names = {table.sql.name, str(table.sql.key)}
    partitions = [
        part
        for statement in get_declarations(table.sql.metadata)
        if (part := _PARTITION.search(statement)) and part["of"] in names
    ]
    if not partitions or (key[1].upper() == "RANGE" and any(part["default"] for part in partitions)):
        return None
    column, column_type = table.get_column(key[2]), table.column_types[key[2]]
    constraints = ValueConstraints(not_null=not column.nullable)
    if key[1].upper() == "LIST":
        values = [value for part in partitions if part["values"] for value in _read_constants(part["values"])]
        is_text = column_type.is_text or column_type.name == "enum"
        return (
            (key[2], constraints.one_of(values if is_text else [int(v) for v in values if v.isdigit()]))
            if values
            else None
        )
    lows, highs = (
        [value for part in partitions for value in _read_constants(part[side] or "")] for side in ("low", "high")
    )
    if column_type.name not in MOMENTS | {"date"} or not lows or not highs or "" in (*lows, *highs):
        return None
    with_low = constraints.at_least(convert_bound(min(lows), column_type), column_type)
    return key[2], with_low.at_most(convert_bound(max(highs), column_type), column_type, or_equal=False)


def _read_constants(listed: str) -> list[str]:
    """Constants between commas, without quotes; nothing in the place of MINVALUE, MAXVALUE and expressions."""
    return [
        value[1:-1].replace("''", "'") if value[:1] == "'" else value if value.isdigit() else ""
        for value in (part.strip() for part in listed.split(","))
        if value.upper() != "NULL"
    ]
