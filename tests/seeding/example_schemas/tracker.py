"""A tracker for many tenants, of 30 tables."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, Literal
from uuid import UUID, uuid4

from pydantic import BaseModel, EmailStr
from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, MetaData, String, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY, INET, JSONB
from sqlmodel import Field, SQLModel


class Table(SQLModel):
    metadata = MetaData()


metadata = Table.metadata


def key() -> UUID:
    return Field(default_factory=uuid4, primary_key=True)  # type: ignore[no-any-return]


class Role(Enum):
    owner = "owner"
    admin = "admin"
    member = "member"
    guest = "guest"


class Priority(Enum):
    low = "low"
    medium = "medium"
    high = "high"
    urgent = "urgent"


class Preferences(BaseModel):
    theme: Literal["light", "dark"] = "light"
    emails_per_day: int = Field(default=1, ge=0, le=10)


class Tenant(Table, table=True):
    id: UUID = key()
    name: str = Field(max_length=120)
    slug: str = Field(unique=True, max_length=63)
    plan: str = Field(max_length=20)
    created_at: datetime


class User(Table, table=True):
    id: UUID = key()
    email: EmailStr = Field(unique=True)
    display_name: str = Field(max_length=80)
    avatar_url: str | None = None
    timezone: str = Field(max_length=40)
    preferences: Preferences = Field(sa_type=JSONB)
    last_login_at: datetime | None = None
    created_at: datetime
    updated_at: datetime


class Membership(Table, table=True):
    tenant_id: UUID = Field(primary_key=True, foreign_key="tenant.id")
    user_id: UUID = Field(primary_key=True, foreign_key="user.id")
    role: Role
    joined_at: datetime


class Invitation(Table, table=True):
    id: UUID = key()
    tenant_id: UUID = Field(foreign_key="tenant.id")
    email: EmailStr
    role: Role
    token: str | None = None
    expires_at: datetime
    accepted_at: datetime | None = None
    created_at: datetime
    __table_args__ = (UniqueConstraint("tenant_id", "email"),)


class ApiKey(Table, table=True):
    id: UUID = key()
    tenant_id: UUID = Field(foreign_key="tenant.id")
    name: str = Field(max_length=60)
    prefix: str = Field(max_length=8)
    last_used_at: datetime | None = None
    created_at: datetime
    revoked_at: datetime | None = None


class Team(Table, table=True):
    id: UUID = key()
    tenant_id: UUID = Field(foreign_key="tenant.id")
    name: str = Field(max_length=60)
    __table_args__ = (UniqueConstraint("tenant_id", "name"), UniqueConstraint("tenant_id", "id"))


class TeamMember(Table, table=True):
    team_id: UUID = Field(primary_key=True)
    user_id: UUID = Field(primary_key=True)
    tenant_id: UUID
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "team_id"], ["team.tenant_id", "team.id"]),
        ForeignKeyConstraint(["tenant_id", "user_id"], ["membership.tenant_id", "membership.user_id"]),
    )


class Project(Table, table=True):
    id: UUID = key()
    tenant_id: UUID = Field(foreign_key="tenant.id")
    key: str = Field(max_length=6, min_length=2)
    name: str = Field(max_length=80)
    description: str | None = None
    color: str = Field(max_length=7)
    starts_on: date | None = None
    ends_on: date | None = None
    archived_at: datetime | None = None
    created_at: datetime
    __table_args__ = (
        UniqueConstraint("tenant_id", "key"),
        UniqueConstraint("tenant_id", "id"),
        CheckConstraint("ends_on IS NULL OR starts_on IS NULL OR ends_on >= starts_on", name="ends_after"),
    )


class ProjectMember(Table, table=True):
    project_id: UUID = Field(primary_key=True)
    user_id: UUID = Field(primary_key=True)
    tenant_id: UUID
    role: Role
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "project_id"], ["project.tenant_id", "project.id"]),
        ForeignKeyConstraint(["tenant_id", "user_id"], ["membership.tenant_id", "membership.user_id"]),
    )


class Milestone(Table, table=True):
    id: UUID = key()
    project_id: UUID = Field(foreign_key="project.id")
    title: str = Field(max_length=120)
    due_on: date | None = None
    closed_at: datetime | None = None
    created_at: datetime


class Sprint(Table, table=True):
    id: UUID = key()
    project_id: UUID = Field(foreign_key="project.id")
    number: int
    goal: str | None = None
    starts_on: date
    ends_on: date
    __table_args__ = (
        UniqueConstraint("project_id", "number"),
        CheckConstraint("ends_on > starts_on", name="lasts"),
    )


class Status(Table, table=True):
    id: UUID = key()
    project_id: UUID = Field(foreign_key="project.id")
    name: str = Field(max_length=30)
    position: int
    is_closed: bool = False
    __table_args__ = (UniqueConstraint("project_id", "position"),)


class Label(Table, table=True):
    id: UUID = key()
    tenant_id: UUID = Field(foreign_key="tenant.id")
    name: str = Field(max_length=30)
    color: str = Field(max_length=7)
    __table_args__ = (UniqueConstraint("tenant_id", "name"),)


class Issue(Table, table=True):
    id: UUID = key()
    tenant_id: UUID
    project_id: UUID
    status_id: UUID = Field(foreign_key="status.id")
    milestone_id: UUID | None = Field(default=None, foreign_key="milestone.id")
    sprint_id: UUID | None = Field(default=None, foreign_key="sprint.id")
    reporter_id: UUID
    assignee_id: UUID | None = None
    parent_id: UUID | None = Field(default=None, foreign_key="issue.id")
    number: int
    title: str = Field(max_length=200)
    description: str | None = None
    priority: Priority
    story_points: int | None = Field(default=None, ge=1, le=13)
    estimate: timedelta | None = None
    due_on: date | None = None
    closed_at: datetime | None = None
    created_at: datetime
    updated_at: datetime
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "project_id"], ["project.tenant_id", "project.id"]),
        ForeignKeyConstraint(["tenant_id", "reporter_id"], ["membership.tenant_id", "membership.user_id"]),
        ForeignKeyConstraint(["tenant_id", "assignee_id"], ["membership.tenant_id", "membership.user_id"]),
        UniqueConstraint("project_id", "number"),
        Index("open_issues", "project_id", "priority", postgresql_where=text("closed_at IS NULL")),
    )


class IssueLabel(Table, table=True):
    issue_id: UUID = Field(primary_key=True, foreign_key="issue.id")
    label_id: UUID = Field(primary_key=True, foreign_key="label.id")


class IssueLink(Table, table=True):
    source_id: UUID = Field(primary_key=True, foreign_key="issue.id")
    target_id: UUID = Field(primary_key=True, foreign_key="issue.id")
    kind: Literal["blocks", "duplicates", "relates"] = Field(sa_type=String(10))
    __table_args__ = (CheckConstraint("source_id <> target_id", name="not_itself"),)


class Watcher(Table, table=True):
    issue_id: UUID = Field(primary_key=True, foreign_key="issue.id")
    user_id: UUID = Field(primary_key=True, foreign_key="user.id")


class Comment(Table, table=True):
    id: UUID = key()
    issue_id: UUID = Field(foreign_key="issue.id")
    author_id: UUID = Field(foreign_key="user.id")
    reply_to_id: UUID | None = Field(default=None, foreign_key="comment.id")
    body: str
    edited_at: datetime | None = None
    created_at: datetime


class Reaction(Table, table=True):
    comment_id: UUID = Field(primary_key=True, foreign_key="comment.id")
    user_id: UUID = Field(primary_key=True, foreign_key="user.id")
    emoji: str = Field(primary_key=True, max_length=8)


class Attachment(Table, table=True):
    id: UUID = key()
    issue_id: UUID = Field(foreign_key="issue.id")
    uploaded_by: UUID = Field(foreign_key="user.id")
    file_name: str = Field(max_length=120)
    content_type: str = Field(max_length=80)
    size_bytes: int = Field(gt=0)
    checksum: str = Field(max_length=64)
    created_at: datetime


class TimeEntry(Table, table=True):
    id: UUID = key()
    issue_id: UUID = Field(foreign_key="issue.id")
    user_id: UUID = Field(foreign_key="user.id")
    started_at: datetime
    ended_at: datetime | None = None
    note: str | None = None
    is_billable: bool = True
    hourly_rate: Decimal | None = Field(default=None, max_digits=6, decimal_places=2)


class Board(Table, table=True):
    id: UUID = key()
    project_id: UUID = Field(foreign_key="project.id")
    name: str = Field(max_length=60)
    filters: dict[str, Any] = Field(sa_type=JSONB)


class BoardColumn(Table, table=True):
    id: UUID = key()
    board_id: UUID = Field(foreign_key="board.id")
    name: str = Field(max_length=40)
    position: int
    wip_limit: int | None = Field(default=None, ge=1, le=20)
    __table_args__ = (UniqueConstraint("board_id", "position"),)


class CustomField(Table, table=True):
    id: UUID = key()
    tenant_id: UUID = Field(foreign_key="tenant.id")
    name: str = Field(max_length=40)
    kind: Literal["text", "number", "date", "choice"] = Field(sa_type=String(10))
    options: list[str] | None = Field(default=None, sa_type=ARRAY(String))


class CustomValue(Table, table=True):
    issue_id: UUID = Field(primary_key=True, foreign_key="issue.id")
    field_id: UUID = Field(primary_key=True, foreign_key="customfield.id")
    value: str


class Webhook(Table, table=True):
    id: UUID = key()
    tenant_id: UUID = Field(foreign_key="tenant.id")
    url: str
    events: list[str] = Field(sa_type=ARRAY(String))
    is_active: bool = True
    created_at: datetime


class WebhookDelivery(Table, table=True):
    id: UUID = key()
    webhook_id: UUID = Field(foreign_key="webhook.id")
    status_code: int
    attempts: int = Field(ge=1)
    duration_ms: int = Field(ge=0)
    delivered_at: datetime


class Notification(Table, table=True):
    id: UUID = key()
    user_id: UUID = Field(foreign_key="user.id")
    issue_id: UUID | None = Field(default=None, foreign_key="issue.id")
    message: str
    read_at: datetime | None = None
    created_at: datetime


class AuditEvent(Table, table=True):
    id: UUID = key()
    tenant_id: UUID = Field(foreign_key="tenant.id")
    actor_id: UUID | None = Field(default=None, foreign_key="user.id")
    action: str = Field(max_length=40)
    ip_address: str | None = Field(default=None, sa_type=INET)
    user_agent: str | None = None
    created_at: datetime


class Subscription(Table, table=True):
    id: UUID = key()
    tenant_id: UUID = Field(foreign_key="tenant.id", unique=True)
    status: str = Field(max_length=20)
    seats: int = Field(ge=1, le=500)
    monthly_price: Decimal = Field(max_digits=8, decimal_places=2, ge=0)
    trial_ends_at: datetime | None = None
    renews_at: datetime
    created_at: datetime
