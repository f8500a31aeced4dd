"""Seedbed's comparison as a plugin of Alembic, found by the entry point `seedbed.catalog`.

An env.py gains it by `autogenerate_plugins=["alembic.autogenerate.*", "seedbed.*"]`, and no other env.py of the same
Python does. Alembic looks for plugins while it is itself being imported, so nothing is imported here before it is used.
"""

import sys
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType
from typing import Any


def setup(plugin: Any) -> None:
    """Put Seedbed's comparison before Alembic's own, whose place it takes: it sees all of that and more."""
    util = import_module("alembic.util")

    def compare(context: Any, upgrade: Any) -> Any:
        import_module("seedbed.migrations.alembic_bridge.autogenerate").compare(context, upgrade)
        return util.PriorityDispatchResult.STOP

    plugin.add_autogenerate_comparator(
        compare, "autogenerate", qualifier="postgresql", priority=util.DispatchPriority.FIRST
    )


class _Plugin(ModuleType):
    """A module that is also a collection of itself: Alembic before 1.20.1 asks an entry point for a collection, and
    would not even be imported beside a plain module.
    """

    def __iter__(self) -> Iterator[ModuleType]:
        yield self


sys.modules[__name__].__class__ = _Plugin
