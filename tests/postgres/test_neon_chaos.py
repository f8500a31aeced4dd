"""A preview brought up again and again while answers are lost and whoever does it is killed; then once in peace.

SEEDBED_TEST_NEON_RUNS is how often: 4 otherwise, 300 by hand.
"""

import logging
import os
import random
import subprocess
import sys
from contextlib import suppress

from tests.emulators import MARK, ROOT, Neon, ask, emulated

RUNS = int(os.environ.get("SEEDBED_TEST_NEON_RUNS", "4"))
SEED = int(os.environ.get("SEEDBED_TEST_NEON_SEED", "42"))
PR = "preview/pr-42"
USERS = 'SELECT count(*) FROM "user"'
PLACES = "SELECT count(*) FROM pg_database WHERE datname LIKE 'br-%'"


def seedbed(neon: Neon, *arguments: str) -> "subprocess.Popen[str]":
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("NEON_", "DATABASE_", "SEEDBED_"))
    }
    return subprocess.Popen(
        [sys.executable, "-m", "seedbed", *arguments],
        cwd=ROOT,
        env={**kept, **neon.variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


class TestAPreviewOnNeon:
    def test_is_there_once_migrated_and_seeded_after_faults_and_kills(self) -> None:
        chance = random.Random(SEED)
        with emulated(step=0.01) as neon:
            neon.main("DROP TABLE note", MARK.format("development"))
            path = f"/api/v2/projects/{neon.run.cloud.project}/branches"
            other = neon.call("POST", path, {"branch": {"name": "x"}})["branch"]
            done, killed = 0, 0
            for number in range(RUNS):
                neon.faults(
                    seed=number, _409=0.1, _423=0.1, _429=0.05, _503=0.05, dropped=0.15, asleep=chance.randrange(3),
                    step=chance.choice([0.005, 0.05, 0.3]),
                )  # fmt: skip
                process = seedbed(neon, "preview", "up", PR)
                with suppress(subprocess.TimeoutExpired):
                    process.communicate(timeout=chance.choice([chance.uniform(1.0, 12.0), 60.0]))
                if process.poll() is None:
                    process.kill()
                    process.communicate()
                    killed += 1
                done += process.returncode == 0
                if chance.random() < 0.4:
                    seedbed(neon, "preview", "down", PR).communicate()
            neon.faults()

            process = seedbed(neon, "preview", "up", PR)
            said = process.communicate()

            assert process.returncode == 0, said
            assert neon.names() == ["main", PR, "x"]
            url = neon.branches().url(PR).reveal()
            assert ask(url, USERS) == [(50,)]
            assert ask(url, "SELECT version_num, name FROM alembic_version, seedbed.environment") == [
                ("e2be48669f4b", "preview")
            ]
            assert ask(url, PLACES) == [(3,)]
            assert neon.main("SELECT name, to_regclass('alembic_version') FROM seedbed.environment") == [
                ("development", None)
            ]
            assert neon.call("GET", f"{path}/{other['id']}")["branch"]["updated_at"] == other["updated_at"]
            assert killed
            assert done or RUNS < 20
            logging.getLogger(__name__).info("%s runs: %s came up, %s were killed", RUNS, done, killed)
