"""The rows of the system catalogs that describe a schema, with names instead of OIDs.

The catalog model has the objects that a draft can make and alter. This is the net under it: whatever PostgreSQL keeps
of a database's schema, of any kind, as facts that can be compared and shown.
"""

from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from sqlalchemy import Connection

from seedbed.postgres.catalog.canonical_expressions import canonicalize
from seedbed.postgres.catalog.snapshot import catalog_cursor
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
"""What is known of one object: system columns by name, as text."""

SystemRows = Mapping[str, SystemFacts]
"""The facts of every object by its kind and name: `table public.task`."""

_Address = tuple[str, int]

_layouts: dict[int, CatalogLayout] = {}


def read_system_rows(connection: Connection, ignored: Sequence[str] = ()) -> SystemRows:
    """Read the user-visible rows of pg_catalog in the connection's transaction, or in one that is ended afterwards.

    Left out are PostgreSQL's own objects, members of extensions, the schema `seedbed`, what a pattern of `ignored`
    names (a schema, or `schema.name`), all that belongs to these, and columns that say nothing about the schema: OIDs,
    sizes, statistics, positions.
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
        self._own_names: dict[_Address, Callable[[], str]] = {}

    def read(self) -> SystemRows:
        self._driver.execute(build_rows_query(self._layout))
        read = self._driver.fetchall()
        excluded = self._excluded(read)
        kept = [(catalog, oid, row) for catalog, oid, row in read if (self._subject(catalog, oid, row)) not in excluded]
        self._name(kept)
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

    def _subject(self, catalog: str, oid: int, row: Mapping[str, Any]) -> _Address:
        """The object that a row is about: itself, or the one that it is a part or a comment of."""
        if catalog in {"pg_description", "pg_seclabel"}:
            return row["classoid"], oid
        return self._layout.owners.get(catalog, catalog), oid

    def _excluded(self, read: Sequence[tuple[str, int, dict[str, Any]]]) -> set[_Address]:
        """Members of extensions, schemas that are not the project's, what it ignores, and whatever belongs to these."""
        self._driver.execute(NAMESPACES)
        schemas = dict(self._driver.fetchall())
        excluded: set[_Address] = {
            ("pg_namespace", oid) for oid, name in schemas.items() if self._is_ignored(name, None)
        }
        for catalog, oid, row in read:
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
        waiting = list(excluded)
        while waiting:
            for part in parts.get(waiting.pop(), ()):
                if part not in excluded:
                    excluded.add(part)
                    waiting.append(part)
        return excluded

    def _is_ignored(self, schema: str, name: str | None) -> bool:
        if schema in {"seedbed", "information_schema"} or schema.startswith("pg_"):
            return True
        names = [schema, *([f"{schema}.{name}"] if name is not None else [])]
        return any(fnmatchcase(one, pattern) for one in names for pattern in self._ignored)

    def _name(self, rows: Sequence[tuple[str, int, dict[str, Any]]]) -> None:
        """Find a name for every object that a row is about or refers to."""
        self._driver.execute(ROLES)
        self._names |= {("pg_authid", oid): name for oid, name in self._driver.fetchall()}
        wanted: set[_Address] = set()
        for catalog, oid, row in rows:
            wanted.add(self._subject(catalog, oid, row))
            for column, referenced in self._layout.references.get(catalog, {}).items():
                value = row.get(column)
                wanted |= {(referenced, one) for one in (value if isinstance(value, list) else [value]) if one}
            if catalog == "pg_attribute":
                self._columns[oid, row["attnum"]] = row["attname"]
        asked = [address for address in wanted if address not in self._names]
        self._driver.execute(OBJECT_NAMES, ([catalog for catalog, _ in asked], [oid for _, oid in asked]))
        for catalog, oid, kind, name in self._driver.fetchall():
            self._names[catalog, oid], self._bare_names[catalog, oid] = f"{kind} {name}", name
        for catalog, oid, row in rows:
            if (name := self._own_name(catalog, row)) is not None:
                self._own_names[self._subject(catalog, oid, row)] = name

    def _own_name(self, catalog: str, row: Mapping[str, Any]) -> Callable[[], str] | None:
        """A name for what goes by what it stands for: its own is PostgreSQL's choice, perhaps from before a rename."""
        if catalog == "pg_class" and "_identity_of" in row:
            return lambda: f"identity sequence of {self._column(*row['_identity_of'])}"
        if catalog == "pg_constraint" and row["contype"] == "n":
            if row["_relation"]:
                return lambda: f"not null constraint of {self._column(row['_relation'], row['_keys'][0])}"
            return lambda: f"not null constraint of {self._named('pg_type', row['_domain'])}"
        if catalog == "pg_constraint" and "_parent" in row:
            tables = [row[column] for column in ("_relation", "_referenced") if column in row]
            return lambda: (
                f"{self._named(catalog, row['_parent'])}, on partition "
                + " of ".join(self._bare("pg_class", table) for table in tables)
            )
        if catalog == "pg_index" and "_parent" in row:
            return lambda: (
                f"{self._named('pg_class', row['_parent'])}, on partition {self._bare('pg_class', row['_relation'])}"
            )
        if catalog == "pg_trigger" and row["tgisinternal"]:
            return lambda: (
                f"trigger of {self._named('pg_constraint', row['_constraint'])} on "
                f"{self._bare('pg_class', row['_relation'])} calling {self._bare('pg_proc', row['tgfoid'])}"
            )
        return None

    def _named(self, catalog: str, oid: int) -> str:
        address = catalog, oid
        if address in self._own_names:
            self._names[address] = self._own_names.pop(address)()
        return self._names.get(address) or f"{catalog} {oid}"

    def _bare(self, catalog: str, oid: int) -> str:
        """A name without its kind."""
        return self._bare_names.get((catalog, oid)) or self._named(catalog, oid)

    def _column(self, relation: int, number: int) -> str:
        return f"{self._bare('pg_class', relation)}.{self._columns.get((relation, number), number)}"

    def _add(self, facts: dict[str, dict[str, str]], catalog: str, oid: int, row: Mapping[str, Any]) -> None:
        key = self._named(*self._subject(catalog, oid, row))
        if catalog == "pg_attribute" and key.startswith("index "):
            facts.setdefault(key, {})[f"statistics target of column {row['attnum']}"] = str(row["attstattarget"])
            return
        if catalog in {"pg_attribute", "pg_attrdef"}:
            number = row["attnum"] if catalog == "pg_attribute" else row["adnum"]
            key = f"column {self._column(oid, number)}"
        elif row.get("objsubid"):
            key = f"column {self._column(oid, row['objsubid'])}"
        if catalog == "pg_seclabel":
            facts.setdefault(key, {})[f"security label for {row['provider']}"] = row["label"]
            return
        prefix = f"token type {row['maptokentype']}, {row['mapseqno']}: " if catalog == "pg_ts_config_map" else ""
        found = facts.setdefault(key, {})
        for column, value in row.items():
            if not column.startswith("_") and column not in self._layout.keys:
                found[prefix + column] = self._shown(catalog, column, value)

    def _shown(self, catalog: str, column: str, value: Any) -> str:
        referenced = self._layout.references.get(catalog, {}).get(column)
        if referenced is not None:
            if isinstance(value, list):
                return ", ".join(self._bare(referenced, one) if one else "0" for one in value)
            return self._bare(referenced, value) if value else "none"
        if column.endswith("acl"):
            return ", ".join(sorted(grant.rpartition("/")[0] for grant in value))
        if isinstance(value, list):
            return ", ".join(sorted(map(str, value)) if column.endswith(("options", "config")) else map(str, value))
        return str(canonicalize(value)) if isinstance(value, str) else str(value)
