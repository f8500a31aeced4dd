"""The connection pool of the service."""
