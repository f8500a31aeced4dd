"""Everything the system catalogs say of a database's objects, so that two moments can be compared."""

import re

from seedbed.settings import DatabaseUrl
from tests.support.projects import execute

_VOLATILE = {
    "pg_class": "oid relfilenode relpages reltuples relallvisible relallfrozen relfrozenxid relminmxid reltype"
    " reltoastrelid relrewrite",
    "pg_attribute": "atthasmissing attmissingval attcacheoff",
    "pg_constraint": "oid conbin",
    "pg_index": "indexprs indpred indcheckxmin",
    "pg_trigger": "oid tgqual tgargs",
    "pg_rewrite": "oid ev_qual ev_action",
    "pg_policy": "oid polqual polwithcheck",
    "pg_statistic_ext": "oid stxexprs",
    "pg_attrdef": "oid adbin",
    "pg_sequence": "",
    "pg_inherits": "",
    "pg_publication_rel": "oid prqual",
    "pg_partitioned_table": "partexprs",
}
_SPELT = {
    "pg_constraint": "pg_get_constraintdef(t.oid)",
    "pg_index": "pg_get_indexdef(t.indexrelid)",
    "pg_trigger": "pg_get_triggerdef(t.oid)",
    "pg_rewrite": "pg_get_ruledef(t.oid)",
    "pg_statistic_ext": "pg_get_statisticsobjdef(t.oid)",
    "pg_attrdef": "pg_get_expr(t.adbin, t.adrelid)",
    "pg_policy": "concat(pg_get_expr(t.polqual, t.polrelid), pg_get_expr(t.polwithcheck, t.polrelid))",
}
_RELATIONS = {
    "attrelid", "conrelid", "confrelid", "conindid", "indexrelid", "indrelid", "tgrelid", "tgconstrrelid",
    "tgconstrindid", "ev_class", "polrelid", "stxrelid", "adrelid", "seqrelid", "inhrelid", "inhparent", "prrelid",
    "partrelid", "partdefid",
}  # fmt: skip
_NAMED = {
    "conparentid": "SELECT conname FROM pg_constraint WHERE oid = {}",
    "tgconstraint": "SELECT conname FROM pg_constraint WHERE oid = {}",
    "tgparentid": "SELECT regexp_replace(tgname, '_[0-9]+$', '') FROM pg_trigger WHERE oid = {}",
}
_COLUMNS = """
SELECT attname::text FROM pg_attribute
WHERE attrelid = '{}'::regclass AND NOT attisdropped AND (attnum > 0 OR attname = 'oid')
"""
_IDENTIFIERS = ("attrelid", "indexrelid", "seqrelid", "inhrelid", "partrelid", "oid")
_DESCRIPTIONS = """
SELECT pg_describe_object(classoid, objoid, objsubid) || ': ' || description FROM pg_description WHERE objoid >= 16384
"""
_DEPENDENCIES = """
SELECT concat_ws(' ', pg_describe_object(classid, objid, objsubid), deptype,
  pg_describe_object(refclassid, refobjid, refobjsubid)) FROM pg_depend WHERE objid >= 16384
"""


def catalog_rows(url: DatabaseUrl) -> dict[str, set[str]]:
    """The rows of the catalogs that are about users' objects, each as a text without OIDs and measurements."""
    found = {}
    for catalog, volatile in _VOLATILE.items():
        columns = {name for (name,) in execute(url, _COLUMNS.format(catalog))}
        drop = "{" + ",".join([*volatile.split(), *(columns & {*_RELATIONS, *_NAMED})]) + "}"
        names = [f"'{name}', t.{name}::regclass::text" for name in _RELATIONS if name in columns]
        names += [f"'{name}', ({query.format(f't.{name}')})" for name, query in _NAMED.items() if name in columns]
        identifier = next(name for name in _IDENTIFIERS if name in columns)
        rows = execute(
            url,
            f"SELECT ((to_jsonb(t) - '{drop}'::text[]) || jsonb_build_object({', '.join(names)}))::text"
            f" || coalesce({_SPELT.get(catalog, 'NULL')}, '') FROM {catalog} t WHERE t.{identifier} >= 16384",
        )
        found[catalog] = {_without_oids(row) for (row,) in rows}
    for name, query in (("pg_description", _DESCRIPTIONS), ("pg_depend", _DEPENDENCIES)):
        found[name] = {_without_oids(row) for (row,) in execute(url, query)}
    return found


def _without_oids(row: str) -> str:
    return re.sub(r"(RI_ConstraintTrigger_[ac]_)\d+", r"\1", row)
