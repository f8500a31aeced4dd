"""The queries that read the system catalogs, built from PostgreSQL's own description of the catalogs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_SKIPPED = frozenset({
    "pg_statistic", "pg_statistic_ext_data", "pg_depend", "pg_init_privs", "pg_largeobject", "pg_largeobject_metadata",
    "pg_enum", "pg_inherits", "pg_partitioned_table", "pg_subscription_rel", "pg_user_mapping",
})  # fmt: skip
"""Catalogs that are skipped: statistics and data, those that the catalog model covers, and unreadable ones."""

_DERIVED = frozenset({
    "relname", "relnamespace", "reltype", "relfilenode", "relpages", "reltuples", "relallvisible", "relallfrozen",
    "reltoastrelid", "relhasindex", "relnatts", "relchecks", "relhasrules", "relhastriggers", "relhassubclass",
    "relispopulated", "relrewrite", "relfrozenxid", "relminmxid", "relispartition", "relpartbound",
    "attlen", "attbyval", "attalign", "attndims", "atthasdef", "atthasmissing", "attmissingval", "attislocal",
    "attinhcount", "attisdropped", "attcacheoff",
    "conname", "connamespace", "conrelid", "contypid", "conindid", "conparentid", "confrelid", "conkey", "confkey",
    "conpfeqop", "conppeqop", "conffeqop", "confdelsetcols", "conexclop", "conbin", "conislocal", "coninhcount",
    "connoinherit",
    "indrelid", "indnatts", "indnkeyatts", "indcheckxmin", "indisready", "indislive", "indkey", "indcollation",
    "indclass", "indoption", "indexprs", "indpred",
    "tgname", "tgrelid", "tgparentid", "tgconstrrelid", "tgconstrindid", "tgconstraint", "tgattr", "tgargs", "tgqual",
    "rulename", "ev_class", "ev_qual", "ev_action",
    "typname", "typnamespace", "typrelid", "typarray", "typndims", "typdefault",
    "proname", "pronamespace", "pronargs", "prosrc", "probin", "prosqlbody", "proargdefaults",
    "nspname", "collname", "collnamespace", "collversion", "extname", "extrelocatable", "extconfig", "extcondition",
    "polname", "polrelid", "stxname", "stxnamespace", "stxrelid", "stxkeys", "stxkind", "stxexprs",
    "prattrs", "subskiplsn",
})  # fmt: skip
"""Columns with a name, a position, a size or a count, or that a definition covers."""

_KEYS = frozenset({
    "adrelid", "adnum", "attrelid", "attname", "attnum", "objoid", "classoid", "objsubid", "provider", "mapcfg",
    "maptokentype", "mapseqno", "aggfnoid", "indexrelid", "ftrelid", "rngtypid", "seqrelid", "oid",
})  # fmt: skip
"""Columns that identify the object that a row describes."""

_WITHOUT_OID = {
    "pg_aggregate": ("aggfnoid", "pg_proc"), "pg_attribute": ("attrelid", "pg_class"),
    "pg_attrdef": ("adrelid", "pg_class"), "pg_foreign_table": ("ftrelid", "pg_class"),
    "pg_index": ("indexrelid", "pg_class"), "pg_range": ("rngtypid", "pg_type"),
    "pg_sequence": ("seqrelid", "pg_class"), "pg_ts_config_map": ("mapcfg", "pg_ts_config"),
    "pg_description": ("objoid", ""), "pg_seclabel": ("objoid", ""),
}  # fmt: skip
"""Catalogs whose rows describe an object of another catalog: the column with its oid, and that catalog."""

_RELATION_OF_EXPRESSION = {
    "adbin": "t.adrelid", "polqual": "t.polrelid", "polwithcheck": "t.polrelid", "prqual": "t.prrelid",
    "typdefaultbin": "0",
}  # fmt: skip

_ADDED = {
    "pg_class": """
        '_identity_of', CASE WHEN t.relkind = 'S' THEN (
            SELECT jsonb_build_array(d.refobjid::int8, d.refobjsubid) FROM pg_depend d
            WHERE d.classid = 'pg_class'::regclass AND d.objid = t.oid AND d.deptype = 'i'
              AND d.refclassid = 'pg_class'::regclass LIMIT 1) END""",
    "pg_type": """
        'typdefault', CASE WHEN t.typdefaultbin IS NULL THEN t.typdefault END""",
    "pg_proc": "'definition', CASE WHEN t.prokind <> 'a' THEN pg_get_functiondef(t.oid) END",
    "pg_constraint": """
        '_relation', t.conrelid::int8, '_referenced', nullif(t.confrelid, 0)::int8, '_domain', t.contypid::int8,
        '_parent', nullif(t.conparentid, 0)::int8, '_keys', t.conkey,
        'connoinherit', CASE WHEN t.contype = 'n' THEN t.connoinherit END,
        'definition', CASE WHEN t.contype <> 'n' THEN pg_get_constraintdef(t.oid) END""",
    "pg_index": """
        '_relation', t.indrelid::int8,
        '_parent', (SELECT i.inhparent::int8 FROM pg_inherits i WHERE i.inhrelid = t.indexrelid),
        'definition', CASE WHEN NOT EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = t.indexrelid)
                           THEN pg_get_indexdef(t.indexrelid) END""",
    "pg_trigger": """
        '_relation', t.tgrelid::int8, '_constraint', t.tgconstraint::int8,
        'definition', CASE WHEN NOT t.tgisinternal THEN pg_get_triggerdef(t.oid) END""",
    "pg_rewrite": "'definition', CASE WHEN t.rulename <> '_RETURN' THEN pg_get_ruledef(t.oid) END",
    "pg_statistic_ext": "'definition', pg_get_statisticsobjdef(t.oid)",
    "pg_publication_rel": """
        'columns', (SELECT jsonb_agg(a.attname ORDER BY a.attname) FROM pg_attribute a
                    WHERE a.attrelid = t.prrelid AND a.attnum = ANY (t.prattrs::int2[]))""",
}
"""What is read beside a catalog's own columns: definitions as PostgreSQL prints them, and `_` places for naming."""

