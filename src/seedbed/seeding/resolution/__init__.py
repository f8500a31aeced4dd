"""Resolution of the keys, the row counts and the unique columns of each table."""
