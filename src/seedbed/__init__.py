"""The schema-first toolkit for SQLModel and PostgreSQL."""

__version__ = "0.1.0"
