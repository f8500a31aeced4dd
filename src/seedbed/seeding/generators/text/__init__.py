"""Columns of texts."""
