"""Branches on Neon, each with a compute of its own."""

import secrets
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from seedbed.branching.naming import check_name, is_environment
from seedbed.branching.neon.client import NeonClient, written
from seedbed.branching.neon.finding import CALL, ENVIRONMENT, LONGEST, NAME, OWNER, PARENT, Found, unfinished
from seedbed.branching.neon.http import Access, Refused, Unanswered, Wire
from seedbed.branching.neon.models import Endpoint
from seedbed.branching.protocol import Branch
from seedbed.errors import (
    BadBranchName,
    BadExpiry,
    BranchError,
    BranchExists,
    BranchNotFound,
    BranchNotReady,
    BranchSealed,
    InvalidDatabaseUrl,
    NeonChildrenExpire,
    NeonDatabaseUnclear,
    NeonOperationFailed,
    NeonQuotaReached,
    NeonRefused,
    NeonUnreachable,
    NotABranch,
    NotItsEndpoint,
    NotOursOnNeon,
    ProductionCopied,
    UnmarkedWithRows,
    Unreachable,
)
from seedbed.postgres.connecting import connect
from seedbed.postgres.databases import Database
from seedbed.postgres.marks import PREPARING, read_mark, tables_with_rows, write_mark
from seedbed.settings import Configuration, DatabaseUrl, Environment, MalformedUrl, Origin, parse_url
from seedbed.settings.sources import Kind

_FARTHEST = timedelta(days=30)
_TRIES = 4
_CONFLICT, _UNPROCESSABLE = 409, 422
_QUOTA = ("BRANCHES_LIMIT_EXCEEDED", "ROOT_BRANCHES_LIMIT_EXCEEDED")
_POLL_SECONDS = 0.25


