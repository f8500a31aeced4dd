"""Run the PostgreSQL server of a test run."""
