"""Read which of Seedbed's fixtures the collected tests request."""

from collections.abc import Iterable, Sequence
from typing import Any

import pytest

_OF_THE_PROJECT = frozenset(
    {"async_db", "class_db", "client", "db", "db_engine", "db_url", "make", "module_db", "seeded"}
)
"""Fixtures that need the project's template, so that its server begins with it."""
_OURS = "seedbed.testing.fixtures.fixtures"


def collect_seeds(items: Iterable[pytest.Item]) -> frozenset[str] | None:
    """Seeds that tests choose by their marks; None where none of them needs the project's template."""
    wanting = [item for item in items if needs_template(item)]
    if not wanting:
        return None
    chosen = (mark.kwargs.get("seed") for item in wanting if (mark := item.get_closest_marker("db")))
    return frozenset(seed for seed in chosen if isinstance(seed, str))


def needs_template(item: pytest.Item) -> bool:
    """Whether a test needs the project's template."""
    if _OF_THE_PROJECT.isdisjoint(list_seedbed_fixtures(item)):
        return False
    mark = item.get_closest_marker("db")
    return mark is None or mark.args[:1] != ("empty",)


def list_seedbed_fixtures(item: pytest.Item) -> set[str]:
    """The fixtures of a test without those that a project has in the place of ours, unless these ask for ours too."""
    known = getattr(getattr(item, "_fixtureinfo", None), "name2fixturedefs", {})
    return {name for name in getattr(item, "fixturenames", ()) if _is_reached(name, known.get(name, ()))}


def _is_reached(name: str, definitions: Sequence[pytest.FixtureDef[Any]]) -> bool:
    for definition in reversed(definitions):
        if definition.func.__module__ == _OURS:
            return True
        if name not in definition.argnames:
            return False
    return False
