"""Alembic's own table in a database, known by its shape, since projects call it as they like."""

IS_VERSION_TABLE = """
(SELECT count(*) = 1 AND bool_and(v.attname = 'version_num') FROM pg_attribute v
  WHERE v.attrelid = c.oid AND v.attnum > 0 AND NOT v.attisdropped)
"""
"""Whether pg_class `c` is one: a column, `version_num`, and no other."""
