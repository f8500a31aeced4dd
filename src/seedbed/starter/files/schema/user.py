"""Users, who sign in and own tasks."""

from datetime import datetime

from sqlmodel import Field

from schema.base import Table, utc_now


class User(Table, table=True):
    id: int | None = Field(default=None, primary_key=True)
    email: str = Field(
        max_length=320, unique=True, sa_column_kwargs={"info": {"pii": "email"}}, description="Unique sign-in address."
    )
    hashed_password: str | None = Field(default=None, max_length=255, sa_column_kwargs={"info": {"pii": "null"}})
    is_active: bool = True
    created_at: datetime = Field(default_factory=utc_now)
