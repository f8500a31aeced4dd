"""Rows as PostgreSQL's COPY reads them."""
