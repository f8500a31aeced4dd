"""Errors about migrations (SB2xx)."""
