"""The catalog of a database, read in one consistent snapshot."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection

from seedbed.postgres.catalog import model, queries
from seedbed.postgres.catalog.canonical_expressions import canonicalize
from seedbed.postgres.catalog.catalog import Catalog, exclude_objects
from seedbed.postgres.catalog.model import CatalogObject, ObjectKey
from seedbed.postgres.catalog.queries import catalog_cursor
from seedbed.postgres.version_table import VERSION_TABLE, build_version_table_pattern

_GENERATED = {"s": "stored", "v": "virtual", "": None}
_IDENTITY = {"a": "always", "d": "by default", "": None}
_COMMANDS = {"*": "ALL", "r": "SELECT", "a": "INSERT", "w": "UPDATE", "d": "DELETE"}

Address = tuple[str, int]
"""The name of a system catalog and the oid of an object in it."""


def read_catalog(connection: Connection, version_table: str = VERSION_TABLE) -> Catalog:
    """Read the objects of a database, without system objects, members of extensions, the version table and the schema
    `seedbed`.

    The queries run in one REPEATABLE READ transaction, unless the connection is in a transaction already, and with an
    empty search_path, so that PostgreSQL prints every name with its schema.
    """
    with catalog_cursor(connection) as driver:
        driver.execute("SHOW server_version_num")
        catalog = _Reader(driver, int(driver.fetchone()[0]) // 10000).read()
    return exclude_objects(catalog, [build_version_table_pattern(version_table)])


class _Reader:
    """Reads one catalog; `_keys` maps the address of an object to its key."""

    def __init__(self, driver: Any, version: int) -> None:
        self._driver = driver
        self._version = version
        self._objects: dict[ObjectKey, CatalogObject] = {}
        self._keys: dict[Address, ObjectKey] = {}
        self._columns: dict[tuple[int, int], ObjectKey] = {}

    def read(self) -> Catalog:
        columns = self._read_columns()
        self._read_relations(columns)
        for statement, make in self._queries():
            for row in self._rows(statement):
                oid, catalog, found = make(row)
                self._add(catalog, oid, found)
        return Catalog(self._objects, self._read_direct_dependents(), self._version)

    def _queries(self) -> list[tuple[str, Callable[[Sequence[Any]], tuple[int, str, CatalogObject]]]]:
        return [
            (queries.SCHEMAS, lambda r: (r[0], "pg_namespace", model.Schema(r[1], r[2], _to_tuple(r[3])))),
            (queries.EXTENSIONS, lambda r: (r[0], "pg_extension", model.Extension(r[1], r[2]))),
            (queries.TYPES, self._type),
            (queries.SEQUENCES, _sequence),
            (queries.CONSTRAINTS, self._constraint),
            (queries.INDEXES, _index),
            (queries.FUNCTIONS, _function),
            (
                queries.TRIGGERS,
                lambda r: (r[0], "pg_trigger", model.Trigger(r[1], r[2], r[3], canonicalize(r[4]), r[5], r[6])),
            ),
            (queries.POLICIES, _policy),
            (queries.RULES, lambda r: (r[0], "pg_rewrite", model.OtherObject("rule", r[1], r[2], canonicalize(r[3])))),
            (queries.COLLATIONS, lambda r: (r[0], "pg_collation", model.OtherObject("collation", r[1], r[2], r[3]))),
            (
                queries.STATISTICS,
                lambda r: (r[0], "pg_statistic_ext", model.OtherObject("statistics", r[1], r[2], canonicalize(r[3]))),
            ),
        ]

    def _rows(self, statement: str) -> list[Any]:
        self._driver.execute(statement.replace("%%", "%"))
        rows: list[Any] = self._driver.fetchall()
        return rows

    def _add(self, catalog: str, oid: int, found: CatalogObject) -> None:
        self._objects[found.key] = found
        self._keys[catalog, oid] = found.key

    def _read_columns(self) -> dict[int, list[tuple[model.Column, bool]]]:
        columns: dict[int, list[tuple[model.Column, bool]]] = defaultdict(list)
        for row in self._rows(queries.COLUMNS):
            (oid, number, name, kind, not_null, default, generated, identity, options, collation, comment, acl,
             unvalidated, local) = row  # fmt: skip
            column = model.Column(
                name=name,
                type=kind,
                not_null=not_null,
                default=canonicalize(default),
                generated=_GENERATED[generated],
                identity=_IDENTITY[identity],
                identity_options=options,
                collation=collation,
                comment=comment,
                privileges=_to_tuple(acl),
                position=number,
                unvalidated_not_null=unvalidated,
            )
            columns[oid].append((column, local))
        return columns

    def _read_relations(self, columns: dict[int, list[tuple[model.Column, bool]]]) -> None:
        for row in self._rows(queries.RELATIONS):
            (oid, row_type, schema, name, kind, persistence, security, forced, options, comment, acl,
             partition_key, bound, parents, definition) = row  # fmt: skip
            own = columns.get(oid, [])
            found: CatalogObject
            if kind in {"v", "m"}:
                found = model.View(
                    schema, name, kind == "m", canonicalize(definition), tuple(sorted(options)),
                    tuple(c.name for c, _ in own),
                    comment, _to_tuple(acl),
                )  # fmt: skip
            else:
                found = model.Table(
                    schema=schema,
                    name=name,
                    kind={"r": "table", "p": "partitioned", "f": "foreign"}[kind],
                    unlogged=persistence == "u",
                    columns=tuple(column for column, local in own if local or not parents),
                    parents=tuple(parents or ()),
                    partition_key=canonicalize(partition_key),
                    partition_bound=canonicalize(bound),
                    options=tuple(sorted(options)),
                    row_security=security,
                    forced_row_security=forced,
                    comment=comment,
                    privileges=_to_tuple(acl),
                )
            self._add("pg_class", oid, found)
            self._keys["pg_type", row_type] = found.key
            for column, _ in own:
                self._columns[oid, column.position] = ("column", schema, name, column.name)

    def _type(self, row: Sequence[Any]) -> tuple[int, str, CatalogObject]:
        (oid, array, schema, name, kind, labels, base, not_null, default, collation, checks, definition, comment,
         acl) = row  # fmt: skip
        found: CatalogObject
        if kind == "e":
            found = model.Enum(schema, name, tuple(labels or ()), comment, _to_tuple(acl))
        elif kind == "d":
            pairs = tuple((str(n), canonicalize(str(d))) for n, d in checks or ())
            found = model.Domain(
                schema, name, base, not_null, canonicalize(default), collation, pairs, comment, _to_tuple(acl)
            )
        else:
            found = model.Composite(
                schema, name, definition if kind == "r" else f"({definition or ''})", comment, _to_tuple(acl)
            )
        if array:
            self._keys["pg_type", array] = found.key
        return oid, "pg_type", found

    def _constraint(self, row: Sequence[Any]) -> tuple[int, str, CatalogObject]:
        oid, index, schema, table, name, kind, definition, columns, parent_schema, parent, parent_columns, comment = row
        found = model.Constraint(
            schema=schema,
            table=table,
            name=name,
            type=kind,
            definition=canonicalize(definition),
            columns=tuple(columns or ()),
            referenced_table=(parent_schema, parent) if parent else None,
            referenced_columns=tuple(parent_columns or ()),
            comment=comment,
        )
        if index and kind != "f":
            self._keys["pg_class", index] = found.key
        return oid, "pg_constraint", found

    def _read_direct_dependents(self) -> dict[ObjectKey, frozenset[ObjectKey]]:
        for oid, relation, rule in self._rows(queries.REWRITES):
            if rule == "_RETURN" and ("pg_class", relation) in self._keys:
                self._keys["pg_rewrite", oid] = self._keys["pg_class", relation]
        for oid, relation, number in self._rows(queries.DEFAULTS):
            if (relation, number) in self._columns:
                self._keys["pg_attrdef", oid] = self._columns[relation, number]
        needed: dict[ObjectKey, set[ObjectKey]] = defaultdict(set)
        for catalog, oid, part, needed_catalog, needed_oid, needed_part in self._rows(queries.DEPENDENCIES):
            dependant = self._addressed(catalog, oid, part)
            on = self._addressed(needed_catalog, needed_oid, needed_part)
            if dependant is not None and on is not None and dependant != on:
                needed[on].add(dependant)
        return {key: frozenset(dependants) for key, dependants in needed.items()}

    def _addressed(self, catalog: str, oid: int, part: int) -> ObjectKey | None:
        name = catalog.removeprefix("pg_catalog.")
        if part and name == "pg_class" and (oid, part) in self._columns:
            return self._columns[oid, part]
        return self._keys.get((name, oid))


def _to_tuple(acl: Sequence[str] | None) -> tuple[str, ...]:
    return tuple(acl or ())


def _sequence(row: Sequence[Any]) -> tuple[int, str, CatalogObject]:
    (oid, schema, name, kind, start, increment, low, high, cache, cycle, owner_schema, owner, column, comment,
     acl) = row  # fmt: skip
    owned = (owner_schema, owner, column) if owner else None
    found = model.Sequence(
        schema, name, kind, start, increment, low, high, cache, cycle, owned, comment, _to_tuple(acl)
    )  # fmt: skip
    return oid, "pg_class", found


def _index(row: Sequence[Any]) -> tuple[int, str, CatalogObject]:
    oid, schema, table, name, definition, unique, valid, columns, comment = row
    found = model.Index(schema, table, name, canonicalize(definition), unique, valid, tuple(columns or ()), comment)
    return oid, "pg_class", found


def _function(row: Sequence[Any]) -> tuple[int, str, CatalogObject]:
    oid, schema, signature, kind, language, result, definition, string_body, comment, acl = row
    kinds = {"f": "FUNCTION", "p": "PROCEDURE", "a": "AGGREGATE", "w": "FUNCTION"}
    found = model.Function(
        schema, signature, kinds[kind], language, result, definition, string_body, comment, _to_tuple(acl)
    )  # fmt: skip
    return oid, "pg_proc", found


def _policy(row: Sequence[Any]) -> tuple[int, str, CatalogObject]:
    oid, schema, table, name, command, permissive, roles, using, check, comment = row
    found = model.Policy(
        schema, table, name, _COMMANDS[command], permissive, tuple(roles or ()), canonicalize(using),
        canonicalize(check), comment,
    )  # fmt: skip
    return oid, "pg_policy", found
