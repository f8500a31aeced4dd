"""Data types: their names in SQLAlchemy, user-defined types, and conversions from one type to another."""
