"""The queries of pg_catalog, one for all objects of a type, and the snapshot that they read."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection

USER_SCHEMAS = """
n.nspname <> 'seedbed' AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%%'
"""

NOT_OF_EXTENSION = """
NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = '{catalog}'::regclass AND e.objid = {oid} AND e.deptype = 'e')
"""

DEPENDENCIES = """
SELECT classid::regclass::text, objid, objsubid, refclassid::regclass::text, refobjid, refobjsubid
FROM pg_depend WHERE deptype IN ('n', 'a', 'i', 'P', 'S') AND refobjid >= 16384 AND objid >= 16384
"""


@contextmanager
def catalog_cursor(connection: Connection) -> Iterator[Any]:
    """A driver's cursor whose queries see one snapshot, and for which PostgreSQL prints every name with its schema.

    The queries share one REPEATABLE READ transaction, which is rolled back at the end, unless the connection is in a
    transaction already. The search_path is empty within the block and restored afterwards.
    """
    own_transaction = not connection.in_transaction()
    driver: Any = connection.connection.cursor()
    try:
        if own_transaction:
            driver.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        driver.execute("SELECT current_setting('search_path'), set_config('search_path', %s, false)", ("",))
        path = driver.fetchone()[0]
        yield driver
        driver.execute("SELECT set_config('search_path', %s, false)", (path,))
    finally:
        driver.close()
        if own_transaction:
            connection.connection.rollback()


def _acl(acl: str, kind: str, owner: str) -> str:
    """SQL for the privileges as sorted texts, without the owner's; a NULL is expanded to the default privileges."""
    return f"""
    (SELECT array_agg(w ORDER BY w) FROM (
       SELECT coalesce(r.rolname, 'PUBLIC') || '=' || x.privilege_type
              || CASE WHEN x.is_grantable THEN '*' ELSE '' END w
       FROM aclexplode(coalesce({acl}, acldefault('{kind}', {owner}))) x
       LEFT JOIN pg_roles r ON r.oid = x.grantee
       WHERE x.grantee <> {owner}) w)
    """


SCHEMAS = f"""
SELECT n.oid, n.nspname, obj_description(n.oid, 'pg_namespace'), {_acl("n.nspacl", "n", "n.nspowner")}
FROM pg_namespace n WHERE {USER_SCHEMAS} AND {NOT_OF_EXTENSION.format(catalog="pg_namespace", oid="n.oid")}
"""

EXTENSIONS = """
SELECT x.oid, x.extname, n.nspname FROM pg_extension x JOIN pg_namespace n ON n.oid = x.extnamespace
WHERE x.extname <> 'plpgsql'
"""

RELATIONS = f"""
SELECT c.oid, c.reltype, n.nspname, c.relname, c.relkind, c.relpersistence, c.relrowsecurity, c.relforcerowsecurity,
       coalesce(c.reloptions, '{{}}') || coalesce((SELECT array_agg('toast.' || o ORDER BY o)
           FROM pg_class t, unnest(t.reloptions) o WHERE t.oid = c.reltoastrelid), '{{}}'),
       obj_description(c.oid, 'pg_class'),
       {_acl("c.relacl", "r", "c.relowner")},
       CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END,
       pg_get_expr(c.relpartbound, c.oid),
       (SELECT array_agg(format('%%I.%%I', pn.nspname, pc.relname) ORDER BY i.inhseqno) FROM pg_inherits i
          JOIN pg_class pc ON pc.oid = i.inhparent JOIN pg_namespace pn ON pn.oid = pc.relnamespace
         WHERE i.inhrelid = c.oid),
       CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relpersistence <> 't' AND {USER_SCHEMAS}
  AND {NOT_OF_EXTENSION.format(catalog="pg_class", oid="c.oid")}
"""

COLUMNS = f"""
SELECT c.oid, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
       pg_get_expr(d.adbin, d.adrelid), a.attgenerated, a.attidentity,
       CASE WHEN a.attidentity <> '' THEN (
         SELECT format('start %%s increment %%s minimum %%s maximum %%s cache %%s cycle %%s',
                       s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache, s.seqcycle)
         FROM pg_depend w JOIN pg_sequence s ON s.seqrelid = w.objid
         WHERE w.refclassid = 'pg_class'::regclass AND w.refobjid = c.oid AND w.refobjsubid = a.attnum
           AND w.classid = 'pg_class'::regclass AND w.deptype = 'i') END,
       CASE WHEN a.attcollation <> t.typcollation THEN (
         SELECT format('%%I.%%I', ln.nspname, l.collname) FROM pg_collation l
         JOIN pg_namespace ln ON ln.oid = l.collnamespace WHERE l.oid = a.attcollation) END,
       col_description(c.oid, a.attnum),
       {_acl("a.attacl", "c", "c.relowner")},
       (SELECT k.conname FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'n' AND NOT k.convalidated
           AND k.conkey = ARRAY[a.attnum]),
       a.attislocal
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND {USER_SCHEMAS}
ORDER BY c.oid, a.attnum
"""

