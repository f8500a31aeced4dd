"""Errors about branches and previews (SB5xx)."""
