"""What Alembic's own comparison does not see, as a plugin of Alembic: a module per kind of object beside tables.

Named by the entry point `seedbed.objects`, so that an env.py gains it by `autogenerate_plugins=[..., "seedbed.*"]` and
no other env.py of the same Python does. Alembic finds plugins while it is itself being imported, so the modules that
need it are imported when they are first called.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from alembic.util import DispatchPriority, PriorityDispatchResult

if TYPE_CHECKING:
    from alembic.autogenerate.api import AutogenContext
    from alembic.operations.ops import UpgradeOps
    from alembic.runtime.plugins import Plugin

_FIRST = (("triggers", "dropped"), ("functions", "made"))
_LAST = (("triggers", "made"), ("functions", "dropped"))
"""The order of a revision: what tables need comes before them, what needs tables after, and what goes the other way."""


def setup(plugin: "Plugin") -> None:
    """Called by Alembic when it finds the entry point."""
    for priority, parts in ((DispatchPriority.FIRST, _FIRST), (DispatchPriority.LAST, _LAST)):
        for module, change in parts:
            plugin.add_autogenerate_comparator(
                _comparator(module, change), "schema", f"seedbed.{module}.{change}", priority=priority
            )


def _comparator(module: str, change: str) -> Any:
    def compare(context: "AutogenContext", upgrade: "UpgradeOps", _schemas: set[str | None]) -> PriorityDispatchResult:
        import_module(f"{__name__}.rendering").render_sql_operations()
        upgrade.ops.extend(getattr(import_module(f"{__name__}.{module}"), change)(context))
        return PriorityDispatchResult.CONTINUE

    return compare
