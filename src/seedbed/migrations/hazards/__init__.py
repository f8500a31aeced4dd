"""Find what pending revisions would do to the data and the users of a database, and rehearse them on a copy."""
