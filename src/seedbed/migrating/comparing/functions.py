"""Functions that the models declare, compared with those of the database."""

from alembic.autogenerate.api import AutogenContext
from sqlalchemy import MetaData
from sqlalchemy_declarative_extensions.function.base import Functions
from sqlalchemy_declarative_extensions.function.compare import DropFunctionOp, Operation, compare_functions


def made(context: AutogenContext) -> list[Operation]:
    return [operation for operation in _compared(context) if not isinstance(operation, DropFunctionOp)]


def dropped(context: AutogenContext) -> list[Operation]:
    return [operation for operation in _compared(context) if isinstance(operation, DropFunctionOp)]


def _compared(context: AutogenContext) -> list[Operation]:
    metadata = context.metadata
    declared = Functions.extract(metadata if isinstance(metadata, MetaData) or metadata is None else [*metadata])
    if declared is None or context.connection is None:
        return []
    return compare_functions(context.connection, declared)
