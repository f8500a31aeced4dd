"""Keep a test run's resources and each test's databases in pytest's stash."""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from seedbed.testing.session.per_test_databases import Case
    from seedbed.testing.session.run_resources import Run

RUN: "pytest.StashKey[Run]" = pytest.StashKey()
CASE: "pytest.StashKey[Case]" = pytest.StashKey()
SEEDS = pytest.StashKey[frozenset[str] | None]()


def run_of(config: pytest.Config) -> "Run":
    """Return the resources of this process, created when a test first needs them."""
    if RUN not in config.stash:
        from seedbed.testing.session.run_resources import Run

        config.stash[RUN] = Run(config, seeds=config.stash.get(SEEDS, None))
    return config.stash[RUN]
