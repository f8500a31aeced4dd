"""Proofs: a drafted revision is tried on temporary databases with sample rows before anyone sees it."""
