"""An emulator of Neon's API on a local PostgreSQL, for tests and for CI without a network."""
