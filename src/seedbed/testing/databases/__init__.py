"""Create, clone, share and keep the databases of tests."""
