"""The tables of a database and their inheritance."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from seedbed.postgres.environment_mark import SEEDBED_SCHEMA

_RELATIONS = """
SELECT c.oid, n.nspname, c.relname, c.oid::regclass::text, c.relkind::text, c.relispartition,
  ARRAY(SELECT i.inhparent::bigint FROM pg_inherits i WHERE i.inhrelid = c.oid),
  EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'),
  ARRAY(SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    AND a.attgenerated = '' ORDER BY a.attnum)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast', %s)
  AND n.nspname !~ '^pg_(toast_)?temp_'
ORDER BY n.nspname, c.relname
"""


@dataclass(frozen=True)
class Relation:
    """A table, partitioned table, partition or foreign table; `columns` excludes generated columns."""

    oid: int
    schema: str
    name: str
    quoted: str
    kind: str
    is_partition: bool
    parents: tuple[int, ...]
    belongs_to_extension: bool
    columns: tuple[str, ...]

    @property
    def path(self) -> tuple[str, ...]:
        return self.schema, self.name

    @property
    def is_foreign(self) -> bool:
        return self.kind == "f"

    @property
    def is_partitioned(self) -> bool:
        return self.kind == "p"


@dataclass(frozen=True)
class Relations:
    """All tables, by OID, outside the schemas of the system and of Seedbed."""

    by_oid: Mapping[int, Relation]
    children: Mapping[int, tuple[int, ...]]

    def __iter__(self) -> Iterator[Relation]:
        return iter(self.by_oid.values())

    def descendants(self, oid: int) -> Iterator[Relation]:
        """Iterate over the relation and its descendants, parents first."""
        if oid in self.by_oid:
            yield self.by_oid[oid]
        for child in self.children.get(oid, ()):
            yield from self.descendants(child)

    def ancestors(self, oid: int) -> Iterator[Relation]:
        """Iterate over the ancestors of the relation, nearest first."""
        for parent in self.by_oid[oid].parents:
            if parent in self.by_oid:
                yield self.by_oid[parent]
                yield from self.ancestors(parent)


def read_relations(cursor: Any) -> Relations:
    cursor.execute(_RELATIONS, (SEEDBED_SCHEMA,))
    by_oid = {
        oid: Relation(oid, schema, name, quoted, kind, partition, tuple(parents), extension, tuple(columns))
        for oid, schema, name, quoted, kind, partition, parents, extension, columns in cursor.fetchall()
    }
    children: dict[int, tuple[int, ...]] = {}
    for relation in by_oid.values():
        for parent in relation.parents:
            children[parent] = (*children.get(parent, ()), relation.oid)
    return Relations(by_oid, children)
