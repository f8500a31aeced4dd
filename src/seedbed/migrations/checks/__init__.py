"""Check a project and its databases: history, drift, edited revisions, and `seedbed doctor`."""
