"""Every change of the catalog, there and back, drafted and proven on each PostgreSQL that this machine has."""

from collections.abc import Iterator

import pytest

from seedbed.migrations.proof.proof import Verdict
from seedbed.postgres.embedded import run_temporary_server
from tests.catalogue.cases import CASES
from tests.catalogue.harness import Ground, seedbed_proves
from tests.catalogue.world import Case
from tests.servers import installed


@pytest.fixture(scope="module", params=installed(), ids=lambda binaries: f"postgres-{binaries.major}")
def ground(request: pytest.FixtureRequest) -> Iterator[Ground]:
    with run_temporary_server(request.param) as server:
        yield Ground(server)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "-"))
class TestDraft:
    def test_upgrade_is_proven(self, ground: Ground, case: Case) -> None:
        proof = seedbed_proves(ground, case.before.metadata(), case.after.metadata(), case.words)

        assert proof.verdict in {Verdict.PROVEN, Verdict.NAMED_LOSS}

    def test_reverse_change_is_proven(self, ground: Ground, case: Case) -> None:
        proof = seedbed_proves(ground, case.after.metadata(), case.before.metadata(), case.back)

        assert proof.verdict in {Verdict.PROVEN, Verdict.NAMED_LOSS}


class TestCases:
    def test_names_are_unique(self) -> None:
        names = [case.name for case in CASES]

        assert len(names) == len(set(names)) >= 120
