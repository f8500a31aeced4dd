"""Every change of the catalog, in both directions, drafted and proven on each installed PostgreSQL."""

from collections.abc import Iterator

import pytest

from seedbed.migrations.proof.proof import Verdict
from seedbed.postgres.embedded import run_temporary_server
from tests.migrations.changes.cases import CASES
from tests.migrations.changes.harness import TrialServer, prove_with_seedbed
from tests.migrations.changes.world import Case
from tests.support.servers import installed

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=installed(), ids=lambda binaries: f"postgres-{binaries.major_version}")
def trial_server(request: pytest.FixtureRequest) -> Iterator[TrialServer]:
    with run_temporary_server(request.param) as server:
        yield TrialServer(server)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "-"))
class TestDraft:
    def test_upgrade_is_proven(self, trial_server: TrialServer, case: Case) -> None:
        proof = prove_with_seedbed(trial_server, case.before.metadata(), case.after.metadata(), case.decisions)

        assert proof.verdict in {Verdict.VERIFIED, Verdict.DATA_LOSS}

    def test_reverse_change_is_proven(self, trial_server: TrialServer, case: Case) -> None:
        proof = prove_with_seedbed(trial_server, case.after.metadata(), case.before.metadata(), case.reverse_decisions)

        assert proof.verdict in {Verdict.VERIFIED, Verdict.DATA_LOSS}


class TestCases:
    def test_names_are_unique(self) -> None:
        names = [case.name for case in CASES]

        assert len(names) == len(set(names)) >= 120
