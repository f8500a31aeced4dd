"""How long a test waits for something that it expects, on a machine that is busy with other things."""

PATIENCE = 300.0
"""Seconds. A test that passes never waits so long; one that fails does."""