@dataclass(frozen=True)
class NeonBranches:
    """A provider. What is known of a branch is its annotation, which nobody can change, its name and its end.

    The marks are read and written through the branch's own compute and no other: a copy has its parent's mark, so the
    copy itself says whether it is one of production. A kill leaves a branch that is not ready, which the next command
    for it finishes or deletes.
    """

    client: NeonClient
    configuration: Configuration

    @classmethod
    def of(cls, configuration: Configuration) -> "NeonBranches":
        """The provider that the settings ask for; nothing is asked of Neon yet.

        Raises:
            NeonNotConfigured: the key or the project is not set.
        """
        return cls(NeonClient(Wire(Access.of(configuration))), configuration)

    def create(
        self,
        name: str,
        *,
        parent: str | None = None,
        environment: Environment | None = None,
        expires_at: datetime | None = None,
        force: bool = False,  # noqa: ARG002 - Neon copies a branch that is in use
        even_production: bool = False,
    ) -> Branch:
        check_name(name)
        if len(name) > LONGEST:
            raise BadBranchName(name[:LONGEST], f"it is longer than {LONGEST} characters")
        _check_expiry(name, expires_at)
        if existing := self._found(name):
            raise BranchExists(name, existing.branch([]).parent)
        source = self._parent(parent)
        parent = parent or self.configuration.environment.value
        if source.neon.expires_at is not None:
            raise NeonChildrenExpire(parent, f"{source.neon.expires_at:%Y-%m-%d %H:%M}")
        self._see_room()
        annotation = {
            OWNER: self._owner,
            NAME: name,
            PARENT: parent,
            ENVIRONMENT: (environment or self.configuration.environment).value,
            CALL: secrets.token_hex(8),
        }
        try:
            made = self._made(name, source.neon.id, annotation, expires_at)
        except NeonOperationFailed:
            with suppress(BranchError):
                left = self._found(name)
                if left is not None and left.call == annotation[CALL]:
                    self.client.delete(left.neon.id)
            raise
        try:
            self._prepare(made, inherited=environment is None, even_production=even_production)
        except BaseException:
            with suppress(BranchError):
                self.client.delete(made.neon.id)
            raise
        return made.branch([])

    def finish(self, name: str, *, sealed: bool = False) -> Branch:
        found = self._existing(name)
        branch = found.branch(self.client.endpoints())
        if branch.sealed:
            return branch
        if not found.ready:
            self._prepare(found)
        with connect(self._database(found)) as connection:
            write_mark(connection, branch.environment)
            connection.commit()
        if sealed:
            for endpoint in self.client.endpoints(found.neon.id):
                self.client.delete_endpoint(endpoint.id)
        if not found.ready:
            self._rename(found, name)
        return self.get(name)

    def reset(
        self,
        name: str,
        *,
        force: bool = False,  # noqa: ARG002 - as for create
        even_production: bool = False,
    ) -> Branch:
        found = self._existing(name)
        parent = found.neon.parent_id or ""
        if parent not in {branch.id for branch, _ in self.client.branches()}:
            raise BranchNotFound(found.branch([]).parent)
        if found.ready:
            self._rename(found, unfinished(name))
        self.client.restore(found.neon.id, parent)
        found = self._existing(name)
        self._prepare(found, even_production=even_production)
        return found.branch([])

    def expire(self, name: str, at: datetime | None) -> Branch:
        _check_expiry(name, at)
        self.client.update(self._existing(name).neon.id, expires_at=written(at) if at is not None else None)
        return self.get(name)

    def wait(self, name: str, *, seconds: float = 60.0) -> None:
        found = self._existing(name)
        if found.branch(self.client.endpoints()).sealed:
            raise BranchSealed(name)
        self._awake(found, seconds)

    def get(self, name: str) -> Branch:
        return self._existing(name).branch(self.client.endpoints())

    def list(self) -> tuple[Branch, ...]:
        endpoints = self.client.endpoints()
        everything = [Found(branch, annotation) for branch, annotation in self.client.branches()]
        ours = [found.branch(endpoints) for found in everything if found.stranger(self._owner) is None]
        return tuple(sorted(ours, key=lambda branch: branch.name))

    def delete(self, name: str) -> None:
        self.client.delete(self._existing(name).neon.id)

    def url(self, name: str, *, unfinished: bool = False, pooled: bool = False) -> DatabaseUrl:
        found = self._existing(name)
        branch = found.branch(self.client.endpoints())
        if branch.sealed:
            raise BranchSealed(name)
        if not branch.ready:
            if not unfinished:
                raise BranchNotReady(name)
            self._prepare(found)
        return self._url(found, pooled=pooled)

    @property
    def _owner(self) -> str:
        return self.configuration.project.identifier

    def _found(self, name: str) -> Found | None:
        """The branch of that name, ready or not, if it is this project's.

        Raises:
            NotABranch: it is an environment's, or somebody else's.
        """
        if is_environment(name):
            raise NotABranch(
                name, "it is an environment's own database", remedy="seedbed branch list shows the branches."
            )
        for branch, annotation in self.client.branches(search=name):
            if branch.name in {name, unfinished(name)}:
                found = Found(branch, annotation)
                if (whose := found.stranger(self._owner)) is not None:
                    raise NotOursOnNeon(branch.name, whose)
                return found
        return None

    def _existing(self, name: str) -> Found:
        found = self._found(name)
        if found is None:
            raise BranchNotFound(name)
        return found

    def _parent(self, name: str | None) -> Found:
        """What is to be copied: the branch that DATABASE_URL leads to, the default one, or one by its name."""
        everything = [Found(branch, annotation) for branch, annotation in self.client.branches()]
        if name is None or name == self.configuration.environment:
            wanted = self._own_branch()
            chosen = [f for f in everything if (f.neon.id == wanted if wanted else f.neon.default or f.neon.primary)]
        else:
            chosen = [found for found in everything if name in {found.neon.name, found.name}]
        if not chosen:
            raise BranchNotFound(name or self.configuration.environment.value)
        if not chosen[0].ready:
            raise BranchNotReady(chosen[0].name)
        return chosen[0]

    def _own_branch(self) -> str | None:
        """The id of the branch whose compute DATABASE_URL names."""
        url = self.configuration.settings.database_url
        if url is None or not url.is_neon:
            return None
        label = (url.direct.host or "").partition(".")[0]
        for endpoint in self.client.endpoints():
            if endpoint.id == label:
                return endpoint.branch_id
        raise BranchNotFound(url.address)

    def _see_room(self) -> None:
        """Look at the count before, so that a full project is a sentence; where the limit is not said, Neon says it."""
        limit = self.client.limit()
        if limit is not None and (count := self.client.count()) >= limit:
            raise NeonQuotaReached(count, f"the plan allows {limit:,}")

    def _made(self, name: str, parent_id: str, annotation: dict[str, str], expires_at: datetime | None) -> Found:
        """The branch, made by this call. A request without an answer is looked for in the list, by the call's own
        number, and made again only where it is not there.
        """
        reason = ""
        for attempt in range(_TRIES):
            try:
                self.client.create(unfinished(name), parent_id, annotation, expires_at)
            except Unanswered as error:
                reason = error.reason
                self.client.wire.sleep(_POLL_SECONDS * attempt)
            except Refused as error:
                if error.reason in _QUOTA or any(word in error.said for word in _QUOTA):
                    raise NeonQuotaReached(self.client.count(), error.said) from None
                if error.status != _CONFLICT:
                    raise
            found = self._found(name)
            if found is not None and found.call != annotation[CALL]:
                raise BranchExists(name, found.branch([]).parent)
            if found is not None:
                self.client.settle(found.neon.id)
                return found
        raise NeonUnreachable(self.client.wire.access.shown, reason or "the branch that it made is in no list")

    def _rename(self, found: Found, name: str) -> None:
        try:
            self.client.update(found.neon.id, name=name)
        except Refused as error:
            if error.status == _CONFLICT:
                raise NotOursOnNeon(name, "somebody else made one of that name meanwhile") from None
            raise

    def _prepare(self, found: Found, *, inherited: bool = False, even_production: bool = False) -> None:
        """Have a copy marked `preparing`, unless it is one of production that is to be something else."""
        self.client.settle(found.neon.id)
        if not self.client.endpoints(found.neon.id):
            self.client.make_endpoint(found.neon.id)
        branch = found.branch([])
        self._awake(found, 60.0)
        with connect(self._database(found)) as connection:
            mark = read_mark(connection)
            if mark == PREPARING:
                return
            if mark is None and (occupied := tables_with_rows(connection)):
                raise UnmarkedWithRows("copy", branch.parent, occupied)
            own = mark or self.configuration.environment.value
            of_production = own == Environment.PRODUCTION and branch.environment is not Environment.PRODUCTION
            if of_production and not even_production:
                raise ProductionCopied(branch.parent, branch.environment)
            if inherited and own != branch.environment:
                raise NeonRefused(_CONFLICT, f"{branch.parent} is marked {own}, not {branch.environment}")
            write_mark(connection, PREPARING)
            connection.commit()

    def _awake(self, found: Found, seconds: float) -> None:
        """Connect until the compute answers: a sleeping one wakes by being connected to."""
        database = self._database(found)
        until = time.monotonic() + seconds
        while True:
            try:
                with connect(database) as connection:
                    connection.exec_driver_sql("SELECT 1")
            except Unreachable:
                if time.monotonic() > until:
                    raise
            else:
                return
            self.client.wire.sleep(_POLL_SECONDS)

    def _database(self, found: Found) -> Database:
        url = self._url(found)
        environment = found.branch([]).environment
        return Database(url, url, environment, Origin(Kind.DERIVED, f"branch {found.name}"))

    def _url(self, found: Found, *, pooled: bool = False) -> DatabaseUrl:
        endpoint = self._endpoint(found)
        database, role = self._meant(found)
        parsed: DatabaseUrl | None = None
        with suppress(MalformedUrl):
            parsed = parse_url(self.client.uri(endpoint, database, role, pooled=pooled))
        if parsed is None:
            raise InvalidDatabaseUrl("connection_uri", "given by Neon", "it cannot be read")
        if (parsed.direct.host or "").partition(".")[0] != endpoint.id:
            raise NotItsEndpoint(found.name, parsed.address, endpoint.id)
        return parsed

    def _endpoint(self, found: Found) -> Endpoint:
        for endpoint in self.client.endpoints(found.neon.id):
            if endpoint.branch_id == found.neon.id and endpoint.type == "read_write":
                return endpoint
        raise BranchSealed(found.name)

    def _meant(self, found: Found) -> tuple[str, str]:
        """The database and the role: those of DATABASE_URL where it is Neon's, or the only database and its owner."""
        url = self.configuration.settings.database_url
        if url is not None and url.is_neon and url.username:
            return url.name, url.username
        databases = self.client.databases(found.neon.id)
        if len(databases) != 1:
            raise NeonDatabaseUnclear([database.name for database in databases])
        return databases[0].name, databases[0].owner_name


def _check_expiry(name: str, at: datetime | None) -> None:
    if at is None:
        return
    now = datetime.now(UTC)
    if at <= now:
        raise BadExpiry(name, f"{at:%Y-%m-%d %H:%M} is past")
    if at > now + _FARTHEST:
        raise BadExpiry(name, f"{at:%Y-%m-%d %H:%M} is more than {_FARTHEST.days} days away, and Neon allows no more")
