"""A branch made again and again while answers are lost and whoever makes it is killed; then once in peace.

SEEDBED_TEST_NEON_RUNS is how often: 6 otherwise, 300 by hand.
"""

import os
import random
import subprocess
import sys
from contextlib import suppress

from seedbed.errors import BranchExists, BranchNotFound
from seedbed.settings import Environment
from tests.emulators import ROOT, ask, emulated

RUNS = int(os.environ.get("SEEDBED_TEST_NEON_RUNS", "6"))
PR = "preview/pr-42"
ENSURE = """
from pathlib import Path
from seedbed.branching import provider_of
from seedbed.errors import BranchExists, BranchNotFound
from seedbed.settings import Environment, find_project, load

branches = provider_of(load(find_project(Path()), "development"))
try:
    branches.get("preview/pr-42")
except BranchNotFound:
    try:
        branches.create("preview/pr-42", environment=Environment.PREVIEW)
    except BranchExists:
        pass
branches.url("preview/pr-42", unfinished=True)
branches.finish("preview/pr-42")
if {delete}:
    branches.delete("preview/pr-42")
"""


class TestABranchOnNeon:
    def test_is_there_once_after_faults_and_kills(self) -> None:
        chance = random.Random(42)
        with emulated(step=0.01) as neon:
            others = neon.call("POST", f"/api/v2/projects/{neon.run.cloud.project}/branches", {"branch": {"name": "x"}})
            kept = {name: value for name, value in os.environ.items() if not name.startswith(("NEON_", "DATABASE_"))}
            killed = 0
            for number in range(RUNS):
                neon.faults(
                    seed=number, _423=0.1, _429=0.05, _503=0.05, dropped=0.15, asleep=chance.randrange(3),
                    step=chance.choice([0.005, 0.05]),
                )  # fmt: skip
                script = ENSURE.format(delete=chance.random() < 0.5)
                process = subprocess.Popen(
                    [sys.executable, "-c", script], cwd=ROOT, env={**kept, **neon.variables}, stderr=subprocess.PIPE
                )
                with suppress(subprocess.TimeoutExpired):
                    process.communicate(timeout=chance.uniform(0.8, 6.0))
                if process.poll() is None:
                    process.kill()
                    process.communicate()
                    killed += 1
            neon.faults()
            branches = neon.branches()

            try:
                branches.get(PR)
            except BranchNotFound:
                with suppress(BranchExists):
                    branches.create(PR, environment=Environment.PREVIEW)
            branches.url(PR, unfinished=True)
            branches.finish(PR)

            said = neon.call("GET", f"/api/v2/projects/{neon.run.cloud.project}/branches/{others['branch']['id']}")
            assert neon.names() == ["main", PR, "x"]
            assert said["branch"]["updated_at"] == others["branch"]["updated_at"]
            assert ask(branches.url(PR).reveal(), "SELECT body, name FROM note, seedbed.environment") == [
                ("hello", "preview")
            ]
            assert neon.main("SELECT name FROM seedbed.environment") == [("development",)]
            places = "SELECT count(*) FROM pg_database WHERE datname LIKE 'br-%'"
            assert ask(branches.url(PR).reveal(), places) == [(3,)]
            assert killed
