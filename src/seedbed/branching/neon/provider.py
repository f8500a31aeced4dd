"""Branches on Neon: each is a branch of the Neon project, with a compute of its own."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from seedbed.branching.neon.client import NeonClient, format_timestamp
from seedbed.branching.neon.creation import (
    BranchRequest,
    CopyMarker,
    create_replacement_request,
    delete_unused_replaced,
    find_children,
    rename_replaced,
)
from seedbed.branching.neon.endpoints import BranchEndpoints
from seedbed.branching.neon.http import CONFLICT, ApiAccess, HttpClient, NeonNotFound, NeonRefusal
from seedbed.branching.neon.lookup import MAX_NAME_LENGTH, AnnotatedBranch, NeonBranchLookup, format_unfinished_name
from seedbed.branching.protocol import Branch, check_branch_name
from seedbed.errors import (
    BranchError,
    BranchExists,
    BranchNotFound,
    BranchNotReady,
    ExpiringNeonParent,
    InvalidBranchName,
    InvalidExpiry,
    NeonBranchHasChildren,
    NeonOverloaded,
    NeonProjectLocked,
    NeonUnreachable,
    SealedBranch,
    UnownedNeonBranch,
)
from seedbed.postgres.connection import connect
from seedbed.postgres.database import Database, find_configured_database
from seedbed.postgres.environment_mark import write_mark
from seedbed.settings import Configuration, DatabaseUrl, Environment

_MAX_LIFETIME = timedelta(days=30)
_REPLACEMENT_TIME = timedelta(minutes=2)
"""A younger branch beside a ready one of its name may belong to another call that is about to replace that one."""

_UNANSWERED_ERRORS = (NeonUnreachable, NeonProjectLocked, NeonOverloaded)
"""After these errors Neon would not answer a deletion either: the next call deletes what is left."""


@dataclass(frozen=True)
class NeonBranches:
    """The provider on Neon. A branch is described by its annotation, which never changes, its name and its expiry.

    Marks are read and written through the branch's own compute only. A kill leaves a branch that is not ready, which
    the next command for it finishes or deletes.
    """

    client: NeonClient
    configuration: Configuration

    @classmethod
    def from_configuration(cls, configuration: Configuration) -> "NeonBranches":
        """The provider of a configuration; sends no request yet.

        Raises:
            NeonNotConfigured: the key or the project is not set.
        """
        return cls(NeonClient(HttpClient(ApiAccess.from_configuration(configuration))), configuration)

    def get_environment_database(self) -> Database:
        configured = find_configured_database(self.configuration)
        if configured is not None:
            return configured
        return self._endpoints.get_database(self._lookup.find_source(None), self.configuration.environment)

    def create(
        self,
        name: str,
        *,
        parent: str | None = None,
        environment: Environment | None = None,
        expires_at: datetime | None = None,
        force: bool = False,  # noqa: ARG002 - Neon copies a branch that is in use
        allow_production: bool = False,
    ) -> Branch:
        check_branch_name(name)
        if len(name) > MAX_NAME_LENGTH:
            raise InvalidBranchName(name[:MAX_NAME_LENGTH], f"it is longer than {MAX_NAME_LENGTH} characters")
        _check_expiry(name, expires_at)
        if existing := self._lookup.find_by_name(name):
            for unfinished in existing[1:]:
                self.client.delete_branch(unfinished.neon_branch.id)
            raise BranchExists(name, existing[0].to_branch([]).parent)
        source = self._lookup.find_source(parent)
        parent = parent or self.configuration.environment.value
        self._remove_expiry(source, parent)
        target_environment = environment or source.read_environment() or self.configuration.environment
        request = BranchRequest.create(self._lookup, name, parent, target_environment)
        with self._requested_branch(request, source, expires_at) as copy:
            self._marker.mark_new(copy, is_inherited=environment is None, allow_production=allow_production)
        return copy.to_branch([])

    def create_ready(
        self, name: str, *, parent: str | None = None, expires_at: datetime | None = None, force: bool = False
    ) -> Branch:
        self.create(name, parent=parent, expires_at=expires_at, force=force)
        try:
            return self.finish(name)
        except BaseException:
            with suppress(BranchError):
                self.delete(name)
            raise

    def finish(self, name: str, *, sealed: bool = False) -> Branch:
        found = self._lookup.get_branch(name)
        branch = found.to_branch(self.client.list_endpoints())
        if branch.sealed:
            return branch
        with _translate_not_found(name):
            if not found.is_ready:
                self._marker.ensure_marked(found)
            with connect(self._endpoints.get_database(found)) as connection:
                write_mark(connection, branch.environment)
                connection.commit()
            if sealed:
                for endpoint in self.client.list_endpoints(found.neon_branch.id):
                    self.client.delete_endpoint(endpoint.id)
            if not found.is_ready:
                self._rename(found, name)
        return self.get(name)

    def reset(
        self,
        name: str,
        *,
        force: bool = False,  # noqa: ARG002 - as for create
        allow_production: bool = False,
        require_ready: bool = False,
    ) -> Branch:
        """Neon restores no branch with children: one that is sealed or has children is replaced by a new branch."""
        found, *unfinished = self._lookup.find_by_name(name) or [self._lookup.get_branch(name)]
        if require_ready and (
            not found.is_ready
            or any(datetime.now(UTC) - branch.neon_branch.created_at < _REPLACEMENT_TIME for branch in unfinished)
        ):
            raise BranchNotReady(name)
        parent = self._lookup.find_parent_of(found)
        for branch in unfinished:
            self.client.delete_branch(branch.neon_branch.id)
        sealed = found.to_branch(self.client.list_endpoints()).sealed
        if sealed or find_children(self._lookup.list_all(), found):
            return self._replace(found, parent, allow_production=allow_production)
        if found.is_ready:
            self._rename(found, format_unfinished_name(name))
        self.client.restore_branch(found.neon_branch.id, parent.neon_branch.id)
        found = self._lookup.get_branch(name)
        self._marker.mark_new(found, allow_production=allow_production)
        return found.to_branch([])

    def set_expiry(self, name: str, at: datetime | None) -> Branch:
        _check_expiry(name, at)
        with _translate_not_found(name):
            self.client.update_branch(
                self._lookup.get_branch(name).neon_branch.id,
                expires_at=format_timestamp(at) if at is not None else None,
            )
        return self.get(name)

    def wait_until_reachable(self, name: str, *, seconds: float = 60.0) -> None:
        found = self._lookup.get_branch(name)
        if found.to_branch(self.client.list_endpoints()).sealed:
            raise SealedBranch(name)
        with _translate_not_found(name):
            self._endpoints.wait_until_awake(found, seconds)

    def get(self, name: str) -> Branch:
        return self._lookup.get_branch(name).to_branch(self.client.list_endpoints())

    def list(self) -> tuple[Branch, ...]:
        endpoints = self.client.list_endpoints()
        return tuple(
            sorted(
                (branch.to_branch(endpoints) for branch in self._lookup.list_owned()), key=lambda branch: branch.name
            )
        )

    def delete(self, name: str) -> None:
        for found in reversed(self._lookup.find_by_name(name) or [self._lookup.get_branch(name)]):
            try:
                self.client.delete_branch(found.neon_branch.id)
            except NeonRefusal:
                if children := find_children(self._lookup.list_all(), found):
                    raise NeonBranchHasChildren(name, [child.name for child in children]) from None
                raise
        delete_unused_replaced(self._lookup)

    def url(self, name: str, *, allow_unready: bool = False, pooled: bool = False) -> DatabaseUrl:
        found = self._lookup.get_branch(name)
        branch = found.to_branch(self.client.list_endpoints())
        if branch.sealed:
            raise SealedBranch(name)
        if not branch.ready and not allow_unready:
            raise BranchNotReady(name)
        with _translate_not_found(name):
            if not branch.ready:
                self._marker.ensure_marked(found)
            return self._endpoints.get_url(found, pooled=pooled)

    @property
    def _lookup(self) -> NeonBranchLookup:
        return NeonBranchLookup(self.client, self.configuration)

    @property
    def _endpoints(self) -> BranchEndpoints:
        return BranchEndpoints(self.client, self.configuration)

    @property
    def _marker(self) -> CopyMarker:
        return CopyMarker(self._lookup, self._endpoints)

    @contextmanager
    def _requested_branch(
        self,
        request: BranchRequest,
        source: AnnotatedBranch,
        expires_at: datetime | None,
        *,
        replaces_ready: bool = False,
    ) -> Iterator[AnnotatedBranch]:
        """Create a branch, and delete it where the block fails."""
        delete_unused_replaced(self._lookup)
        request.check_quota()
        try:
            yield request.send(source.neon_branch.id, expires_at, replaces_ready=replaces_ready)
        except _UNANSWERED_ERRORS:
            raise
        except BaseException:
            request.delete_created()
            raise

    def _replace(self, found: AnnotatedBranch, parent: AnnotatedBranch, *, allow_production: bool) -> Branch:
        """Give the name to a new branch; the old one keeps its children under another name."""
        request = create_replacement_request(self._lookup, found)
        with (
            self._requested_branch(request, parent, None, replaces_ready=True) as copy,
            _translate_not_found(found.name),
        ):
            self._marker.mark_new(copy, allow_production=allow_production)
            rename_replaced(self.client, found)
        delete_unused_replaced(self._lookup)
        return copy.to_branch([])

    def _remove_expiry(self, source: AnnotatedBranch, parent: str) -> None:
        """Remove the expiry of a sealed source, since Neon copies no branch that expires."""
        if source.neon_branch.expires_at is None:
            return
        is_owned = source.find_foreign_reason(self._lookup.owner) is None
        if not (is_owned and source.to_branch(self.client.list_endpoints()).sealed):
            raise ExpiringNeonParent(parent, f"{source.neon_branch.expires_at:%Y-%m-%d %H:%M}")
        self.client.update_branch(source.neon_branch.id, expires_at=None)

    def _rename(self, found: AnnotatedBranch, name: str) -> None:
        try:
            self.client.update_branch(found.neon_branch.id, name=name)
        except NeonRefusal as error:
            holders = [
                branch.neon_branch.id for branch in self._lookup.list_all(name) if branch.neon_branch.name == name
            ]
            if error.status == CONFLICT and holders == [found.neon_branch.id]:
                return  # the first request succeeded, and its answer was lost
            if error.status == CONFLICT and holders:
                raise UnownedNeonBranch(
                    name, "another command created a branch of that name at the same time"
                ) from None
            raise


@contextmanager
def _translate_not_found(name: str) -> Iterator[None]:
    """Raise BranchNotFound for Neon's 404: another call may delete a branch between two requests."""
    try:
        yield
    except NeonNotFound:
        raise BranchNotFound(name) from None


def _check_expiry(name: str, at: datetime | None) -> None:
    if at is None:
        return
    now = datetime.now(UTC)
    if at <= now:
        raise InvalidExpiry(name, f"{at:%Y-%m-%d %H:%M} is past")
    if at > now + _MAX_LIFETIME:
        raise InvalidExpiry(
            name, f"{at:%Y-%m-%d %H:%M} is more than {_MAX_LIFETIME.days} days away, and Neon allows no more"
        )
