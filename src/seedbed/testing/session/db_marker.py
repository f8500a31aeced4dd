"""Read which database a test requests: by its `db` marker, or by its fixtures."""

from dataclasses import dataclass

import pytest

from seedbed.errors import InvalidDbMarker
from seedbed.settings import Environment
from seedbed.testing.session.requested_fixtures import list_seedbed_fixtures
from seedbed.testing.session.run_resources import EMPTY_DATABASE, RunResources

_MODES = ("transaction", "own", "empty")
_SCOPES = ("function", "class", "module")
_OWN_DATABASE_FIXTURES = frozenset({"db_url", "db_engine"})
"""Fixtures that need a database of the test's own, and so choose the mode without a marker."""
_SYNCHRONOUS_FIXTURES = frozenset({"class_db", "client", "db", "make", "module_db", "seeded"})
"""Fixtures whose transaction `async_db` cannot see, so that together they need a database of the test's own."""


@dataclass(frozen=True)
class DatabaseRequest:
    """The database that a test requests. `seed` names its rows: an environment, EMPTY_DATABASE, or None for no rows."""

    mode: str
    seed: str | None
    scope: str


def read_database_request(item: pytest.Item, run: RunResources) -> DatabaseRequest:
    """Read a test's `db` marker. Without one, its fixtures decide.

    Raises:
        InvalidDbMarker: the marker has an unknown argument or value.
    """
    marker = item.get_closest_marker("db") or pytest.mark.db.mark
    fixtures = list_seedbed_fixtures(item)
    needs_own = bool(_OWN_DATABASE_FIXTURES & fixtures)
    needs_own = needs_own or ("async_db" in fixtures and bool(_SYNCHRONOUS_FIXTURES & fixtures))
    mode = marker.args[0] if marker.args else "own" if needs_own else "transaction"
    default_seed = None if mode == "empty" else run.templates.default_seed
    options = {"seed": default_seed, "scope": "function", **marker.kwargs}
    seed, scope = options["seed"], options["scope"]
    if len(marker.args) > 1 or set(options) != {"seed", "scope"}:
        raise InvalidDbMarker(item.nodeid, "its arguments are a mode, seed= and scope=")
    if mode not in _MODES:
        raise InvalidDbMarker(item.nodeid, f"there is no mode {mode!r}")
    if seed is not None and seed not in list(Environment):
        raise InvalidDbMarker(item.nodeid, f"there are no seeds {seed!r}")
    if scope not in _SCOPES or (scope != "function" and mode == "transaction"):
        raise InvalidDbMarker(item.nodeid, f"scope={scope!r} cannot be combined with {mode!r}")
    return DatabaseRequest(mode, EMPTY_DATABASE if mode == "empty" else seed, scope)
