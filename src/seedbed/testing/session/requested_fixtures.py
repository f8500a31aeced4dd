"""Read which of Seedbed's fixtures the collected tests request."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from importlib import import_module
from typing import Any

import pytest

_PROJECT_FIXTURES = frozenset(
    {"async_db", "class_db", "client", "db", "db_engine", "db_url", "make", "module_db", "seeded"}
)
"""Fixtures that need the project's template, so that the server starts with it."""
_FIXTURES_MODULE = "seedbed.testing.fixtures.fixtures"


def collect_seeds(items: Iterable[pytest.Item]) -> frozenset[str] | None:
    """Collect the seeds that tests choose by their markers. Return None if no test needs the project's template."""
    project_items = [item for item in items if needs_template(item)]
    if not project_items:
        return None
    seeds = (marker.kwargs.get("seed") for item in project_items if (marker := item.get_closest_marker("db")))
    return frozenset(seed for seed in seeds if isinstance(seed, str))


def import_service(items: Iterable[pytest.Item]) -> None:
    """Import the service if a test requests `client`, before a fixture can freeze the clock.

    freezegun replaces the classes of `datetime`. Pydantic knows only the true ones, and FastAPI imports `pydantic.v1`,
    which derives from them, at the first route.
    """
    if any("client" in list_seedbed_fixtures(item) for item in items):
        for module in ("seedbed.testing.fixtures.client", "pydantic.v1"):
            with suppress(ImportError):  # the fixture says which extra is missing
                import_module(module)


def needs_template(item: pytest.Item) -> bool:
    """Whether a test needs the project's template."""
    if _PROJECT_FIXTURES.isdisjoint(list_seedbed_fixtures(item)):
        return False
    marker = item.get_closest_marker("db")
    return marker is None or marker.args[:1] != ("empty",)


def list_seedbed_fixtures(item: pytest.Item) -> set[str]:
    """List a test's fixtures, without those that the project overrides and that do not request the original."""
    definitions = getattr(getattr(item, "_fixtureinfo", None), "name2fixturedefs", {})
    return {name for name in getattr(item, "fixturenames", ()) if _reaches_seedbed(name, definitions.get(name, ()))}


def _reaches_seedbed(name: str, definitions: Sequence[pytest.FixtureDef[Any]]) -> bool:
    for definition in reversed(definitions):
        if definition.func.__module__ == _FIXTURES_MODULE:
            return True
        if name not in definition.argnames:
            return False
    return False
