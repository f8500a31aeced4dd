"""Columns that describe one person, place or currency together."""
