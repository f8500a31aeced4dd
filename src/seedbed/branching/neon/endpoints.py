"""The way to a branch on Neon, through its own compute and no other."""

import time
from contextlib import suppress
from dataclasses import dataclass

from seedbed.branching.neon.annotations import AnnotatedBranch
from seedbed.branching.neon.client import NeonClient
from seedbed.branching.neon.http import CONFLICT, Refused, Unanswered
from seedbed.branching.neon.models import Endpoint
from seedbed.errors import (
    SealedBranch,
    InvalidDatabaseUrl,
    AmbiguousNeonDatabase,
    NeonUnreachable,
    NeonEndpointMismatch,
    DatabaseUnreachable,
)
from seedbed.postgres.connection import connect
from seedbed.postgres.database import Database
from seedbed.settings import Configuration, DatabaseUrl, Environment, MalformedUrl, Origin, parse_url
from seedbed.settings.sources import SourceKind

_TRIES = 4
_POLL_SECONDS = 0.25


@dataclass(frozen=True)
class BranchEndpoints:
    client: NeonClient
    configuration: Configuration

    def ensure_compute(self, found: AnnotatedBranch) -> None:
        """Have a branch have a compute. Whether a request without an answer made one is seen in the list.

        Raises:
            NeonUnreachable: there is none.
        """
        reason = "the compute that it made is in no list"
        for attempt in range(_TRIES):
            if self.client.list_endpoints(found.neon_branch.id):
                return
            try:
                self.client.create_endpoint(found.neon_branch.id)
            except Unanswered as error:
                reason = error.reason
                self.client.http.sleep(_POLL_SECONDS * attempt)
            except Refused as error:
                if error.status != CONFLICT:
                    raise
            self.client.wait_for_operations(found.neon_branch.id)
        raise NeonUnreachable(self.client.http.access.host_name, reason)

    def wait_until_awake(self, found: AnnotatedBranch, seconds: float) -> None:
        """Connect until the compute answers: a sleeping one wakes by being connected to."""
        database = self.get_database(found)
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

    def get_database(self, found: AnnotatedBranch, environment: Environment | None = None) -> Database:
        url = self.get_url(found)
        origin = Origin(SourceKind.DERIVED, f"branch {found.name}")
        return Database(url, url, environment or found.to_branch([]).environment, origin)

    def get_url(self, found: AnnotatedBranch, *, pooled: bool = False) -> DatabaseUrl:
        endpoint = self._endpoint(found)
        database, role = self._meant(found)
        parsed: DatabaseUrl | None = None
        with suppress(MalformedUrl):
            parsed = parse_url(self.client.read_connection_uri(endpoint, database, role, pooled=pooled))
        if parsed is None:
            raise InvalidDatabaseUrl("connection_uri", "given by Neon", "it cannot be read")
        if (parsed.direct.host or "").partition(".")[0] != endpoint.id:
            raise NeonEndpointMismatch(found.name, parsed.address, endpoint.id)
        return parsed

    def _endpoint(self, found: AnnotatedBranch) -> Endpoint:
        for endpoint in self.client.list_endpoints(found.neon_branch.id):
            if endpoint.branch_id == found.neon_branch.id and endpoint.type == "read_write":
                return endpoint
        raise SealedBranch(found.name)

    def _meant(self, found: AnnotatedBranch) -> tuple[str, str]:
        """The database and the role: those of DATABASE_URL where it is Neon's, or the only database and its owner."""
        url = self.configuration.settings.database_url
        if url is not None and url.is_neon and url.username:
            return url.name, url.username
        databases = self.client.list_databases(found.neon_branch.id)
        if len(databases) != 1:
            raise AmbiguousNeonDatabase([database.name for database in databases])
        return databases[0].name, databases[0].owner_name
