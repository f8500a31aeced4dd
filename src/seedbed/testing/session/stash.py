"""Keep the resources of a test run in pytest's stash."""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from seedbed.testing.session.per_test_databases import PerTestDatabases
    from seedbed.testing.session.run_resources import RunResources

RUN_KEY: "pytest.StashKey[RunResources]" = pytest.StashKey()
TEST_DATABASES_KEY: "pytest.StashKey[PerTestDatabases]" = pytest.StashKey()
SEEDS_KEY = pytest.StashKey[frozenset[str] | None]()


def get_run(config: pytest.Config) -> "RunResources":
    """Return the resources of this process. The first call creates them."""
    if RUN_KEY not in config.stash:
        from seedbed.extras import require_extra

        require_extra("testing", "The pytest plugin")
        from seedbed.testing.session.run_resources import RunResources

        config.stash[RUN_KEY] = RunResources(config, seeds=config.stash.get(SEEDS_KEY, None))
    return config.stash[RUN_KEY]
