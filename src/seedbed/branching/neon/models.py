"""What Neon's API answers with, as far as branches need it; whatever else it says is passed over."""

from datetime import datetime
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field


class Answer(BaseModel):
    """States are plain text, so that one which Neon invents tomorrow is no error."""

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


class Cursor(Answer):
    next: str | None = None


class Branches(Answer):
    branches: list[NeonBranch] = Field(default_factory=list)
    annotations: dict[str, Annotation] = Field(default_factory=dict)
    pagination: Cursor = Cursor()


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


class Uri(Answer):
    """It holds a password, so it has no place in a repr."""

    uri: str = Field(repr=False)


class Count(Answer):
    count: int


class Me(Answer):
    branches_limit: int = 0


class Refusal(Answer):
    code: str = ""
    message: str = ""
