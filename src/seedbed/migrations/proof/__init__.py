"""Proofs: a drafted revision is tried on throw-away databases with sample rows before anyone sees it."""
