"""The calls of Neon's API that branches need."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from seedbed.branching.neon.http import AnswerT, HttpClient, NeonNotFound
from seedbed.branching.neon.models import (
    Annotation,
    BranchCount,
    Branches,
    ConnectionUri,
    CreatedBranch,
    CurrentOperation,
    CurrentUser,
    Databases,
    Endpoint,
    Endpoints,
    NeonBranch,
    NeonDatabase,
    Operation,
    Operations,
)
from seedbed.errors import NeonOperationFailure, NeonProjectLocked, NeonProjectNotFound, SeedbedError

_PAGE_SIZE = 100
_POLL_SECONDS = 0.2
_MAX_POLL_SECONDS = 1.0
_OPERATION_SECONDS = 300.0
"""As long as Neon's own SDK waits."""


@dataclass(frozen=True)
class NeonClient:
    """Calls the API for one project. Methods that change something return once Neon's operations have finished."""

    http: HttpClient
    page_size: int = _PAGE_SIZE

    def list_branches(self, search: str | None = None) -> list[tuple[NeonBranch, Annotation]]:
        """Every branch with its annotation, or those whose name or id contains `search`; reads all pages."""
        branches: dict[str, tuple[NeonBranch, Annotation]] = {}
        cursor: str | None = None
        while True:
            answer = self._get(
                "/branches", Branches, search=search, limit=self.page_size, cursor=cursor, sort_by="created_at",
                sort_order="asc",
            )  # fmt: skip
            for branch in answer.branches:
                branches[branch.id] = (branch, answer.annotations.get(branch.id, Annotation()))
            next_cursor = answer.pagination.next
            if not next_cursor or next_cursor == cursor or not answer.branches:
                return list(branches.values())
            cursor = next_cursor

    def count_branches(self) -> int:
        return self._get("/branches/count", BranchCount).count

    def read_branch_limit(self) -> int | None:
        """The account's limit of branches; None where the API does not tell it, as for an organization's key."""
        try:
            limit = self.http.get("/users/me", CurrentUser).branches_limit
        except SeedbedError:
            return None
        return limit if limit > 0 else None

    def create_branch(self, name: str, parent_id: str, annotation: dict[str, str], expires_at: datetime | None) -> None:
        """Create a branch with a read-write compute.

        Raises:
            LostAnswer: the branch may or may not have been created; only the list shows it.
        """
        branch: dict[str, Any] = {"name": name, "parent_id": parent_id}
        if expires_at is not None:
            branch["expires_at"] = format_timestamp(expires_at)
        body = {"branch": branch, "endpoints": [{"type": "read_write"}], "annotation_value": annotation}
        created = self._change("POST", "/branches", CreatedBranch, body, repeatable=False)
        if created is not None:
            self._wait_until_finished(created.operations)

    def update_branch(self, branch_id: str, **facts: Any) -> None:
        result = self._change("PATCH", f"/branches/{branch_id}", Operations, {"branch": facts})
        self._wait_until_finished(result.operations if result is not None else ())

    def restore_branch(self, branch_id: str, source_id: str) -> None:
        """Restore a branch from another one's current state. The call is idempotent."""
        body = {"source_branch_id": source_id}
        result = self._change("POST", f"/branches/{branch_id}/restore", Operations, body)
        self._wait_until_finished(result.operations if result is not None else ())

    def delete_branch(self, branch_id: str) -> None:
        try:
            result = self._change("DELETE", f"/branches/{branch_id}", Operations)
        except NeonNotFound:
            return
        self._wait_until_finished(result.operations if result is not None else ())

    def list_endpoints(self, branch_id: str | None = None) -> list[Endpoint]:
        path = f"/branches/{branch_id}/endpoints" if branch_id is not None else "/endpoints"
        return self._get(path, Endpoints).endpoints

    def create_endpoint(self, branch_id: str) -> None:
        body = {"endpoint": {"branch_id": branch_id, "type": "read_write"}}
        result = self._change("POST", "/endpoints", Operations, body, repeatable=False)
        self._wait_until_finished(result.operations if result is not None else ())

    def delete_endpoint(self, endpoint_id: str) -> None:
        try:
            result = self._change("DELETE", f"/endpoints/{endpoint_id}", Operations)
        except NeonNotFound:
            return
        self._wait_until_finished(result.operations if result is not None else ())

    def list_databases(self, branch_id: str) -> list[NeonDatabase]:
        return self._get(f"/branches/{branch_id}/databases", Databases).databases

    def read_connection_uri(self, endpoint: Endpoint, database: str, role: str, *, pooled: bool) -> str:
        return self._get(
            "/connection_uri", ConnectionUri, branch_id=endpoint.branch_id, endpoint_id=endpoint.id,
            database_name=database,
            role_name=role, pooled="true" if pooled else "false",
        ).uri  # fmt: skip

    def wait_for_operations(self, branch_id: str) -> None:
        """Wait for the operations on a branch, including those of a request whose answer was lost."""
        operations = self._get("/operations", Operations, limit=_PAGE_SIZE).operations
        self._wait_until_finished(
            operation for operation in operations if operation.branch_id == branch_id and not operation.failed
        )

    def _wait_until_finished(self, operations: Iterable[Operation]) -> None:
        """Wait until operations have finished or were skipped.

        Raises:
            NeonOperationFailure: an operation failed or was cancelled.
            NeonProjectLocked: an operation did not finish in time.
        """
        started_at, pause = time.monotonic(), _POLL_SECONDS
        for operation in operations:
            current = operation
            while not current.succeeded:
                if current.failed:
                    message = current.error or "no more is known"
                    raise NeonOperationFailure(current.action, current.branch_id or "", current.status, message)
                if time.monotonic() - started_at > _OPERATION_SECONDS:
                    raise NeonProjectLocked(_OPERATION_SECONDS, f"{current.action} is still {current.status}")
                self.http.sleep(pause)
                pause = min(pause * 1.5, _MAX_POLL_SECONDS)
                current = self._get(f"/operations/{operation.id}", CurrentOperation).operation

    def _get(self, path: str, answer_type: type[AnswerT], **params: Any) -> AnswerT:
        try:
            return self.http.get(self._path(path), answer_type, **params)
        except NeonNotFound:
            self._check_project()
            raise

    def _change(
        self, method: str, path: str, answer_type: type[AnswerT], body: Any = None, *, repeatable: bool = True
    ) -> AnswerT | None:
        try:
            return self.http.change(method, self._path(path), answer_type, body, repeatable=repeatable)
        except NeonNotFound:
            self._check_project()
            raise

    def _check_project(self) -> None:
        """Check whether the project exists, since a 404 does not tell what is missing."""
        try:
            self.http.send("GET", self._path(""))
        except NeonNotFound:
            access = self.http.access
            raise NeonProjectNotFound(access.project, access.project_origin) from None

    def _path(self, path: str) -> str:
        return f"/projects/{quote(self.http.access.project, safe='')}{path}"


def format_timestamp(moment: datetime) -> str:
    """A time as the API takes it: in UTC, to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