CONSTRAINTS = f"""
SELECT k.oid, k.conindid, n.nspname, c.relname, k.conname, k.contype, pg_get_constraintdef(k.oid),
       (SELECT array_agg(a.attname::text ORDER BY u.i) FROM unnest(k.conkey) WITH ORDINALITY u(n, i)
          JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.n),
       rn.nspname, rc.relname,
       (SELECT array_agg(a.attname::text ORDER BY u.i) FROM unnest(k.confkey) WITH ORDINALITY u(n, i)
          JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.n),
       obj_description(k.oid, 'pg_constraint')
FROM pg_constraint k
JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_class rc ON rc.oid = k.confrelid LEFT JOIN pg_namespace rn ON rn.oid = rc.relnamespace
WHERE k.contype IN ('p', 'u', 'f', 'c', 'x') AND k.conislocal AND k.conparentid = 0
  AND {USER_SCHEMAS} AND {NOT_OF_EXTENSION.format(catalog="pg_class", oid="c.oid")}
"""

INDEXES = f"""
SELECT i.indexrelid, n.nspname, c.relname, x.relname, pg_get_indexdef(i.indexrelid), i.indisunique, i.indisvalid,
       (SELECT array_agg(a.attname::text ORDER BY u.i) FROM unnest(i.indkey::smallint[]) WITH ORDINALITY u(n, i)
          JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = u.n),
       obj_description(i.indexrelid, 'pg_class')
FROM pg_index i
JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_class c ON c.oid = i.indrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'm') AND NOT x.relispartition AND c.relpersistence <> 't' AND {USER_SCHEMAS}
  AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x'))
  AND {NOT_OF_EXTENSION.format(catalog="pg_class", oid="c.oid")}
ORDER BY i.indrelid, i.indkey::smallint[], x.relname
"""
"""SQLAlchemy creates the indexes of a table in any order, so the order of their oids differs from run to run."""

SEQUENCES = f"""
SELECT c.oid, n.nspname, c.relname, format_type(s.seqtypid, NULL), s.seqstart, s.seqincrement, s.seqmin, s.seqmax,
       s.seqcache, s.seqcycle, tn.nspname, t.relname, a.attname, obj_description(c.oid, 'pg_class'),
       {_acl("c.relacl", "s", "c.relowner")}
FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_depend w ON w.classid = 'pg_class'::regclass AND w.objid = c.oid AND w.deptype = 'a'
     AND w.refclassid = 'pg_class'::regclass AND w.refobjsubid > 0
LEFT JOIN pg_class t ON t.oid = w.refobjid LEFT JOIN pg_namespace tn ON tn.oid = t.relnamespace
LEFT JOIN pg_attribute a ON a.attrelid = w.refobjid AND a.attnum = w.refobjsubid
WHERE c.relpersistence <> 't' AND {USER_SCHEMAS} AND {NOT_OF_EXTENSION.format(catalog="pg_class", oid="c.oid")}
  AND NOT EXISTS (SELECT FROM pg_depend i
                  WHERE i.classid = 'pg_class'::regclass AND i.objid = c.oid AND i.deptype = 'i')
"""

TYPES = f"""
SELECT t.oid, t.typarray, n.nspname, t.typname, t.typtype,
       (SELECT array_agg(e.enumlabel::text ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid),
       format_type(t.typbasetype, t.typtypmod), t.typnotnull, pg_get_expr(t.typdefaultbin, 0),
       CASE WHEN t.typtype = 'd' AND t.typcollation <> coalesce(b.typcollation, 0) THEN (
         SELECT format('%%I.%%I', ln.nspname, l.collname) FROM pg_collation l
         JOIN pg_namespace ln ON ln.oid = l.collnamespace WHERE l.oid = t.typcollation) END,
       (SELECT array_agg(ARRAY[k.conname::text, pg_get_constraintdef(k.oid)] ORDER BY k.conname)
          FROM pg_constraint k WHERE k.contypid = t.oid AND k.contype = 'c'),
       CASE WHEN t.typtype = 'c' THEN (
         SELECT string_agg(format('%%I %%s', a.attname, format_type(a.atttypid, a.atttypmod)), ', ' ORDER BY a.attnum)
         FROM pg_attribute a WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped)
       WHEN t.typtype = 'r' THEN (
         SELECT format('RANGE (subtype = %%s)', format_type(g.rngsubtype, NULL))
         FROM pg_range g WHERE g.rngtypid = t.oid)
       END,
       obj_description(t.oid, 'pg_type'), {_acl("t.typacl", "T", "t.typowner")}
FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
LEFT JOIN pg_type b ON b.oid = t.typbasetype
LEFT JOIN pg_class c ON c.oid = t.typrelid
WHERE (t.typtype IN ('e', 'd', 'r') OR (t.typtype = 'c' AND c.relkind = 'c')) AND {USER_SCHEMAS}
  AND {NOT_OF_EXTENSION.format(catalog="pg_type", oid="t.oid")}
"""

