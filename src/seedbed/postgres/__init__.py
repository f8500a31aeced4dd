"""Everything that speaks to a PostgreSQL server."""
