"""The dozen calls of Neon's API that branches are made of."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from seedbed.branching.neon.http import A, Missing, Wire
from seedbed.branching.neon.models import (
    Annotation,
    Branches,
    Count,
    CreatedBranch,
    CurrentOperation,
    Databases,
    Endpoint,
    Endpoints,
    Me,
    NeonBranch,
    NeonDatabase,
    Operation,
    Operations,
    Uri,
)
from seedbed.errors import NeonProjectLocked, NeonOperationFailure, NeonProjectNotFound, SeedbedError

_PAGE = 100
_POLL_SECONDS = 0.2
_SLOWEST_POLL = 1.0
_OPERATION_SECONDS = 300.0
"""How long Neon's own SDK waits."""


@dataclass(frozen=True)
class NeonClient:
    """Speaks for one project. Whatever changes something returns once Neon's operations are finished."""

    http: Wire
    page_size: int = _PAGE

    def list_branches(self, search: str | None = None) -> list[tuple[NeonBranch, Annotation]]:
        """Every branch, or those whose name or id has `search` in it, with what was written on each: all pages."""
        found: dict[str, tuple[NeonBranch, Annotation]] = {}
        cursor: str | None = None
        while True:
            answer = self._get(
                "/branches", Branches, search=search, limit=self.page_size, cursor=cursor, sort_by="created_at",
                sort_order="asc",
            )  # fmt: skip
            for branch in answer.branches:
                found[branch.id] = (branch, answer.annotations.get(branch.id, Annotation()))
            following = answer.pagination.next
            if not following or following == cursor or not answer.branches:
                return list(found.values())
            cursor = following

    def count_branches(self) -> int:
        return self._get("/branches/count", Count).count

    def read_branch_limit(self) -> int | None:
        """How many branches the account may have; None where the key is not a person's, or it is not said."""
        try:
            limit = self.http.get("/users/me", Me).branches_limit
        except SeedbedError:
            return None
        return limit if limit > 0 else None

    def create_branch(self, name: str, parent_id: str, annotation: dict[str, str], expires_at: datetime | None) -> None:
        """Make a branch with a compute to write by.

        Raises:
            Unanswered: it may have been made, or may yet be; only the list tells.
        """
        branch: dict[str, Any] = {"name": name, "parent_id": parent_id}
        if expires_at is not None:
            branch["expires_at"] = format_timestamp(expires_at)
        body = {"branch": branch, "endpoints": [{"type": "read_write"}], "annotation_value": annotation}
        made = self._change("POST", "/branches", CreatedBranch, body, repeatable=False)
        if made is not None:
            self._finished(made.operations)

    def update_branch(self, branch_id: str, **facts: Any) -> None:
        done = self._change("PATCH", f"/branches/{branch_id}", Operations, {"branch": facts})
        self._finished(done.operations if done is not None else ())

    def restore_branch(self, branch_id: str, source_id: str) -> None:
        """Make a branch anew from another as that is now. Doing it twice is doing it once, so it is repeatable."""
        body = {"source_branch_id": source_id}
        done = self._change("POST", f"/branches/{branch_id}/restore", Operations, body)
        self._finished(done.operations if done is not None else ())

    def delete_branch(self, branch_id: str) -> None:
        try:
            done = self._change("DELETE", f"/branches/{branch_id}", Operations)
        except Missing:
            return
        self._finished(done.operations if done is not None else ())

    def list_endpoints(self, branch_id: str | None = None) -> list[Endpoint]:
        place = f"/branches/{branch_id}/endpoints" if branch_id is not None else "/endpoints"
        return self._get(place, Endpoints).endpoints

    def create_endpoint(self, branch_id: str) -> None:
        body = {"endpoint": {"branch_id": branch_id, "type": "read_write"}}
        done = self._change("POST", "/endpoints", Operations, body, repeatable=False)
        self._finished(done.operations if done is not None else ())

    def delete_endpoint(self, endpoint_id: str) -> None:
        try:
            done = self._change("DELETE", f"/endpoints/{endpoint_id}", Operations)
        except Missing:
            return
        self._finished(done.operations if done is not None else ())

    def list_databases(self, branch_id: str) -> list[NeonDatabase]:
        return self._get(f"/branches/{branch_id}/databases", Databases).databases

    def read_connection_uri(self, endpoint: Endpoint, database: str, role: str, *, pooled: bool) -> str:
        return self._get(
            "/connection_uri", Uri, branch_id=endpoint.branch_id, endpoint_id=endpoint.id, database_name=database,
            role_name=role, pooled="true" if pooled else "false",
        ).uri  # fmt: skip

    def wait_for_operations(self, branch_id: str) -> None:
        """Wait for operations on a branch of which nobody told us: those of a request whose answer was lost."""
        listed = self._get("/operations", Operations, limit=_PAGE).operations
        self._finished(operation for operation in listed if operation.branch_id == branch_id and not operation.failed)

    def _finished(self, operations: Iterable[Operation]) -> None:
        """Wait until operations are finished or skipped.

        Raises:
            NeonOperationFailure: one failed or was cancelled.
            NeonProjectLocked: one did not end.
        """
        began, pause = time.monotonic(), _POLL_SECONDS
        for operation in operations:
            current = operation
            while not current.succeeded:
                if current.failed:
                    said = current.error or "no more is known"
                    raise NeonOperationFailure(current.action, current.branch_id or "", current.status, said)
                if time.monotonic() - began > _OPERATION_SECONDS:
                    raise NeonProjectLocked(_OPERATION_SECONDS, f"{current.action} is still {current.status}")
                self.http.sleep(pause)
                pause = min(pause * 1.5, _SLOWEST_POLL)
                current = self._get(f"/operations/{operation.id}", CurrentOperation).operation

    def _get(self, path: str, kind: type[A], **params: Any) -> A:
        try:
            return self.http.get(self._path(path), kind, **params)
        except Missing:
            self._see_project()
            raise

    def _change(self, method: str, path: str, kind: type[A], body: Any = None, *, repeatable: bool = True) -> A | None:
        try:
            return self.http.change(method, self._path(path), kind, body, repeatable=repeatable)
        except Missing:
            self._see_project()
            raise

    def _see_project(self) -> None:
        """404 says that something is missing, and not what: perhaps it is the project."""
        try:
            self.http.send("GET", self._path(""))
        except Missing:
            access = self.http.access
            raise NeonProjectNotFound(access.project, access.project_origin) from None

    def _path(self, path: str) -> str:
        return f"/projects/{quote(self.http.access.project, safe='')}{path}"


def format_timestamp(moment: datetime) -> str:
    """A moment as the API takes it: to the second, with its zone."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
