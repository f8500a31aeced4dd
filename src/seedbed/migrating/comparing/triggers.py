"""Triggers that the models declare, compared with those of the database."""

from alembic.autogenerate.api import AutogenContext
from sqlalchemy import MetaData
from sqlalchemy_declarative_extensions.trigger.base import Triggers
from sqlalchemy_declarative_extensions.trigger.compare import DropTriggerOp, Operation, compare_triggers


def made(context: AutogenContext) -> list[Operation]:
    return [operation for operation in _compared(context) if not isinstance(operation, DropTriggerOp)]


def dropped(context: AutogenContext) -> list[Operation]:
    return [operation for operation in _compared(context) if isinstance(operation, DropTriggerOp)]


def _compared(context: AutogenContext) -> list[Operation]:
    metadata = context.metadata
    declared = Triggers.extract(metadata if isinstance(metadata, MetaData) or metadata is None else [*metadata])
    if declared is None or context.connection is None:
        return []
    return compare_triggers(context.connection, declared)
