"""What the commands say of Neon when something is in the way; and migrations beside a branch."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from seedbed.branching.neon import NeonBranches
from tests.support.emulators import MARK, Neon, ask, emulated
from tests.support.patience import PATIENCE
from tests.support.projects import Project, reference_copy

PR = "preview/pr-42"
LATER = """
from alembic import op

revision, down_revision = "later", "e2be48669f4b"


def upgrade() -> None:
    op.execute("ALTER TABLE task ADD COLUMN points int")
    op.execute("SELECT pg_sleep({})")


def downgrade() -> None:
    op.execute("ALTER TABLE task DROP COLUMN points")
"""


@pytest.fixture(scope="module")
def emulator() -> Iterator[Neon]:
    with emulated() as neon:
        yield neon


@pytest.fixture
def neon(emulator: Neon) -> Iterator[Neon]:
    yield emulator
    emulator.faults(limit=10)
    emulator.main(MARK.format("development"), 'DROP TABLE IF EXISTS alembic_version, task, "user" CASCADE')
    for branch in sorted(emulator.run.cloud.branches.values(), key=lambda branch: branch.created_at, reverse=True):
        if not branch.default:
            NeonBranches.from_configuration(emulator.configuration()).client.delete_branch(branch.id)


@pytest.fixture
def project(neon: Neon, tmp_path: Path) -> Iterator[Project]:
    with reference_copy(tmp_path) as project:
        yield project


def refusal(project: Project, neon: Neon, *arguments: str, **changed: str) -> list[str]:
    given = {**neon.variables, **changed}
    said = project.run("seedbed", *arguments, code=1, given={k: v for k, v in given.items() if v}).stderr
    return [line.strip() for line in said.splitlines()]


class TestNoPreview:
    """Each of these is refused, and no branch is left."""

    def test_without_a_key(self, project: Project, neon: Neon) -> None:
        said = refusal(project, neon, "preview", "up", PR, NEON_API_KEY="")

        assert said[0] == "SB520 Branches of this database are created on Neon, and NEON_API_KEY is not set."

    def test_with_a_key_that_has_ended(self, project: Project, neon: Neon) -> None:
        said = refusal(project, neon, "preview", "up", PR, NEON_API_KEY="napi_old")

        assert said[0] == "SB521 Neon rejected NEON_API_KEY in the process's environment with 401."

    def test_in_a_project_that_is_not_known(self, project: Project, neon: Neon) -> None:
        said = refusal(project, neon, "preview", "up", PR, NEON_PROJECT_ID="old-lab-1")

        assert said[0].startswith("SB522 The key gives access to no Neon project old-lab-1")

    def test_in_a_project_that_is_full(self, project: Project, neon: Neon) -> None:
        neon.faults(limit=1)

        said = refusal(project, neon, "preview", "up", PR)

        assert said[0].startswith("SB523 No branch was created: the project already has 1 branch.")
        assert neon.names() == ["main"]

    def test_in_the_place_of_somebody_elses_branch(self, project: Project, neon: Neon) -> None:
        neon.call("POST", f"/api/v2/projects/{neon.run.cloud.project}/branches", {"branch": {"name": PR}})

        said = refusal(project, neon, "preview", "up", PR)

        assert said[0] == f"SB530 {PR} on Neon is not a branch of this project: Seedbed did not make it."
        assert neon.names() == ["main", PR]

    def test_that_lives_longer_than_neon_lets_it(self, project: Project, neon: Neon) -> None:
        said = refusal(project, neon, "preview", "up", PR, "--lasting", "31d")

        assert said[0].endswith("is more than 30 days away, and Neon allows no more.")
        assert said[0].startswith(f"SB512 The expiry of {PR} is invalid: ")
        assert neon.names() == ["main"]

    def test_from_a_branch_that_ends(self, project: Project, neon: Neon) -> None:
        project.run("seedbed", "branch", "create", "ending", "--lasting", "3d", given=neon.variables)

        said = refusal(project, neon, "preview", "up", PR, "--from", "ending")

        assert said[0].startswith("SB524 ending expires at ")
        assert neon.names() == ["ending", "main"]

    def test_without_a_network(self, project: Project, neon: Neon) -> None:
        began = time.monotonic()

        said = refusal(project, neon, "preview", "up", PR, NEON_API_HOST="http://127.0.0.1:1/api/v2")

        assert said[0].startswith("SB525 127.0.0.1:1 does not answer: ")
        assert time.monotonic() - began < 45

    @pytest.mark.parametrize("more", [[], ["--data", "copy"], ["--yes", "neondb"]], ids=" ".join)
    def test_with_rows_of_production_as_they_are(self, project: Project, neon: Neon, more: list[str]) -> None:
        neon.main(MARK.format("production"))

        said = refusal(project, neon, "preview", "up", PR, *more)

        assert said == [
            "SB511 development is marked production, and an unmasked copy of it cannot become a preview.",
            "Replace personal data: --data masked. Or confirm with the database's name: --data copy --yes NAME",
        ]
        assert neon.names() == ["main"]

    def test_with_rows_of_production_unless_the_database_is_named(self, project: Project, neon: Neon) -> None:
        neon.main(MARK.format("production"))

        said = refusal(project, neon, "preview", "up", PR, "--data", "copy", "--yes", "shop")
        project.run("seedbed", "preview", "up", PR, "--data", "copy", "--yes", "neondb", given=neon.variables)

        assert said[0].startswith("SB313 neondb was not copied unmasked")
        assert ask(neon.branches().url(PR).reveal(), "SELECT body FROM note") == [("hello",)]


class TestMigrations:
    def test_are_rehearsed_on_a_branch_that_is_removed(self, project: Project, neon: Neon) -> None:
        project.run("seedbed", "migrate", "apply", given=neon.variables)
        project.write("migrations/versions/later.py", LATER.format(0.1))

        said = project.run("seedbed", "migrate", "rehearse", given=neon.variables).stdout

        assert said.startswith("blocks reads and writes on task for 1")
        assert neon.names() == ["main"]
        assert neon.main("SELECT version_num FROM alembic_version") == [("e2be48669f4b",)]

    def test_that_are_interrupted_leave_no_branch(self, project: Project, neon: Neon) -> None:
        project.run("seedbed", "migrate", "apply", given=neon.variables)
        project.write("migrations/versions/later.py", LATER.format(2))

        process = project.start("seedbed", "migrate", "rehearse", **neon.variables)
        sleeping = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(2)' AND state = 'active'"
        while neon.main(sleeping) == [(0,)]:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE)

        assert process.returncode != 0
        assert neon.names() == ["main"]

    def test_are_applied_after_a_safety_branch_that_can_be_gone_back_to(self, project: Project, neon: Neon) -> None:
        said = project.run("seedbed", "migrate", "apply", "--safety-branch", given=neon.variables).stderr
        (safety,) = [name for name in neon.names() if name.startswith("safety/")]
        project.run("seedbed", "branch", "create", "back", "--from", safety, given=neon.variables)

        assert f"To restore: seedbed branch create NAME --from {safety} (expires " in said
        assert neon.main("SELECT count(*) FROM task") == [(0,)]
        assert ask(neon.branches().url("back").reveal(), "SELECT to_regclass('task'), body FROM note") == [
            (None, "hello")
        ]
