"""The rows of the system catalogs that describe a schema, with names instead of OIDs.

The catalog model has the objects that a draft can create and alter. These rows also cover everything else that
PostgreSQL stores about a schema, so that no difference goes unnoticed.
"""

from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from sqlalchemy import Connection

from seedbed.postgres.catalog.canonical_expressions import canonicalize
from seedbed.postgres.catalog.queries import catalog_cursor
from seedbed.postgres.catalog.system_queries import (
    DEPENDENCIES,
    NAMESPACES,
    OBJECT_NAMES,
    ROLES,
    CatalogLayout,
    build_rows_query,
    read_layout,
)

SystemFacts = Mapping[str, str]
"""The values of the system columns of one object, by column, as text."""

SystemRows = Mapping[str, SystemFacts]
"""The facts of every object by its type and name: `table public.task`."""

_Address = tuple[str, int]

_layouts: dict[int, CatalogLayout] = {}


def read_system_rows(connection: Connection, ignored: Sequence[str] = ()) -> SystemRows:
    """Read the rows of pg_catalog in the connection's transaction, or in one that is rolled back at the end.

    Left out are PostgreSQL's own objects, members of extensions, the schema `seedbed`, the schemas and objects that a
    pattern of `ignored` matches (a schema, or `schema.name`), everything that belongs to these, and columns that do not
    describe the schema: OIDs, sizes, statistics, positions.
    """
    with catalog_cursor(connection) as driver:
        return _Reader(driver, ignored).read()


