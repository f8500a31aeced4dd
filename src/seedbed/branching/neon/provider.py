"""Branches on Neon: each is one of the project's there, with a compute of its own."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from seedbed.branching.names import check_branch_name
from seedbed.branching.neon.annotations import MAX_NAME_LENGTH, AnnotatedBranch, format_unfinished_name
from seedbed.branching.neon.client import NeonClient, format_timestamp
from seedbed.branching.neon.creation import Request
from seedbed.branching.neon.endpoints import BranchEndpoints
from seedbed.branching.neon.http import CONFLICT, Access, Missing, Refused, Wire
from seedbed.branching.neon.lookup import NeonBranchLookup
from seedbed.branching.neon.replacement import find_children, create_replacement_request, rename_replaced, delete_unused_replaced
from seedbed.branching.protocol import Branch
from seedbed.errors import (
    InvalidBranchName,
    InvalidExpiry,
    BranchError,
    BranchExists,
    BranchNotFound,
    BranchNotReady,
    SealedBranch,
    ExpiringNeonParent,
    NeonProjectLocked,
    NeonBranchHasChildren,
    NeonOverloaded,
    NeonRequestRejected,
    NeonUnreachable,
    UnownedNeonBranch,
    UnmaskedProductionCopy,
    UnmarkedDatabase,
)
from seedbed.postgres.connection import connect
from seedbed.postgres.database import Database, find_configured_database
from seedbed.postgres.environment_mark import (
    PREPARING,
    read_copy_id,
    read_mark,
    find_tables_with_rows,
    mark_as_copy,
    write_mark,
)
from seedbed.settings import Configuration, DatabaseUrl, Environment

_FARTHEST = timedelta(days=30)
_BEGUN = timedelta(minutes=2)
"""For so long a branch that is begun beside a ready one of its name may be somebody's who is about to replace that."""

