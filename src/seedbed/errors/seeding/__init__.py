"""Errors about seeds and masking (SB4xx)."""
