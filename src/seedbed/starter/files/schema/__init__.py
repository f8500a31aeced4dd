"""Database tables. Import every model module here."""

from schema.base import Table
from schema.task import Task
from schema.user import User

metadata = Table.metadata

__all__ = ["Table", "Task", "User", "metadata"]
