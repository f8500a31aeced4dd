"""Something a user means to do."""

from datetime import datetime

from sqlalchemy import BigInteger, Identity, Text, false, func
from sqlmodel import Field

from schema.base import Table
from schema.touching import touch_on_update


class Task(Table, table=True):
    id: int | None = Field(
        default=None,
        primary_key=True,
        sa_type=BigInteger,
        sa_column_args=[Identity()],
        description="Given by the database.",
    )
    title: str = Field(max_length=200)
    description: str | None = Field(default=None, sa_type=Text)
    is_completed: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    user_id: int = Field(
        foreign_key="user.id",
        ondelete="CASCADE",
        index=True,
        sa_type=BigInteger,
        description="Whose it is; a user's tasks go with the user.",
    )
    created_at: datetime | None = Field(
        default=None,
        nullable=False,
        sa_column_kwargs={"server_default": func.now()},
        description="Set by the database.",
    )
    updated_at: datetime | None = Field(
        default=None,
        nullable=False,
        sa_column_kwargs={"server_default": func.now()},
        description="Set by the database at every change.",
    )


touch_on_update("task")
