"""The types of a temporary table's columns, with sample values of each for a conversion check."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from seedbed.migrations.proof.samples.edge_values import list_array_values, list_edge_values, spell_values
from seedbed.migrations.proof.samples.sample_values import list_values

_ELEMENTS = 60
"""Values of which arrays are built."""


class ColumnType(NamedTuple):
    """A column's type: the base type of a domain, the elements of an array."""

    name: str
    base: str
    category: str
    modifier: int
    labels: Sequence[str]
    is_array: bool

    @property
    def shape(self) -> str:
        """What values of the type look like."""
        shapes = {"json": "json", "jsonb": "json", "bit": "bits", "varbit": "bits"}
        return "array" if self.is_array else shapes.get(self.base, "")

    @property
    def values(self) -> list[str]:
        type_name = self.name.removesuffix("[]")
        values = list_values(type_name, self.base, self.category, self.modifier, labels=self.labels)
        return [*values, *list_edge_values(self.base, self.category)]


def read_column_type(cursor: Any, table: str) -> ColumnType:
    cursor.execute(_COLUMN_TYPE, (table,))
    type_name, base, category, modifier, labels, is_array = cursor.fetchone()
    return ColumnType(type_name, base, category, modifier, labels or (), is_array)


def list_samples(column_type: ColumnType, other_type: ColumnType) -> list[str]:
    """Values of a type, and values of the other type as this one may spell them."""
    values = list(
        dict.fromkeys([*column_type.values, *spell_values(other_type.values, column_type.base, column_type.category)])
    )
    if column_type.is_array:
        return [*list_values(column_type.name, f"_{column_type.base}", "A", -1), *list_array_values(values[:_ELEMENTS])]
    return [
        *values,
        *(
            list_array_values(other_type.values[:_ELEMENTS])
            if other_type.is_array and column_type.category == "S"
            else []
        ),
    ]


_COLUMN_TYPE = """
SELECT format_type(a.atttypid, a.atttypmod), b.typname, b.typcategory, a.atttypmod,
       (SELECT array_agg(e.enumlabel::text ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = b.oid),
       stored.typcategory = 'A'
FROM pg_attribute a
JOIN pg_type t ON t.oid = a.atttypid
JOIN pg_type stored ON stored.oid = coalesce(nullif(t.typbasetype, 0), t.oid)
JOIN pg_type b ON b.oid = CASE WHEN stored.typcategory = 'A' THEN stored.typelem ELSE stored.oid END
WHERE a.attrelid = to_regclass('pg_temp.' || %s) AND a.attnum = 2
"""
