"""The embedded PostgreSQL server: its programs, its data directory and its life cycle."""

from seedbed.postgres.embedded.binaries import Binaries, find_binaries
from seedbed.postgres.embedded.project_server import EmbeddedServer, ServerStatus
from seedbed.postgres.embedded.temporary_server import TemporaryServer, run_temporary_server

__all__ = ["Binaries", "EmbeddedServer", "ServerStatus", "TemporaryServer", "find_binaries", "run_temporary_server"]
