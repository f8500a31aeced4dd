"""Drafting on schemas that nobody thought of, drawn from a seed."""

import os
from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings

from seedbed.errors import MissingBackfill, UnsupportedChange, UnknownTypeConversion, AmbiguousRename
from seedbed.migrations.proof.proof import Verdict
from seedbed.postgres.embedded import run_temporary_server
from tests.catalogue.drawing import Edit, edits
from tests.catalogue.harness import Ground, seedbed_proves

EXAMPLES = int(os.environ.get("SEEDBED_TEST_EXAMPLES", "40"))
"""How many edits are drawn; CI draws a few, and a release draws a thousand."""
REFUSED = 0.02
"""The share of drawn edits that may be refused in words."""

refusals: Counter[str] = Counter()


@pytest.fixture(scope="module")
def ground() -> Iterator[Ground]:
    with run_temporary_server() as server:
        yield Ground(server)


class TestDraft:
    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(edit=edits())
    def test_any_edit_is_proven_or_refused_with_an_error(self, ground: Ground, edit: Edit) -> None:
        try:
            proof = seedbed_proves(ground, edit.before.metadata(), edit.after.metadata(), edit.words)
        except (MissingBackfill, UnsupportedChange, UnknownTypeConversion, AmbiguousRename) as refusal:
            refusals[refusal.message] += 1
            return

        assert proof.verdict in {Verdict.PROVEN, Verdict.NAMED_LOSS}

    def test_few_edits_are_refused(self) -> None:
        assert sum(refusals.values()) <= max(1, REFUSED * EXAMPLES), refusals
