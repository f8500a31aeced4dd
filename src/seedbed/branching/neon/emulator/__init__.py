"""Neon's API over a PostgreSQL of this machine, for tests and for CI without a network."""
