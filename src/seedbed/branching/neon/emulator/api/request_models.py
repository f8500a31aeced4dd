"""The bodies of requests to the emulator; other features of Neon are refused, so that no test relies on them."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, ClassVar, Literal, Self

from fastapi import Request
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from seedbed.branching.neon.emulator.models import ApiError


def _moment(text: object) -> datetime:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        moment = datetime.min  # noqa: DTZ901 - refused below
    if moment.tzinfo is None:
        raise ValueError("a moment must be RFC 3339 with a zone")
    return moment.replace(microsecond=0)


BranchName = Annotated[str, Field(min_length=1, max_length=256)]
Moment = Annotated[datetime, BeforeValidator(_moment)]
Identifier = Annotated[str, Field(min_length=1, max_length=45)]
"""PostgreSQL allows 63 bytes; the emulator needs the others for the branch's id in the database's name."""


class RequestModel(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(extra="allow", frozen=True)

    @model_validator(mode="after")
    def _refuse_other_fields(self) -> Self:
        """Refuse other fields; false and empty values pass, such as `"archived": false`."""
        _refuse(name for name, value in (self.model_extra or {}).items() if value)
        return self


def refuse_other_parameters(request: Request) -> None:
    """Refuse query parameters that the route does not read."""
    known = {parameter.alias for parameter in request.scope["route"].dependant.query_params}
    _refuse(name for name in request.query_params if name not in known)


def _refuse(names: Iterable[str]) -> None:
    if found := sorted(set(names)):
        raise ApiError(422, "", f"the emulator does not do {', '.join(found)}")


class _WithoutHistory(RequestModel):
    """Refuses points in the past: the emulator keeps no history, so its answer would be wrong."""

    def refuse_history(self, *moments: str) -> None:
        if any(getattr(self, moment) for moment in moments):
            raise ApiError(422, "", "the emulator keeps no history")


class NewBranch(_WithoutHistory):
    name: BranchName | None = None
    parent_id: str | None = None
    parent_lsn: str | None = None
    parent_timestamp: str | None = None
    protected: bool = False
    init_source: Literal["parent-data", "schema-only"] = "parent-data"
    expires_at: Moment | None = None


class NewEndpoint(RequestModel):
    type: Literal["read_write", "read_only"]


class CreateBranch(RequestModel):
    branch: NewBranch = NewBranch()
    endpoints: list[NewEndpoint] = []
    annotation_value: dict[str, str] | None = None


class BranchFacts(RequestModel):
    """`expires_at` is changed where it is set, also to null."""

    name: BranchName | None = None
    protected: bool | None = None
    expires_at: Moment | None = None


class ChangeBranch(RequestModel):
    branch: BranchFacts


class RestoreBranch(_WithoutHistory):
    source_branch_id: str
    source_lsn: str | None = None
    source_timestamp: str | None = None
    preserve_under_name: BranchName | None = None


class EndpointOfBranch(NewEndpoint):
    branch_id: str


class CreateEndpoint(RequestModel):
    endpoint: EndpointOfBranch


class EndpointFacts(RequestModel):
    suspend_timeout_seconds: int = 0


class ChangeEndpoint(RequestModel):
    endpoint: EndpointFacts = EndpointFacts()


class NewRole(RequestModel):
    name: Identifier


class CreateRole(RequestModel):
    role: NewRole


class NewDatabase(RequestModel):
    name: Identifier
    owner_name: Identifier


class CreateDatabase(RequestModel):
    database: NewDatabase


class SetFaults(RequestModel):
    """Rates from 0 to 1 by status and of dropped answers; a field that is not set is reset to its default."""

    model_config: ClassVar[ConfigDict] = ConfigDict(populate_by_name=True)

    conflict: float = Field(0.0, alias="409", ge=0, le=1)
    busy: float = Field(0.0, alias="423", ge=0, le=1)
    many: float = Field(0.0, alias="429", ge=0, le=1)
    away: float = Field(0.0, alias="503", ge=0, le=1)
    dropped: float = Field(0.0, ge=0, le=1)
    retry_after: str | None = "0"
    seed: int | None = None
    step: float | None = Field(None, ge=0, le=60)
    asleep: int = Field(0, ge=0)
    limit: int | None = Field(None, ge=1)

    @property
    def rates(self) -> dict[int, float]:
        return {409: self.conflict, 423: self.busy, 429: self.many, 503: self.away}
