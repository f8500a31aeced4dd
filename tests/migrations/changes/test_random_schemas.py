"""Drafts of random schemas, drawn from a seed."""

from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings

from seedbed.errors import AmbiguousRename, MissingBackfill, UnknownTypeConversion, UnsupportedChange
from seedbed.migrations.proof.proof import Verdict
from seedbed.postgres.embedded import run_temporary_server
from tests.migrations.changes.harness import TrialServer, prove_with_seedbed
from tests.migrations.changes.random_schemas import Edit, edits
from tests.support.effort import repetitions

EXAMPLES = repetitions("EXAMPLES", usual=40, quick=10, thorough=1000)
"""How many edits are drawn; CI draws a few, and a release draws a thousand."""
REFUSED = 0.02
"""The share of drawn edits that may be refused."""

refusals: Counter[str] = Counter()


@pytest.fixture(scope="module")
def trial_server() -> Iterator[TrialServer]:
    with run_temporary_server() as server:
        yield TrialServer(server)


class TestDraft:
    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(edit=edits())
    def test_any_edit_is_proven_or_seldom_refused(self, trial_server: TrialServer, edit: Edit) -> None:
        try:
            proof = prove_with_seedbed(trial_server, edit.before.metadata(), edit.after.metadata(), edit.decisions)
        except (MissingBackfill, UnsupportedChange, UnknownTypeConversion, AmbiguousRename) as refusal:
            refusals[refusal.message] += 1
            assert refusals.total() <= max(1, REFUSED * EXAMPLES), refusals
            return

        assert proof.verdict in {Verdict.VERIFIED, Verdict.DATA_LOSS}
