"""The compute endpoint of a branch on Neon, and the connection URL through it."""

import time
from contextlib import suppress
from dataclasses import dataclass

from seedbed.branching.neon.client import NeonClient
from seedbed.branching.neon.http import CONFLICT, LostAnswer, NeonRefusal
from seedbed.branching.neon.lookup import AnnotatedBranch
from seedbed.branching.neon.models import Endpoint
from seedbed.errors import (
    AmbiguousNeonDatabase,
    DatabaseUnreachable,
    InvalidDatabaseUrl,
    NeonEndpointMismatch,
    NeonUnreachable,
    SealedBranch,
)
from seedbed.postgres.connection import connect
from seedbed.postgres.database import Database
from seedbed.settings import Configuration, DatabaseUrl, Environment, MalformedUrl, Origin, parse_url
from seedbed.settings.sources import SourceKind

_ATTEMPTS = 4
_POLL_SECONDS = 0.25


@dataclass(frozen=True)
class BranchEndpoints:
    """Connects to a branch through its own compute, never through another branch's."""

    client: NeonClient
    configuration: Configuration

    def ensure_compute(self, branch: AnnotatedBranch) -> None:
        """Create a compute where the branch has none; after a lost answer, the list shows whether one was created.

        Raises:
            NeonUnreachable: no compute was created.
        """
        reason = "the compute that it made is in no list"
        for attempt in range(_ATTEMPTS):
            if self.client.list_endpoints(branch.neon_branch.id):
                return
            try:
                self.client.create_endpoint(branch.neon_branch.id)
            except LostAnswer as error:
                reason = error.reason
                self.client.http.sleep(_POLL_SECONDS * attempt)
            except NeonRefusal as error:
                if error.status != CONFLICT:
                    raise
            self.client.wait_for_operations(branch.neon_branch.id)
        raise NeonUnreachable(self.client.http.access.host_name, reason)

    def wait_until_awake(self, branch: AnnotatedBranch, seconds: float) -> None:
        """Connect until the compute accepts the connection, which wakes a suspended one."""
        database = self.get_database(branch)
        until = time.monotonic() + seconds
        while True:
            try:
                with connect(database) as connection:
                    connection.exec_driver_sql("SELECT 1")
            except DatabaseUnreachable:
                if time.monotonic() > until:
                    raise
            else:
                return
            self.client.http.sleep(_POLL_SECONDS)

    def get_database(self, branch: AnnotatedBranch, environment: Environment | None = None) -> Database:
        url = self.get_url(branch)
        origin = Origin(SourceKind.DERIVED, f"branch {branch.name}")
        return Database(url, url, environment or branch.to_branch([]).environment, origin)

    def get_url(self, branch: AnnotatedBranch, *, pooled: bool = False) -> DatabaseUrl:
        endpoint = self._find_endpoint(branch)
        database, role = self._find_database_and_role(branch)
        parsed: DatabaseUrl | None = None
        with suppress(MalformedUrl):
            parsed = parse_url(self.client.read_connection_uri(endpoint, database, role, pooled=pooled))
        if parsed is None:
            raise InvalidDatabaseUrl("connection_uri", "given by Neon", "it cannot be read")
        if (parsed.direct.host or "").partition(".")[0] != endpoint.id:
            raise NeonEndpointMismatch(branch.name, parsed.address, endpoint.id)
        return parsed

    def _find_endpoint(self, branch: AnnotatedBranch) -> Endpoint:
        for endpoint in self.client.list_endpoints(branch.neon_branch.id):
            if endpoint.branch_id == branch.neon_branch.id and endpoint.type == "read_write":
                return endpoint
        raise SealedBranch(branch.name)

    def _find_database_and_role(self, branch: AnnotatedBranch) -> tuple[str, str]:
        """The database and role of DATABASE_URL where it is on Neon, else the only database and its owner."""
        url = self.configuration.settings.database_url
        if url is not None and url.is_neon and url.username:
            return url.name, url.username
        databases = self.client.list_databases(branch.neon_branch.id)
        if len(databases) != 1:
            raise AmbiguousNeonDatabase([database.name for database in databases])
        return databases[0].name, databases[0].owner_name