_NO_PART = """
NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = '{catalog}'::regclass AND d.objid = t.oid AND d.deptype = 'i')
"""

_CONDITIONS = {
    "pg_class": "t.relkind <> 't' AND t.relpersistence <> 't'",
    "pg_attribute": """
        t.attnum > 0 AND NOT t.attisdropped AND (coalesce(t.attstattarget, -1) <> -1 OR EXISTS (
            SELECT FROM pg_class c WHERE c.oid = t.attrelid AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'c')))""",
    "pg_type": """
        (t.typrelid = 0 OR EXISTS (SELECT FROM pg_class c WHERE c.oid = t.typrelid AND c.relkind = 'c'))
        AND NOT (t.typelem <> 0 AND t.typsubscript = 'array_subscript_handler'::regproc)""",
    "pg_proc": _NO_PART.format(catalog="pg_proc"),
    "pg_cast": _NO_PART.format(catalog="pg_cast"),
}
"""What is read of a catalog. Left out are TOAST and temporary tables, system columns, the row and array types of
others, the functions and casts that a range type brings."""

_DEFAULT_PRIVILEGES = {
    "relacl": """acldefault(CASE WHEN t.relkind = 'S' THEN 's' ELSE 'r' END::"char", t.relowner)""",
    "attacl": "'{}'::aclitem[]",
    "proacl": "acldefault('f', t.proowner)",
    "typacl": "acldefault('T', t.typowner)",
    "nspacl": "acldefault('n', t.nspowner)",
    "lanacl": "acldefault('l', t.lanowner)",
    "fdwacl": "acldefault('F', t.fdwowner)",
    "srvacl": "acldefault('S', t.srvowner)",
}

_CATALOGS = """
SELECT c.relname, a.attname, format_type(a.atttypid, NULL)
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = 'pg_catalog'::regnamespace AND c.relkind = 'r' AND NOT c.relisshared
  AND has_table_privilege(c.oid, 'SELECT')
ORDER BY c.relname, a.attnum
"""
_REFERENCES = """
SELECT fktable::text, fkcols[1], pktable::text FROM pg_get_catalog_foreign_keys()
WHERE cardinality(fkcols) = 1 AND pkcols = '{oid}' AND fkcols[1] <> 'classoid'
"""

NAMESPACES = "SELECT oid::int8, nspname FROM pg_namespace"

ROLES = "SELECT oid::int8, rolname FROM pg_roles"