FUNCTIONS = f"""
SELECT p.oid, n.nspname, format('%%I(%%s)', p.proname, pg_get_function_identity_arguments(p.oid)), p.prokind, l.lanname,
       pg_get_function_result(p.oid),
       CASE WHEN p.prokind <> 'a' THEN pg_get_functiondef(p.oid) ELSE (
         SELECT format('SFUNC = %%s, STYPE = %%s%%s%%s', g.aggtransfn, format_type(g.aggtranstype, NULL),
           CASE WHEN g.aggfinalfn::oid <> 0 THEN ', FINALFUNC = ' || g.aggfinalfn::text ELSE '' END,
           coalesce(', INITCOND = ' || quote_literal(g.agginitval), ''))
         FROM pg_aggregate g WHERE g.aggfnoid = p.oid) END,
       to_jsonb(p) ->> 'prosqlbody' IS NULL, obj_description(p.oid, 'pg_proc'), {_acl("p.proacl", "f", "p.proowner")}
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang
WHERE {USER_SCHEMAS} AND {NOT_OF_EXTENSION.format(catalog="pg_proc", oid="p.oid")}
  AND NOT EXISTS (SELECT FROM pg_depend i WHERE i.classid = 'pg_proc'::regclass AND i.objid = p.oid AND i.deptype = 'i')
"""

TRIGGERS = f"""
SELECT g.oid, n.nspname, c.relname, g.tgname, pg_get_triggerdef(g.oid), g.tgenabled,
       obj_description(g.oid, 'pg_trigger')
FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE NOT g.tgisinternal AND g.tgparentid = 0 AND {USER_SCHEMAS}
"""

POLICIES = f"""
SELECT y.oid, n.nspname, c.relname, y.polname, y.polcmd, y.polpermissive,
       (SELECT array_agg(coalesce(r.rolname, 'public') ORDER BY r.rolname) FROM unnest(y.polroles) u
          LEFT JOIN pg_roles r ON r.oid = u),
       pg_get_expr(y.polqual, y.polrelid), pg_get_expr(y.polwithcheck, y.polrelid), obj_description(y.oid, 'pg_policy')
FROM pg_policy y JOIN pg_class c ON c.oid = y.polrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE {USER_SCHEMAS}
"""

RULES = f"""
SELECT w.oid, n.nspname, c.relname || '.' || w.rulename, pg_get_ruledef(w.oid)
FROM pg_rewrite w JOIN pg_class c ON c.oid = w.ev_class JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE w.rulename <> '_RETURN' AND {USER_SCHEMAS}
"""

COLLATIONS = f"""
SELECT l.oid, n.nspname, l.collname,
       format('(provider = %%s, locale = %%L, deterministic = %%s)',
              CASE l.collprovider WHEN 'i' THEN 'icu' WHEN 'b' THEN 'builtin' ELSE 'libc' END,
              coalesce(to_jsonb(l) ->> 'colllocale', to_jsonb(l) ->> 'colliculocale', l.collcollate),
              l.collisdeterministic)
FROM pg_collation l JOIN pg_namespace n ON n.oid = l.collnamespace
WHERE {USER_SCHEMAS} AND {NOT_OF_EXTENSION.format(catalog="pg_collation", oid="l.oid")}
"""

STATISTICS = f"""
SELECT s.oid, n.nspname, s.stxname, pg_get_statisticsobjdef(s.oid)
FROM pg_statistic_ext s JOIN pg_namespace n ON n.oid = s.stxnamespace WHERE {USER_SCHEMAS}
"""


REWRITES = "SELECT oid, ev_class, rulename FROM pg_rewrite WHERE ev_class >= 16384"

DEFAULTS = "SELECT oid, adrelid, adnum FROM pg_attrdef"
