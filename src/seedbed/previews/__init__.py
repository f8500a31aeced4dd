"""Previews: branches for pull requests, migrated and filled with rows, and cleaned up afterwards."""