DEPENDENCIES = """
SELECT classid::regclass::text, objid::int8, refclassid::regclass::text, refobjid::int8, deptype FROM pg_depend
WHERE deptype IN ('e', 'i', 'a', 'P', 'S')
"""
"""What is a part of what."""

OBJECT_NAMES = """
SELECT u.catalog, u.oid, i.type, i.identity
FROM unnest(%s::text[], %s::int8[]) u(catalog, oid), pg_identify_object(u.catalog::regclass, u.oid::oid, 0) i
WHERE i.identity IS NOT NULL
"""


@dataclass(frozen=True)
class CatalogLayout:
    """The catalogs that are read, each column's type, and which catalog a column's OIDs are of."""

    columns: Mapping[str, Mapping[str, str]]
    references: Mapping[str, Mapping[str, str]]
    owners: Mapping[str, str]
    keys: frozenset[str] = _KEYS


def read_layout(driver: Any) -> CatalogLayout:
    """Ask PostgreSQL for its own catalogs: those of later versions are read like the others."""
    driver.execute(_CATALOGS)
    columns: dict[str, dict[str, str]] = {}
    for catalog, column, kind in driver.fetchall():
        if catalog not in _SKIPPED:
            columns.setdefault(catalog, {})[column] = kind
    driver.execute(_REFERENCES)
    references: dict[str, dict[str, str]] = {}
    for catalog, column, referenced in driver.fetchall():
        if catalog in columns and column in columns[catalog]:
            references.setdefault(catalog, {})[column] = referenced
    return CatalogLayout(columns, references, {catalog: owner for catalog, (_, owner) in _WITHOUT_OID.items()})


def build_rows_query(layout: CatalogLayout) -> str:
    """One query for the user's rows of all catalogs: the catalog, the OID of the object, and the row as JSON."""
    parts = [_catalog_query(layout, catalog) for catalog in layout.columns]
    return "\nUNION ALL\n".join([*parts, _USER_MAPPINGS])


_USER_MAPPINGS = """
SELECT 'pg_user_mapping', umid::int8, jsonb_build_object('umoptions', coalesce(umoptions, '{}')) FROM pg_user_mappings
"""


def _catalog_query(layout: CatalogLayout, catalog: str) -> str:
    columns = layout.columns[catalog]
    key, _ = _WITHOUT_OID.get(catalog, ("oid", ""))
    references = layout.references.get(catalog, {})
    pairs = [
        f"'{column}', {value}"
        for column, kind in columns.items()
        if (column not in _DERIVED | _KEYS or column in {"attnum", "attname", "adnum", "objsubid", "provider",
            "maptokentype", "mapseqno"}) and (value := _value(column, kind, column in references)) is not None
    ]  # fmt: skip
    pairs += [_ADDED[catalog]] if catalog in _ADDED else []
    pairs += [
        f"'_namespace', t.{column}::int8" for column, referenced in references.items() if referenced == "pg_namespace"
    ]
    pairs += [f"'_name', t.{column}" for column, kind in columns.items() if kind == "name"][:1]
    pairs += ["'classoid', t.classoid::regclass::text"] if "classoid" in columns else []
    own = f"t.{key} >= 16384" if catalog != "pg_namespace" else "(t.oid >= 16384 OR t.nspname = 'public')"
    conditions = [own, *([_CONDITIONS[catalog]] if catalog in _CONDITIONS else [])]
    return (
        f"SELECT '{catalog}', t.{key}::int8, jsonb_strip_nulls(jsonb_build_object({', '.join(pairs)}))"
        f" FROM pg_catalog.{catalog} t WHERE {' AND '.join(conditions)}"
    )


def _value(column: str, kind: str, refers: bool) -> str | None:
    if kind == "pg_node_tree":
        relation = _RELATION_OF_EXPRESSION.get(column)
        return None if relation is None else f"pg_get_expr(t.{column}, {relation})"
    if column.endswith("acl"):
        default = _DEFAULT_PRIVILEGES.get(column)
        return f"to_jsonb({f'coalesce(t.{column}, {default})' if default else f't.{column}'}::text[])"
    if refers:
        array = kind.endswith("[]") or kind == "oidvector"
        return f"to_jsonb(t.{column}::oid[]::int8[])" if array else f"t.{column}::oid::int8"
    if kind == "anyarray":
        return None
    return f"t.{column}"
