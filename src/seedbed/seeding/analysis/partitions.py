"""The values that the partitions of a table accept, where it has no default partition."""

import re

from seedbed.schema.declarations import get_declarations
from seedbed.seeding.analysis.checks import convert_bound
from seedbed.seeding.analysis.table_definition import TableDefinition
from seedbed.seeding.analysis.value_facts import Facts
from seedbed.seeding.core.column_types import MOMENTS

_KEY = re.compile(r'^(RANGE|LIST)\s*\(\s*"?(\w+)"?\s*\)$', re.IGNORECASE)
_PARTITION = re.compile(
    r'\sPARTITION\s+OF\s+"?(?P<of>[\w.]+)"?\s+(?:(?P<default>DEFAULT)|FOR\s+VALUES\s+'
    r"(?:IN\s*\((?P<values>.*)\)|FROM\s*\((?P<low>[^)]*)\)\s*TO\s*\((?P<high>[^)]*)\)))",
    re.IGNORECASE | re.DOTALL,
)


def partitioned(table: TableDefinition) -> tuple[str, Facts] | None:
    """The partition key with the values it may have, or None where any value is accepted.

    Ranges are taken for ones without a gap between them.
    """
    key = _KEY.match(str(table.sql.dialect_options["postgresql"]["partition_by"] or "").strip())
    if key is None or key[2] not in table.kinds:
        return None
    names = {table.sql.name, str(table.sql.key)}
    found = [
        part
        for said in get_declarations(table.sql.metadata)
        if (part := _PARTITION.search(said)) and part["of"] in names
    ]
    if not found or (key[1].upper() == "RANGE" and any(part["default"] for part in found)):
        return None
    column, kind = table.column(key[2]), table.kinds[key[2]]
    facts = Facts(not_null=not column.nullable)
    if key[1].upper() == "LIST":
        listed = [value for part in found if part["values"] for value in _values(part["values"])]
        plain = kind.is_text or kind.name == "enum"
        return (key[2], facts.one_of(listed if plain else [int(v) for v in listed if v.isdigit()])) if listed else None
    lows, highs = ([value for part in found for value in _values(part[side] or "")] for side in ("low", "high"))
    if kind.name not in MOMENTS | {"date"} or not lows or not highs or "" in (*lows, *highs):
        return None
    typed = facts.at_least(convert_bound(min(lows), kind), kind)
    return key[2], typed.at_most(convert_bound(max(highs), kind), kind, or_equal=False)


def _values(listed: str) -> list[str]:
    """Constants between commas, without quotes; nothing in the place of MINVALUE, MAXVALUE and expressions."""
    return [
        value[1:-1].replace("''", "'") if value[:1] == "'" else value if value.isdigit() else ""
        for value in (part.strip() for part in listed.split(","))
        if value.upper() != "NULL"
    ]
