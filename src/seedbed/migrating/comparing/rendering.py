"""How operations that are plain SQL are written into a revision."""

from typing import Any

from alembic.autogenerate.api import AutogenContext
from alembic.autogenerate.render import renderers
from sqlalchemy_declarative_extensions.function.compare import CreateFunctionOp, DropFunctionOp, UpdateFunctionOp
from sqlalchemy_declarative_extensions.trigger.compare import CreateTriggerOp, DropTriggerOp, UpdateTriggerOp

_FUNCTIONS = (CreateFunctionOp, UpdateFunctionOp, DropFunctionOp)
_TRIGGERS = (CreateTriggerOp, UpdateTriggerOp, DropTriggerOp)


def render_sql_operations() -> None:
    """Register the renderers with Alembic, once in a process."""
    for function in _FUNCTIONS:
        renderers.dispatch_for(function, replace=True)(_function)
    for trigger in _TRIGGERS:
        renderers.dispatch_for(trigger, replace=True)(_trigger)


def _function(_context: AutogenContext, operation: Any) -> list[str]:
    return [_execute(statement) for statement in operation.to_sql()]


def _trigger(context: AutogenContext, operation: Any) -> list[str]:
    return [_execute(statement) for statement in operation.to_sql(context.connection)]


def _execute(statement: str) -> str:
    statement = statement.strip().removesuffix(";")
    if "\n" not in statement and '"' not in statement:
        return f'op.execute("{statement}")'
    if "\n" not in statement and "'" not in statement:
        return f"op.execute('{statement}')"
    quoted = statement.replace("\\", "\\\\").replace('"""', r"\"\"\"")
    return f'op.execute("""{quoted}\n""")' if quoted.endswith('"') else f'op.execute("""{quoted}""")'
