"""The Alembic plugin with Seedbed's schema comparison, found by the entry point `seedbed.catalog`.

An env.py enables it by `autogenerate_plugins=["alembic.autogenerate.*", "seedbed.*"]`; no other env.py of the same
Python is affected. Alembic loads plugins while it is being imported itself, so this module imports nothing before it is
used.
"""

import sys
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType
from typing import Any


def setup(plugin: Any) -> None:
    """Register Seedbed's comparison before Alembic's own, which it replaces."""
    util = import_module("alembic.util")

    def compare(context: Any, upgrade: Any) -> Any:
        import_module("seedbed.migrations.alembic_bridge.autogenerate_comparators").compare(context, upgrade)
        return util.PriorityDispatchResult.STOP

    plugin.add_autogenerate_comparator(
        compare, "autogenerate", qualifier="postgresql", priority=util.DispatchPriority.FIRST
    )


class _Plugin(ModuleType):
    """A module that is also a collection of itself.

    Alembic before 1.20.1 expects a collection from an entry point, and cannot be imported with a plain module.
    """

    def __iter__(self) -> Iterator[ModuleType]:
        yield self


sys.modules[__name__].__class__ = _Plugin
