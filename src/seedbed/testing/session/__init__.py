"""Track the state of a test run and of its tests."""
