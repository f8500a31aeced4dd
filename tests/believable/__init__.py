"""Two schemas as teams have them: a shop and a tracker, for seeds without overrides that a person reads."""
