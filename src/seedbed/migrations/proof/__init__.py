"""A revision tried on a throw-away database, with rows in it, before anyone sees it."""
