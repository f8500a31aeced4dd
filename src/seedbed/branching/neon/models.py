"""The answers of Neon's API, with the fields that branches need; other fields are ignored."""

from datetime import datetime
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field


class Answer(BaseModel):
    """States are plain strings, so that a new one of Neon's is no error."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="ignore", frozen=True)


class NeonBranch(Answer):
    id: str
    name: str
    parent_id: str | None = None
    default: bool = False
    primary: bool = False
    protected: bool = False
    current_state: str = ""
    created_at: datetime
    expires_at: datetime | None = None


class Annotation(Answer):
    value: dict[str, Any] = Field(default_factory=dict)


class Pagination(Answer):
    next: str | None = None


class Branches(Answer):
    branches: list[NeonBranch] = Field(default_factory=list)
    annotations: dict[str, Annotation] = Field(default_factory=dict)
    pagination: Pagination = Pagination()


class Endpoint(Answer):
    id: str
    branch_id: str
    host: str = ""
    type: str = "read_write"
    current_state: str = ""


class Endpoints(Answer):
    endpoints: list[Endpoint] = Field(default_factory=list)


class Operation(Answer):
    id: str
    action: str = ""
    status: str = ""
    branch_id: str | None = None
    error: str | None = None

    @property
    def succeeded(self) -> bool:
        return self.status in {"finished", "skipped"}

    @property
    def failed(self) -> bool:
        return self.status in {"failed", "error", "cancelled"}


class Operations(Answer):
    operations: list[Operation] = Field(default_factory=list)


class CurrentOperation(Answer):
    operation: Operation


class CreatedBranch(Answer):
    branch: NeonBranch
    endpoints: list[Endpoint] = Field(default_factory=list)
    operations: list[Operation] = Field(default_factory=list)


class NeonDatabase(Answer):
    name: str
    owner_name: str


class Databases(Answer):
    databases: list[NeonDatabase] = Field(default_factory=list)


class ConnectionUri(Answer):
    """The URI holds a password, so the repr leaves it out."""

    uri: str = Field(repr=False)


class BranchCount(Answer):
    count: int


class CurrentUser(Answer):
    branches_limit: int = 0


class Refusal(Answer):
    code: str = ""
    message: str = ""