_NOT_HEARD = (NeonUnreachable, NeonProjectLocked, NeonOverloaded)
"""After these Neon would not hear of undoing it either: what is left is for the next call."""


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
        return cls(NeonClient(Wire(Access.from_configuration(configuration))), configuration)

    def get_environment_database(self) -> Database:
        given = find_configured_database(self.configuration)
        if given is not None:
            return given
        return self._reaching.get_database(self._looking.find_source(None), self.configuration.environment)

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
        if existing := self._looking.find_by_name(name):
            for left in existing[1:]:
                self.client.delete_branch(left.neon_branch.id)
            raise BranchExists(name, existing[0].to_branch([]).parent)
        source = self._looking.find_source(parent)
        parent = parent or self.configuration.environment.value
        self._see_endless(source, parent)
        for_what = environment or source.read_environment() or self.configuration.environment
        request = Request.create(self._looking, name, parent, for_what)
        with self._requested(request, source, expires_at) as made:
            self._begin(made, inherited=environment is None, even_production=allow_production)
        return made.to_branch([])

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
        found = self._looking.get_branch(name)
        branch = found.to_branch(self.client.list_endpoints())
        if branch.sealed:
            return branch
        with _there(name):
            if not found.is_ready:
                self._go_on(found)
            with connect(self._reaching.get_database(found)) as connection:
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
        """One that is sealed or has children is replaced by another of its name, which cannot be had twice."""
        found, *left = self._looking.find_by_name(name) or [self._looking.get_branch(name)]
        if require_ready and (not found.is_ready or any(datetime.now(UTC) - one.neon_branch.created_at < _BEGUN for one in left)):
            raise BranchNotReady(name)
        parent = self._looking.find_parent_of(found)
        for one in left:
            self.client.delete_branch(one.neon_branch.id)
        sealed = found.to_branch(self.client.list_endpoints()).sealed
        if sealed or find_children(self._looking.list_all(), found):
            return self._replace(found, parent, even_production=allow_production)
        if found.is_ready:
            self._rename(found, format_unfinished_name(name))
        self.client.restore_branch(found.neon_branch.id, parent.neon_branch.id)
        found = self._looking.get_branch(name)
        self._begin(found, even_production=allow_production)
        return found.to_branch([])

    def set_expiry(self, name: str, at: datetime | None) -> Branch:
        _check_expiry(name, at)
        with _there(name):
            self.client.update_branch(self._looking.get_branch(name).neon_branch.id, expires_at=format_timestamp(at) if at is not None else None)
        return self.get(name)

    def wait_until_reachable(self, name: str, *, seconds: float = 60.0) -> None:
        found = self._looking.get_branch(name)
        if found.to_branch(self.client.list_endpoints()).sealed:
            raise SealedBranch(name)
        with _there(name):
            self._reaching.wait_until_awake(found, seconds)

    def get(self, name: str) -> Branch:
        return self._looking.get_branch(name).to_branch(self.client.list_endpoints())

    def list(self) -> tuple[Branch, ...]:
        endpoints = self.client.list_endpoints()
        return tuple(sorted((one.to_branch(endpoints) for one in self._looking.list_owned()), key=lambda branch: branch.name))

    def delete(self, name: str) -> None:
        for found in reversed(self._looking.find_by_name(name) or [self._looking.get_branch(name)]):
            try:
                self.client.delete_branch(found.neon_branch.id)
            except Refused:
                if left := find_children(self._looking.list_all(), found):
                    raise NeonBranchHasChildren(name, [one.name for one in left]) from None
                raise
        delete_unused_replaced(self._looking)

    def url(self, name: str, *, allow_unready: bool = False, pooled: bool = False) -> DatabaseUrl:
        found = self._looking.get_branch(name)
        branch = found.to_branch(self.client.list_endpoints())
        if branch.sealed:
            raise SealedBranch(name)
        if not branch.ready and not allow_unready:
            raise BranchNotReady(name)
        with _there(name):
            if not branch.ready:
                self._go_on(found)
            return self._reaching.get_url(found, pooled=pooled)

    @property
    def _looking(self) -> NeonBranchLookup:
        return NeonBranchLookup(self.client, self.configuration)

    @property
    def _reaching(self) -> BranchEndpoints:
        return BranchEndpoints(self.client, self.configuration)

    @contextmanager
    def _requested(
        self, request: Request, source: AnnotatedBranch, expires_at: datetime | None, *, beside: bool = False
    ) -> Iterator[AnnotatedBranch]:
        """A branch, gone again when the block fails."""
        delete_unused_replaced(self._looking)
        request.check_quota()
        try:
            yield request.send(source.neon_branch.id, expires_at, replaces_ready=beside)
        except _NOT_HEARD:
            raise
        except BaseException:
            request.delete_created()
            raise

    def _replace(self, found: AnnotatedBranch, parent: AnnotatedBranch, *, even_production: bool) -> Branch:
        """A new branch takes the name, and the old one stays for its children, under another."""
        anew = create_replacement_request(self._looking, found)
        with self._requested(anew, parent, None, replaces_ready=True) as made, _there(found.name):
            self._begin(made, even_production=even_production)
            rename_replaced(self.client, found)
        delete_unused_replaced(self._looking)
        return made.to_branch([])

    def _see_endless(self, source: AnnotatedBranch, parent: str) -> None:
        """Neon copies no branch that ends. A sealed one is there to be copied, so it stays from then on."""
        if source.neon_branch.expires_at is None:
            return
        ours = source.find_foreign_reason(self._looking.owner) is None
        if not (ours and source.to_branch(self.client.list_endpoints()).sealed):
            raise ExpiringNeonParent(parent, f"{source.neon_branch.expires_at:%Y-%m-%d %H:%M}")
        self.client.update_branch(source.neon_branch.id, expires_at=None)

    def _rename(self, found: AnnotatedBranch, name: str) -> None:
        try:
            self.client.update_branch(found.neon_branch.id, name=name)
        except Refused as error:
            holders = [one.neon_branch.id for one in self._looking.list_all(name) if one.neon_branch.name == name]
            if error.status == CONFLICT and holders == [found.neon_branch.id]:
                return  # it was done the first time, and the answer was lost
            if error.status == CONFLICT and holders:
                raise UnownedNeonBranch(name, "somebody else made one of that name meanwhile") from None
            raise

    def _begin(self, found: AnnotatedBranch, *, inherited: bool = False, even_production: bool = False) -> None:
        """Mark a copy that was made just now, unless it is one of production that is to be something else."""
        self._mark(found, begun=True, inherited=inherited, even_production=even_production)

    def _go_on(self, found: AnnotatedBranch) -> None:
        """See that a copy that is not ready is marked, as whoever made it may have been killed before."""
        self._mark(found, begun=False)

    def _mark(self, found: AnnotatedBranch, *, begun: bool, inherited: bool = False, even_production: bool = False) -> None:
        self.client.wait_for_operations(found.neon_branch.id)
        self._reaching.ensure_compute(found)
        branch = found.to_branch([])
        self._reaching.wait_until_awake(found, 60.0)
        with connect(self._reaching.get_database(found)) as connection:
            mark = read_mark(connection)
            if mark == PREPARING:
                if begun and read_copy_id(connection) != found.neon_branch.id:  # its parent was begun anew meanwhile
                    raise BranchNotReady(branch.parent)
                return  # as another call wants the same, and was quicker
            if begun and mark == branch.environment and self._looking.is_ready(found.neon_branch.id, branch.name):
                return  # and even done before this one had begun
            if mark is None and (occupied := find_tables_with_rows(connection)):
                raise UnmarkedDatabase("copy", branch.parent, occupied)
            own = mark or self.configuration.environment.value
            of_production = own == Environment.PRODUCTION and branch.environment is not Environment.PRODUCTION
            if of_production and not even_production:
                raise UnmaskedProductionCopy(branch.parent, branch.environment)
            if inherited and own != branch.environment:
                raise NeonRequestRejected(CONFLICT, f"{branch.parent} is marked {own}, not {branch.environment}")
            mark_as_copy(connection, own, copy_id=found.neon_branch.id)
            connection.commit()


@contextmanager
def _there(name: str) -> Iterator[None]:
    """A branch that was found may be deleted by another call before the next question about it."""
    try:
        yield
    except Missing:
        raise BranchNotFound(name) from None


def _check_expiry(name: str, at: datetime | None) -> None:
    if at is None:
        return
    now = datetime.now(UTC)
    if at <= now:
        raise InvalidExpiry(name, f"{at:%Y-%m-%d %H:%M} is past")
    if at > now + _FARTHEST:
        raise InvalidExpiry(
            name, f"{at:%Y-%m-%d %H:%M} is more than {_FARTHEST.days} days away, and Neon allows no more"
        )
