"""Encoding of rows in the formats of COPY."""
