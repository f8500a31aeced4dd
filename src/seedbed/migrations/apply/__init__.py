"""Apply revisions to a database, or undo them, without blocking its other sessions for long."""