class _Reader:
    def __init__(self, driver: Any, ignored: Sequence[str]) -> None:
        self._driver = driver
        self._ignored = ignored
        self._layout = self._read_layout()
        self._rows: dict[_Address, list[dict[str, Any]]] = {}
        self._columns: dict[tuple[int, int], str] = {}
        self._names: dict[_Address, str] = {}
        self._bare_names: dict[_Address, str] = {}
        self._derived_names: dict[_Address, Callable[[], str]] = {}

    def read(self) -> SystemRows:
        self._driver.execute(build_rows_query(self._layout))
        rows = self._driver.fetchall()
        excluded = self._find_excluded(rows)
        kept = [
            (catalog, oid, row) for catalog, oid, row in rows if (self._get_subject(catalog, oid, row)) not in excluded
        ]
        self._read_names(kept)
        facts: dict[str, dict[str, str]] = {}
        for catalog, oid, row in kept:
            self._add(facts, catalog, oid, row)
        return facts

    def _read_layout(self) -> CatalogLayout:
        self._driver.execute("SHOW server_version_num")
        version = int(self._driver.fetchone()[0])
        if version not in _layouts:
            _layouts[version] = read_layout(self._driver)
        return _layouts[version]

    def _get_subject(self, catalog: str, oid: int, row: Mapping[str, Any]) -> _Address:
        """The object that a row describes: itself, or the one that it is a part or a comment of."""
        if catalog in {"pg_description", "pg_seclabel"}:
            return row["classoid"], oid
        return self._layout.owners.get(catalog, catalog), oid

    def _find_excluded(self, rows: Sequence[tuple[str, int, dict[str, Any]]]) -> set[_Address]:
        """The members of extensions, other schemas, ignored objects, and everything that belongs to these."""
        self._driver.execute(NAMESPACES)
        schemas = dict(self._driver.fetchall())
        excluded: set[_Address] = {
            ("pg_namespace", oid) for oid, name in schemas.items() if self._is_ignored(name, None)
        }
        for catalog, oid, row in rows:
            schema = schemas.get(row.get("_namespace", 0))
            if schema is not None and self._is_ignored(schema, row.get("_name")):
                excluded.add((catalog, oid))
        self._driver.execute(DEPENDENCIES)
        parts: dict[_Address, list[_Address]] = {}
        for catalog, oid, whole_catalog, whole, kind in self._driver.fetchall():
            if kind == "e":
                excluded.add((catalog, oid))
            else:
                parts.setdefault((whole_catalog, whole), []).append((catalog, oid))
        pending = list(excluded)
        while pending:
            for part in parts.get(pending.pop(), ()):
                if part not in excluded:
                    excluded.add(part)
                    pending.append(part)
        return excluded

    def _is_ignored(self, schema: str, name: str | None) -> bool:
        if schema in {"seedbed", "information_schema"} or schema.startswith("pg_"):
            return True
        names = [schema, *([f"{schema}.{name}"] if name is not None else [])]
        return any(fnmatchcase(candidate, pattern) for candidate in names for pattern in self._ignored)

    def _read_names(self, rows: Sequence[tuple[str, int, dict[str, Any]]]) -> None:
        """Read the name of every object that a row describes or refers to."""
        self._driver.execute(ROLES)
        self._names |= {("pg_authid", oid): name for oid, name in self._driver.fetchall()}
        addresses: set[_Address] = set()
        for catalog, oid, row in rows:
            addresses.add(self._get_subject(catalog, oid, row))
            for column, referenced in self._layout.references.get(catalog, {}).items():
                value = row.get(column)
                addresses |= {(referenced, oid) for oid in (value if isinstance(value, list) else [value]) if oid}
            if catalog == "pg_attribute":
                self._columns[oid, row["attnum"]] = row["attname"]
        unnamed = [address for address in addresses if address not in self._names]
        self._driver.execute(OBJECT_NAMES, ([catalog for catalog, _ in unnamed], [oid for _, oid in unnamed]))
        for catalog, oid, kind, name in self._driver.fetchall():
            self._names[catalog, oid], self._bare_names[catalog, oid] = f"{kind} {name}", name
        for catalog, oid, row in rows:
            if (name := self._find_derived_name(catalog, row)) is not None:
                self._derived_names[self._get_subject(catalog, oid, row)] = name

    def _find_derived_name(self, catalog: str, row: Mapping[str, Any]) -> Callable[[], str] | None:
        """A name derived from what the object belongs to, where PostgreSQL chose the object's own name."""
        if catalog == "pg_class" and "_identity_of" in row:
            return lambda: f"identity sequence of {self._get_column_name(*row['_identity_of'])}"
        if catalog == "pg_constraint" and row["contype"] == "n":
            if row["_relation"]:
                return lambda: f"not null constraint of {self._get_column_name(row['_relation'], row['_keys'][0])}"
            return lambda: f"not null constraint of {self._get_name('pg_type', row['_domain'])}"
        if catalog == "pg_constraint" and "_parent" in row:
            tables = [row[column] for column in ("_relation", "_referenced") if column in row]
            return lambda: (
                f"{self._get_name(catalog, row['_parent'])}, on partition "
                + " of ".join(self._get_bare_name("pg_class", table) for table in tables)
            )
        if catalog == "pg_index" and "_parent" in row:
            return lambda: (
                f"{self._get_name('pg_class', row['_parent'])}, on partition "
                f"{self._get_bare_name('pg_class', row['_relation'])}"
            )
        if catalog == "pg_trigger" and row["tgisinternal"]:
            return lambda: (
                f"trigger of {self._get_name('pg_constraint', row['_constraint'])} on "
                f"{self._get_bare_name('pg_class', row['_relation'])} calling "
                f"{self._get_bare_name('pg_proc', row['tgfoid'])}"
            )
        return None

    def _get_name(self, catalog: str, oid: int) -> str:
        address = catalog, oid
        if address in self._derived_names:
            self._names[address] = self._derived_names.pop(address)()
        return self._names.get(address) or f"{catalog} {oid}"

    def _get_bare_name(self, catalog: str, oid: int) -> str:
        """The name without the type of the object."""
        return self._bare_names.get((catalog, oid)) or self._get_name(catalog, oid)

    def _get_column_name(self, relation: int, number: int) -> str:
        return f"{self._get_bare_name('pg_class', relation)}.{self._columns.get((relation, number), number)}"

    def _add(self, facts: dict[str, dict[str, str]], catalog: str, oid: int, row: Mapping[str, Any]) -> None:
        key = self._get_name(*self._get_subject(catalog, oid, row))
        if catalog == "pg_attribute" and key.startswith("index "):
            facts.setdefault(key, {})[f"statistics target of column {row['attnum']}"] = str(row["attstattarget"])
            return
        if catalog in {"pg_attribute", "pg_attrdef"}:
            number = row["attnum"] if catalog == "pg_attribute" else row["adnum"]
            key = f"column {self._get_column_name(oid, number)}"
        elif row.get("objsubid"):
            key = f"column {self._get_column_name(oid, row['objsubid'])}"
        if catalog == "pg_seclabel":
            facts.setdefault(key, {})[f"security label for {row['provider']}"] = row["label"]
            return
        prefix = f"token type {row['maptokentype']}, {row['mapseqno']}: " if catalog == "pg_ts_config_map" else ""
        object_facts = facts.setdefault(key, {})
        for column, value in row.items():
            if not column.startswith("_") and column not in self._layout.keys:
                object_facts[prefix + column] = self._format_value(catalog, column, value)

    def _format_value(self, catalog: str, column: str, value: Any) -> str:
        referenced = self._layout.references.get(catalog, {}).get(column)
        if referenced is not None:
            if isinstance(value, list):
                return ", ".join(self._get_bare_name(referenced, oid) if oid else "0" for oid in value)
            return self._get_bare_name(referenced, value) if value else "none"
        if column.endswith("acl"):
            return ", ".join(sorted(grant.rpartition("/")[0] for grant in value))
        if isinstance(value, list):
            return ", ".join(sorted(map(str, value)) if column.endswith(("options", "config")) else map(str, value))
        return str(canonicalize(value)) if isinstance(value, str) else str(value)
