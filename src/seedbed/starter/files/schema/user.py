"""A person who signs in and owns tasks."""

from datetime import datetime

from sqlalchemy import BigInteger, Identity, func, true
from sqlmodel import Field

from schema.base import Table


class User(Table, table=True):
    id: int | None = Field(
        default=None,
        primary_key=True,
        sa_type=BigInteger,
        sa_column_args=[Identity()],
        description="Given by the database.",
    )
    email: str = Field(
        max_length=320,
        unique=True,
        sa_column_kwargs={"info": {"pii": "email"}},
        description="At most 64 characters, an @ and 255 more (RFC 5321).",
    )
    hashed_password: str | None = Field(
        default=None,
        max_length=255,
        sa_column_kwargs={"info": {"pii": "null"}},
        description="Never leaves the database.",
    )
    is_active: bool = Field(default=True, sa_column_kwargs={"server_default": true()})
    created_at: datetime | None = Field(
        default=None,
        nullable=False,
        sa_column_kwargs={"server_default": func.now()},
        description="Set by the database.",
    )
