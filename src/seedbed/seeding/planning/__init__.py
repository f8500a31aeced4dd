"""Plans of what a seed run loads, and the lock file that keeps their rows the same."""
