"""Previews: a branch, the newest migrations and believable rows, by one command that can be run again."""
