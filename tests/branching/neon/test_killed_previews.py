"""A preview brought up again and again while answers are lost and whoever does it is killed; then once in peace.

SEEDBED_TEST_NEON_RUNS is how often: 4 otherwise, 300 by hand.
"""

import os
import random
import re
import statistics
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress

import psycopg2
import pytest

from tests.support.emulators import MARK, ROOT, Neon, ask, emulated

pytestmark = pytest.mark.chaos

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


def await_work(neon: Neon, process: "subprocess.Popen[str]") -> float:
    """Wait until a command asks Neon for something: importing what it needs takes as long as its work."""
    before = len(neon.requests)
    while len(neon.requests) == before and process.poll() is None:
        time.sleep(0.005)
    return time.monotonic()


def reached(neon: Neon) -> str:
    """How far a preview has come."""
    found = [branch for branch in neon.run.cloud.branches.values() if branch.name.startswith(PR)]
    if not found:
        return "not made"
    if found[0].name == PR:
        return "up"
    url = neon.run.cloud.storage.server.url(found[0].get_database_name("neondb")).reveal()
    try:
        return "seeded" if ask(url, USERS) != [(0,)] else "migrated"
    except psycopg2.Error:
        return "made"


class TestAPreviewOnNeon:
    def test_is_there_once_migrated_and_seeded_after_faults_and_kills(self, capsys: pytest.CaptureFixture[str]) -> None:
        chance = random.Random(SEED)
        with emulated(step=0.01) as neon:
            neon.main("DROP TABLE note", MARK.format("development"))
            path = f"/api/v2/projects/{neon.run.cloud.project}/branches"
            other = neon.call("POST", path, {"branch": {"name": "x"}})["branch"]
            process = seedbed(neon, "preview", "up", PR)
            began = await_work(neon, process)
            process.communicate(timeout=60)
            assert process.returncode == 0
            took = [time.monotonic() - began]
            seedbed(neon, "preview", "down", PR).communicate()
            done, killed, failed = 0, Counter[str](), Counter[str]()
            for number in range(RUNS):
                neon.faults(
                    seed=number, _409=0.1, _423=0.1, _429=0.05, _503=0.05, dropped=0.15, asleep=chance.randrange(3),
                    step=chance.choice([0.005, 0.05, 0.3]),
                )  # fmt: skip
                process, usual = seedbed(neon, "preview", "up", PR), statistics.median(took)
                began = await_work(neon, process)
                said = ("", "")
                with suppress(subprocess.TimeoutExpired):
                    said = process.communicate(timeout=chance.uniform(0.0, usual) if chance.random() < 0.7 else 90.0)
                if process.poll() is None:
                    process.kill()
                    process.communicate()
                    killed[reached(neon)] += 1
                elif process.returncode == 0:
                    took.append(time.monotonic() - began)
                    done += 1
                else:
                    failed[re.sub(r"ep-[\w-]+", "ep", said[1].strip()[:160])] += 1
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
            with capsys.disabled():
                sys.stderr.write(f"\n{RUNS} runs, {done} up, killed: {dict(killed)}, failed: {dict(failed)}\n")
            assert RUNS < 50 or (done and killed["made"] and killed["up"] and len(killed) > 2)
