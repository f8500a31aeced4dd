"""A PostgreSQL that comes with the project, found, started and stopped by its commands."""

from seedbed.postgres.embedded.binaries import Binaries, find_binaries
from seedbed.postgres.embedded.server import Server, Status
from seedbed.postgres.embedded.temporary_server import ThrowawayServer, throwaway_server

__all__ = ["Binaries", "Server", "Status", "ThrowawayServer", "find_binaries", "throwaway_server"]
