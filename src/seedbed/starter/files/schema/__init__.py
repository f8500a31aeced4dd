"""The tables of the reference project: everything else in this repository follows from them."""

from schema.base import Table
from schema.task import Task
from schema.user import User

metadata = Table.metadata

__all__ = ["Table", "Task", "User", "metadata"]
